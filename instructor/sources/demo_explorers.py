# %% [markdown]
# # Weight quantization: six explorers
#
# A small network reads handwritten digits. Move a slider and see what fewer bits do to its weights, to
# its accuracy and to the bytes it takes. Make a guess before each move.

# %%
import quantlab_helpers as ql
from quantlab_helpers import explorers

net = ql.load_baseline(device="cpu")

# %% [markdown]
# ## Equal steps
#
# How few bits per weight still read the digits? Does one bit more always help?

# %%
explorers.explore_uniform(net)

# %% [markdown]
# ## One outlier
#
# One weight grows. What is left for the others?

# %%
explorers.explore_outlier()

# %% [markdown]
# ## k-means
#
# Let the weights choose the levels. Where do the centres go, and who changes sides?

# %%
explorers.explore_kmeans(net)

# %% [markdown]
# ## The bytes of the file
#
# Which layer takes the most bytes before an entropy coder, and which after it?

# %%
explorers.explore_storage(net)

# %% [markdown]
# ## Accuracy against bytes
#
# How many times smaller than float32 can the file be at 98 % accuracy?

# %%
explorers.explore_tradeoff(net)

# %% [markdown]
# ## Retraining
#
# Train on after quantizing: what comes back, and what is lost?

# %%
explorers.explore_retraining()
