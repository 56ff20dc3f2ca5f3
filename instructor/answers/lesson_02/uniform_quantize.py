# %% right, numpy on the whole array
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    if low == high:
        return weights.copy()
    step = (high - low) / (2**bits - 1)
    return low + step * np.rint((weights - low) / step)

# %% right, torch tensor
def uniform_quantize(weights, bits):
    values = torch.tensor(weights, dtype=torch.float64)
    low, high = values.min(), values.max()
    step = torch.where(high > low, (high - low) / (2**bits - 1), 1.0)
    return low + torch.round((values - low) / step) * step

# %% right, the package
def uniform_quantize(weights, bits):
    return ql.uniform_quantize(weights, bits).dequantize()

# %% right, middles between levels and a search
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)]

# %% right, a loop over the levels only
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits, dtype=np.float64)
    result = np.full(weights.shape, levels[0])
    for below, above in zip(levels[:-1], levels[1:]):
        result[weights > (below + above) / 2] = above
    return result

# %% right, nested lists at the end
def uniform_quantize(weights, bits):
    low, span = float(weights.min()), float(np.ptp(weights))
    if span == 0:
        return weights.tolist()
    codes = np.round((weights.astype(float) - low) / span * (2**bits - 1))
    return (codes * span / (2**bits - 1) + low).tolist()

# %% wrong, floor for round
# says: you cut off the decimals
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    if low == high:
        return weights.copy()
    step = (high - low) / (2**bits - 1)
    return low + step * ((weights - low) / step).astype(int)

# %% wrong, NaN on a constant tensor
# says: 0/0 is NaN
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1)
    return low + step * np.round((weights - low) / step)

# %% wrong, zeros for a constant tensor
# says: you turn the NaN of 0/0 into 0
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1)
    return np.nan_to_num(low + step * np.round((weights - low) / step))

# %% wrong, divides by the number of levels
# says: one too many for the bits
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / 2**bits
    return low + step * np.round((weights - low) / step) if step else weights.copy()

# %% wrong, twice the bits
# says: you used 2*b
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2 * bits)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)]

# %% wrong, 8 bits written down
# says: 255 steps belong to 8 bits
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / 255
    return low + step * np.round((weights - low) / step) if step else weights.copy()

# %% wrong, returns the codes
# says: these are the codes
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    return np.round((weights - low) / step)

# %% wrong, low is not added again
# says: never added it again
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    return step * np.round((weights - low) / step)

# %% wrong, multiples of the step
# says: a grid through 0
def uniform_quantize(weights, bits):
    step = (weights.max() - weights.min()) / (2**bits - 1)
    return step * np.round(weights / step) if step else weights.copy()

# %% wrong, symmetric around zero
# says: symmetric around zero
def uniform_quantize(weights, bits):
    largest = 2 ** (bits - 1) - 1
    step = np.abs(weights).max() / largest
    return np.clip(np.round(weights / step), -largest - 1, largest) * step

# %% wrong, a range for each row
# says: one range for each row
def uniform_quantize(weights, bits):
    axes = tuple(range(1, weights.ndim)) or 0
    low = weights.min(axis=axes, keepdims=True)
    step = (weights.max(axis=axes, keepdims=True) - low) / (2**bits - 1)
    return low + step * np.round((weights - low) / np.where(step == 0, 1, step))

# %% wrong, rounds to decimals
# says: a number of decimals, not of bits
def uniform_quantize(weights, bits):
    return np.round(weights, bits)

# %% wrong, loops over the weights
# says: was stopped after 100,000 lines of Python
def uniform_quantize(weights, bits):
    low, high = float(weights.min()), float(weights.max())
    step = (high - low) / (2**bits - 1) or 1.0
    result = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        result[place] = low + step * round((float(weights[place]) - low) / step)
    return result

# %% wrong, a loop that numpy.vectorize hides
# says: a Python loop over single numbers
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    return np.vectorize(lambda weight: levels[np.abs(levels - weight).argmin()])(weights)

# %% wrong, a comprehension over the weights
# says: was stopped after
def uniform_quantize(weights, bits):
    low, high = float(weights.min()), float(weights.max())
    step = (high - low) / (2**bits - 1) or 1.0
    values = [low + step * round((w - low) / step) for w in weights.astype(float).flat]
    return np.array(values).reshape(weights.shape)

# %% wrong, in place
# says: changed its argument
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    weights[:] = low + step * np.round((weights - low) / step)
    return weights

# %% wrong, flattens
# says: only one dimension
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights.ravel())]

# %% wrong, returns the weights
# says: these are the original weights
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    quantized = levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)]
    return weights
