# %% right, half a step
def error_bound(low, high, bits):
    return (high - low) / (2**bits - 1) / 2

# %% right, distance between the first two levels
def error_bound(low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return 0.5 * (levels[1] - levels[0])

# %% right, the package
def error_bound(low, high, bits):
    return ql.half_step_bound(ql.uniform_quantize([low, high], bits))

# %% right, a tensor with one number
def error_bound(low, high, bits):
    return torch.tensor(high - low) / (2 * (2**bits - 1))

# %% wrong, a whole step
# says: that is a whole step
def error_bound(low, high, bits):
    return (high - low) / (2**bits - 1)

# %% wrong, half of the number of levels
# says: only 2^bits - 1 steps
def error_bound(low, high, bits):
    return (high - low) / 2 ** (bits + 1)

# %% wrong, halved twice
# says: you halved twice
def error_bound(low, high, bits):
    return ((high - low) / 2) / (2**bits - 1) / 2

# %% wrong, high for the range
# says: you used only high
def error_bound(low, high, bits):
    return high / (2**bits - 1) / 2

# %% wrong, the sign
# says: never negative
def error_bound(low, high, bits):
    return (low - high) / (2**bits - 1) / 2

# %% wrong, twice the bits
# says: you used 2*b
def error_bound(low, high, bits):
    return (high - low) / (2 * bits - 1) / 2

# %% wrong, half the range
# says: halfway between two levels
def error_bound(low, high, bits):
    return (high - low) / 2

# %% wrong, cuts off the decimals
# says: the result is the same for every input
def error_bound(low, high, bits):
    return int((high - low) / (2**bits - 1) / 2)

# %% wrong, written for the example
# says: the result is the same for every input
def error_bound(low, high, bits):
    return 0.5

# %% wrong, an error for every level
# says: not one number
def error_bound(low, high, bits):
    return np.full(2**bits, (high - low) / (2**bits - 1) / 2)

# %% wrong, returns nothing
# says: returned None
def error_bound(low, high, bits):
    bound = (high - low) / (2**bits - 1) / 2
