# %% right, numpy on the whole array
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1)
    if step == 0:
        return np.zeros(weights.shape, int)
    return np.clip(np.rint((weights - low) / step), 0, 2**bits - 1).astype(int)

# %% right, nearest level by distance
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.abs(weights[..., None] - levels).argmin(axis=-1)

# %% right, loop over the weights
def quantize_to_indices(weights, low, high, bits):
    codes = np.zeros(weights.shape, dtype=np.int64)
    if low == high:
        return codes
    for place in np.ndindex(weights.shape):
        inside = min(max(float(weights[place]), low), high)
        codes[place] = round((inside - low) * (2**bits - 1) / (high - low))
    return codes

# %% right, torch tensor
def quantize_to_indices(weights, low, high, bits):
    inside = torch.as_tensor(weights).clamp(low, high)
    span = high - low if high > low else 1.0
    return ((inside - low) * (2**bits - 1) / span).round().long()

# %% right, middles between levels and a search
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    codes = np.searchsorted((levels[:-1] + levels[1:]) / 2, weights)
    return codes.astype(np.uint16)

# %% right, nested lists
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    def code(value):
        if isinstance(value, list):
            return [code(part) for part in value]
        return int(np.argmin(abs(levels - value)))
    return code(weights.tolist())

# %% wrong, floor for round
# says: you cut off the decimals
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1)
    if step == 0:
        return np.zeros(weights.shape, int)
    return np.clip((weights - low) / step, 0, 2**bits - 1).astype(int)

# %% wrong, ceil for round
# says: the level above (ceil)
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.ceil((weights - low) / step), 0, 2**bits - 1).astype(int)

# %% wrong, does not clip
# says: must get the first or the last code
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.rint((weights - low) / step).astype(int)

# %% wrong, clips at the number of levels
# says: you clip at 2^bits
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint((weights - low) / step), 0, 2**bits).astype(int)

# %% wrong, codes stay floats
# says: they are still floats
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint((weights - low) / step), 0, 2**bits - 1)

# %% wrong, uint8 for every width
# says: your codes wrap around: uint8
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint((weights - low) / step), 0, 2**bits - 1).astype(int).astype(np.uint8)

# %% wrong, int8 for every width
# says: your codes wrap around: int8
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.abs(weights[..., None] - levels).argmin(-1).astype(np.int8)

# %% wrong, converts before it clips
# says: a code below 0 or above 255 becomes another code
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.rint((weights - low) / step).astype(int).astype(np.uint8)

# %% wrong, takes the range from the weights
# says: instead of low and high
def quantize_to_indices(weights, low, high, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    return np.rint((weights - low) / step).astype(int)

# %% wrong, divides by the number of levels
# says: you divided the range by 2^bits
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / 2**bits or 1.0
    return np.rint((np.clip(weights, low, high) - low) / step).astype(int)

# %% wrong, low is forgotten
# says: you counted the steps from zero
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint(weights / step), 0, 2**bits - 1).astype(int)

# %% wrong, counts from one
# says: your codes start at 1
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.abs(weights[..., None] - levels).argmin(-1) + 1

# %% wrong, returns the levels
# says: these are the levels themselves
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return levels[np.abs(weights[..., None] - levels).argmin(-1)]

# %% wrong, divides by a step of zero
# says: 0/0 is NaN
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1)
    codes = np.clip(np.rint((weights.astype(float) - low) / np.float64(step)), 0, 2**bits - 1)
    return codes.astype(np.int64)

# %% wrong, flattens
# says: only one dimension
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.array([np.abs(levels - weight).argmin() for weight in weights.ravel()])

# %% wrong, in place
# says: changed its argument
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    weights -= low
    weights /= step
    return np.clip(np.rint(weights), 0, 2**bits - 1).astype(int)
