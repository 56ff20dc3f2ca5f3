"""Answers to the exercises of lesson 02: right ones written differently, and named mistakes."""

# %% uniform-levels: right, numpy.linspace
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2**bits)

# %% uniform-levels: wrong, divides by the number of levels
# says: you divided by 2^bits
def uniform_levels(low, high, bits):
    return low + (high - low) / 2**bits * np.arange(2**bits)
