# %% [markdown]
# # Weight quantization: six explorers
#
# A small network reads handwritten digits. Move a slider and see what fewer bits do to its
# weights, to its accuracy and to its size in bytes. Make a guess before each move.

# %%
import quantlab_helpers as ql
from quantlab_helpers import explorers

net = ql.load_baseline(device="cpu")

# %% [markdown]
# ## Equal steps
#
# How many bits per weight does the network need to read the digits? Does one more bit always
# help?

# %%
explorers.explore_uniform(net)

# %% [markdown]
# ## One outlier
#
# One weight grows. What happens to the other weights?

# %%
explorers.explore_outlier()

# %% [markdown]
# ## k-means
#
# Let the weights choose the levels. Where do the centres go, and which weights change to another
# centre?

# %%
explorers.explore_kmeans(net)

# %% [markdown]
# ## The bytes of the file
#
# Which layer takes the most bytes without an entropy coder, and which layer with one?

# %%
explorers.explore_storage(net)

# %% [markdown]
# ## Accuracy against bytes
#
# How many times smaller than float32 can the file be at 98% accuracy?

# %%
explorers.explore_tradeoff(net)

# %% [markdown]
# ## Retraining
#
# Continue training after quantizing. What comes back, and what is lost?

# %%
explorers.explore_retraining()
