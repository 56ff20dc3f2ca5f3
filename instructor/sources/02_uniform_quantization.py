# %% [markdown]
# # Uniform quantization
#
# After this notebook you can **predict** what b bits per weight cost, in error and in bytes,
# before you run anything.
#
# *Needs*: lesson 00. *Takes*: 30 minutes.

# %%
import numpy as np
import quantlab_helpers as ql
from quantlab_helpers import checks, plots

net = ql.load_baseline(device="cpu")
weights = net.conv2.weight.detach().numpy()

# %% [markdown]
# ## Exercise: the levels
#
# With b bits you can tell 2ᵇ values apart. Uniform quantization places 2ᵇ **levels** at equal
# distances, the first on the smallest weight and the last exactly on the largest.

# %% nbgrader={"grade": false, "grade_id": "uniform-levels", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: uniform-levels
def uniform_levels(low, high, bits):
    """Return the 2**bits levels from low to high, ascending, in equal steps.

    low, high: the range of the weights, in their units; bits: 1 to 16.
    Example: uniform_levels(0.0, 3.0, 2) gives [0.0, 1.0, 2.0, 3.0].
    Hint: how many steps lie between 4 levels?
    """
    ### BEGIN SOLUTION
    step = (high - low) / (2**bits - 1)
    return low + step * np.arange(2**bits)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-uniform-levels", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: uniform-levels
checks.check("uniform-levels", uniform_levels)
### BEGIN HIDDEN TESTS
checks.check("uniform-levels", uniform_levels, seed=8201)
### END HIDDEN TESTS
