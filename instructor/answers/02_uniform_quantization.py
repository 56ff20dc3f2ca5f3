"""Answers to the exercises of lesson 02: right ones written differently, and named mistakes."""

# %% uniform-levels: right, numpy.linspace
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2**bits)

# %% uniform-levels: right, list built in a loop
def uniform_levels(low, high, bits):
    step = (high - low) / (2**bits - 1)
    levels = []
    for code in range(2**bits):
        levels.append(low + code * step)
    return levels

# %% uniform-levels: right, torch in float32
def uniform_levels(low, high, bits):
    return torch.linspace(low, high, 1 << bits)

# %% uniform-levels: right, weighted mean of the ends as a tuple
def uniform_levels(low, high, bits):
    last = 2**bits - 1
    return tuple(low * (last - i) / last + high * i / last for i in range(last + 1))

# %% uniform-levels: right, the package's codebook
def uniform_levels(low, high, bits):
    return ql.uniform_quantize([low, high], bits).codebook

# %% uniform-levels: right, float64 added up
def uniform_levels(low, high, bits):
    levels = [low]
    while len(levels) < 2**bits:
        levels.append(levels[-1] + (high - low) / (2**bits - 1))
    return levels

# %% uniform-levels: wrong, divides by the number of levels
# says: you divided by 2^bits
def uniform_levels(low, high, bits):
    return low + (high - low) / 2**bits * np.arange(2**bits)

# %% uniform-levels: wrong, one level too many
# says: one level too many
def uniform_levels(low, high, bits):
    step = (high - low) / 2**bits
    return [low + step * code for code in range(2**bits + 1)]

# %% uniform-levels: wrong, as many levels as steps
# says: that is the number of steps between 2^bits levels
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2**bits - 1)

# %% uniform-levels: wrong, the loop stops before the last level
# says: your levels stop before high
def uniform_levels(low, high, bits):
    step = (high - low) / (2**bits - 1)
    return [low + step * code for code in range(2**bits - 1)]

# %% uniform-levels: wrong, twice the bits
# says: you used 2*b
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2 * bits)

# %% uniform-levels: wrong, float32 step added again and again
# says: you add the step again and again in float32
def uniform_levels(low, high, bits):
    level = torch.tensor(low)
    step = (torch.tensor(high) - low) / (2**bits - 1)
    levels = []
    for _ in range(2**bits):
        levels.append(level)
        level = level + step
    return torch.stack(levels)

# %% uniform-levels: wrong, low is forgotten
# says: the start of the grid is missing
def uniform_levels(low, high, bits):
    return (high - low) / (2**bits - 1) * np.arange(2**bits)

# %% uniform-levels: wrong, middles of cells
# says: took their middles
def uniform_levels(low, high, bits):
    edges = np.linspace(low, high, 2**bits + 1)
    return (edges[:-1] + edges[1:]) / 2

# %% uniform-levels: wrong, symmetric around zero
# says: symmetric around zero
def uniform_levels(low, high, bits):
    largest = max(abs(low), abs(high))
    return np.linspace(-largest, largest, 2**bits)

# %% uniform-levels: wrong, arange with a step of zero
# says: raised ZeroDivisionError
def uniform_levels(low, high, bits):
    step = (high - low) / (2**bits - 1)
    count = int(round((high - low) / step)) + 1
    return low + step * np.arange(count)

# %% uniform-levels: wrong, written for the example
# says: the result is the same for every input
def uniform_levels(low, high, bits):
    return [0.0, 1.0, 2.0, 3.0]

# %% uniform-levels: wrong, prints and returns nothing
# says: returned None
def uniform_levels(low, high, bits):
    print(np.linspace(low, high, 2**bits)[-1])

# %% quantize-to-indices: right, numpy on the whole array
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1)
    if step == 0:
        return np.zeros(weights.shape, int)
    return np.clip(np.rint((weights - low) / step), 0, 2**bits - 1).astype(int)

# %% quantize-to-indices: right, nearest level by distance
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.abs(weights[..., None] - levels).argmin(axis=-1)

# %% quantize-to-indices: right, loop over the weights
def quantize_to_indices(weights, low, high, bits):
    codes = np.zeros(weights.shape, dtype=np.int64)
    if low == high:
        return codes
    for place in np.ndindex(weights.shape):
        inside = min(max(float(weights[place]), low), high)
        codes[place] = round((inside - low) * (2**bits - 1) / (high - low))
    return codes

# %% quantize-to-indices: right, torch tensor
def quantize_to_indices(weights, low, high, bits):
    inside = torch.as_tensor(weights).clamp(low, high)
    span = high - low if high > low else 1.0
    return ((inside - low) * (2**bits - 1) / span).round().long()

# %% quantize-to-indices: right, middles between levels and a search
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    codes = np.searchsorted((levels[:-1] + levels[1:]) / 2, weights)
    return codes.astype(np.uint16)

# %% quantize-to-indices: right, nested lists
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    def code(value):
        if isinstance(value, list):
            return [code(part) for part in value]
        return int(np.argmin(abs(levels - value)))
    return code(weights.tolist())

# %% quantize-to-indices: wrong, floor for round
# says: you cut off the decimals
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1)
    if step == 0:
        return np.zeros(weights.shape, int)
    return np.clip((weights - low) / step, 0, 2**bits - 1).astype(int)

# %% quantize-to-indices: wrong, ceil for round
# says: the level above (ceil)
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.ceil((weights - low) / step), 0, 2**bits - 1).astype(int)

# %% quantize-to-indices: wrong, does not clip
# says: they must saturate
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.rint((weights - low) / step).astype(int)

# %% quantize-to-indices: wrong, clips at the number of levels
# says: you clip at 2^bits
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint((weights - low) / step), 0, 2**bits).astype(int)

# %% quantize-to-indices: wrong, codes stay floats
# says: they are still floats
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint((weights - low) / step), 0, 2**bits - 1)

# %% quantize-to-indices: wrong, uint8 for every width
# says: your codes wrap around: uint8
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint((weights - low) / step), 0, 2**bits - 1).astype(int).astype(np.uint8)

# %% quantize-to-indices: wrong, int8 for every width
# says: your codes wrap around: int8
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.abs(weights[..., None] - levels).argmin(-1).astype(np.int8)

# %% quantize-to-indices: wrong, converts before it clips
# says: a code below 0 or above 255 becomes another one
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.rint((weights - low) / step).astype(int).astype(np.uint8)

# %% quantize-to-indices: wrong, takes the range from the weights
# says: instead of low and high
def quantize_to_indices(weights, low, high, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    return np.rint((weights - low) / step).astype(int)

# %% quantize-to-indices: wrong, divides by the number of levels
# says: you divided the range by 2^bits
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / 2**bits or 1.0
    return np.rint((np.clip(weights, low, high) - low) / step).astype(int)

# %% quantize-to-indices: wrong, low is forgotten
# says: you counted the steps from zero
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    return np.clip(np.rint(weights / step), 0, 2**bits - 1).astype(int)

# %% quantize-to-indices: wrong, counts from one
# says: your codes start at 1
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.abs(weights[..., None] - levels).argmin(-1) + 1

# %% quantize-to-indices: wrong, returns the levels
# says: these are the levels themselves
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return levels[np.abs(weights[..., None] - levels).argmin(-1)]

# %% quantize-to-indices: wrong, divides by a step of zero
# says: 0/0 is NaN
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1)
    codes = np.clip(np.rint((weights.astype(float) - low) / np.float64(step)), 0, 2**bits - 1)
    return codes.astype(np.int64)

# %% quantize-to-indices: wrong, flattens
# says: in one long row
def quantize_to_indices(weights, low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return np.array([np.abs(levels - weight).argmin() for weight in weights.ravel()])

# %% quantize-to-indices: wrong, in place
# says: changed its argument
def quantize_to_indices(weights, low, high, bits):
    step = (high - low) / (2**bits - 1) or 1.0
    weights -= low
    weights /= step
    return np.clip(np.rint(weights), 0, 2**bits - 1).astype(int)

# %% dequantize: right, numpy
def dequantize(codes, low, high, bits):
    return low + (high - low) / (2**bits - 1) * codes

# %% dequantize: right, a table of levels
def dequantize(codes, low, high, bits):
    return np.linspace(low, high, 2**bits)[codes]

# %% dequantize: right, torch in float32
def dequantize(codes, low, high, bits):
    return low + torch.as_tensor(codes).float() * ((high - low) / (2**bits - 1))

# %% dequantize: right, loop into a float array
def dequantize(codes, low, high, bits):
    values = np.zeros(codes.shape)
    for place, code in np.ndenumerate(codes):
        values[place] = low + int(code) * (high - low) / (2**bits - 1)
    return values

# %% dequantize: right, the package's own class
def dequantize(codes, low, high, bits):
    levels = np.linspace(low, high, 2**bits).astype(np.float32)
    return ql.QuantizedTensor(codes, levels, bits).dequantize()

# %% dequantize: wrong, divides by the number of levels
# says: you divided by 2^bits
def dequantize(codes, low, high, bits):
    return low + codes * (high - low) / 2**bits

# %% dequantize: wrong, low is forgotten
# says: low is missing
def dequantize(codes, low, high, bits):
    return codes * (high - low) / (2**bits - 1)

# %% dequantize: wrong, into an array of integers
# says: np.zeros_like(codes) makes one
def dequantize(codes, low, high, bits):
    values = np.zeros_like(codes, dtype=int)
    for place in np.ndindex(codes.shape):
        values[place] = low + int(codes[place]) * (high - low) / (2**bits - 1)
    return values

# %% dequantize: wrong, 8 bits written down
# says: 255 steps belong to 8 bits
def dequantize(codes, low, high, bits):
    return low + (high - low) / 255 * codes

# %% dequantize: wrong, half a step added
# says: you added half a step
def dequantize(codes, low, high, bits):
    return low + (high - low) / (2**bits - 1) * (codes + 0.5)

# %% dequantize: wrong, downwards
# says: your levels run downwards
def dequantize(codes, low, high, bits):
    return np.linspace(high, low, 2**bits)[codes]

# %% dequantize: wrong, returns the codes
# says: these are still the codes
def dequantize(codes, low, high, bits):
    return codes

# %% dequantize: wrong, in place
# says: changed its argument
def dequantize(codes, low, high, bits):
    codes[...] = (low + (high - low) / (2**bits - 1) * codes).astype(codes.dtype)
    return codes

# %% dequantize: wrong, returns nothing
# says: returned None
def dequantize(codes, low, high, bits):
    values = low + (high - low) / (2**bits - 1) * codes

# %% dequantize: wrong, flattens
# says: in one long row
def dequantize(codes, low, high, bits):
    return [low + int(code) * (high - low) / (2**bits - 1) for code in codes.reshape(-1)]

# %% dequantize: wrong, written for the example
# says: the result is the same for every input
def dequantize(codes, low, high, bits):
    return np.array([-1.0, 0.0, 2.0])

# %% uniform-quantize: right, numpy on the whole array
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    if low == high:
        return weights.copy()
    step = (high - low) / (2**bits - 1)
    return low + step * np.rint((weights - low) / step)

# %% uniform-quantize: right, torch tensor
def uniform_quantize(weights, bits):
    values = torch.tensor(weights, dtype=torch.float64)
    low, high = values.min(), values.max()
    step = torch.where(high > low, (high - low) / (2**bits - 1), 1.0)
    return low + torch.round((values - low) / step) * step

# %% uniform-quantize: right, the package
def uniform_quantize(weights, bits):
    return ql.uniform_quantize(weights, bits).dequantize()

# %% uniform-quantize: right, middles between levels and a search
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)]

# %% uniform-quantize: right, a loop over the levels only
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits, dtype=np.float64)
    result = np.full(weights.shape, levels[0])
    for below, above in zip(levels[:-1], levels[1:]):
        result[weights > (below + above) / 2] = above
    return result

# %% uniform-quantize: right, nested lists at the end
def uniform_quantize(weights, bits):
    low, span = float(weights.min()), float(np.ptp(weights))
    if span == 0:
        return weights.tolist()
    codes = np.round((weights.astype(float) - low) / span * (2**bits - 1))
    return (codes * span / (2**bits - 1) + low).tolist()

# %% uniform-quantize: wrong, floor for round
# says: you cut off the decimals
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    if low == high:
        return weights.copy()
    step = (high - low) / (2**bits - 1)
    return low + step * ((weights - low) / step).astype(int)

# %% uniform-quantize: wrong, NaN on a constant tensor
# says: 0/0 is NaN
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1)
    return low + step * np.round((weights - low) / step)

# %% uniform-quantize: wrong, zeros for a constant tensor
# says: you turn the NaN of 0/0 into 0
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1)
    return np.nan_to_num(low + step * np.round((weights - low) / step))

# %% uniform-quantize: wrong, divides by the number of levels
# says: one too many for the bits
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / 2**bits
    return low + step * np.round((weights - low) / step) if step else weights.copy()

# %% uniform-quantize: wrong, twice the bits
# says: you used 2*b
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2 * bits)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)]

# %% uniform-quantize: wrong, 8 bits written down
# says: 255 steps belong to 8 bits
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / 255
    return low + step * np.round((weights - low) / step) if step else weights.copy()

# %% uniform-quantize: wrong, returns the codes
# says: these are the codes
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    return np.round((weights - low) / step)

# %% uniform-quantize: wrong, low is not added again
# says: never added it again
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    return step * np.round((weights - low) / step)

# %% uniform-quantize: wrong, multiples of the step
# says: a grid through 0
def uniform_quantize(weights, bits):
    step = (weights.max() - weights.min()) / (2**bits - 1)
    return step * np.round(weights / step) if step else weights.copy()

# %% uniform-quantize: wrong, symmetric around zero
# says: symmetric around zero
def uniform_quantize(weights, bits):
    largest = 2 ** (bits - 1) - 1
    step = np.abs(weights).max() / largest
    return np.clip(np.round(weights / step), -largest - 1, largest) * step

# %% uniform-quantize: wrong, a range for each row
# says: one range for each row
def uniform_quantize(weights, bits):
    axes = tuple(range(1, weights.ndim)) or 0
    low = weights.min(axis=axes, keepdims=True)
    step = (weights.max(axis=axes, keepdims=True) - low) / (2**bits - 1)
    return low + step * np.round((weights - low) / np.where(step == 0, 1, step))

# %% uniform-quantize: wrong, rounds to decimals
# says: a number of decimals, not of bits
def uniform_quantize(weights, bits):
    return np.round(weights, bits)

# %% uniform-quantize: wrong, loops over the weights
# says: was stopped after 100,000 lines of Python
def uniform_quantize(weights, bits):
    low, high = float(weights.min()), float(weights.max())
    step = (high - low) / (2**bits - 1) or 1.0
    result = np.zeros(weights.shape)
    for place in np.ndindex(weights.shape):
        result[place] = low + step * round((float(weights[place]) - low) / step)
    return result

# %% uniform-quantize: wrong, a loop that numpy.vectorize hides
# says: a loop runs some lines for every single number
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    return np.vectorize(lambda weight: levels[np.abs(levels - weight).argmin()])(weights)

# %% uniform-quantize: wrong, a comprehension over the weights
# says: was stopped after
def uniform_quantize(weights, bits):
    low, high = float(weights.min()), float(weights.max())
    step = (high - low) / (2**bits - 1) or 1.0
    values = [low + step * round((w - low) / step) for w in weights.astype(float).flat]
    return np.array(values).reshape(weights.shape)

# %% uniform-quantize: wrong, in place
# says: changed its argument
def uniform_quantize(weights, bits):
    low, high = weights.min(), weights.max()
    step = (high - low) / (2**bits - 1) or 1.0
    weights[:] = low + step * np.round((weights - low) / step)
    return weights

# %% uniform-quantize: wrong, flattens
# says: in one long row
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights.ravel())]

# %% uniform-quantize: wrong, returns the weights
# says: these are the weights as they came
def uniform_quantize(weights, bits):
    levels = np.linspace(weights.min(), weights.max(), 2**bits)
    quantized = levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)]
    return weights

# %% error-bound: right, half a step
def error_bound(low, high, bits):
    return (high - low) / (2**bits - 1) / 2

# %% error-bound: right, distance between the first two levels
def error_bound(low, high, bits):
    levels = np.linspace(low, high, 2**bits)
    return 0.5 * (levels[1] - levels[0])

# %% error-bound: right, the package
def error_bound(low, high, bits):
    return ql.half_step_bound(ql.uniform_quantize([low, high], bits))

# %% error-bound: right, a tensor with one number
def error_bound(low, high, bits):
    return torch.tensor(high - low) / (2 * (2**bits - 1))

# %% error-bound: wrong, a whole step
# says: that is a whole step
def error_bound(low, high, bits):
    return (high - low) / (2**bits - 1)

# %% error-bound: wrong, half of the number of levels
# says: only 2^bits - 1 steps
def error_bound(low, high, bits):
    return (high - low) / 2 ** (bits + 1)

# %% error-bound: wrong, halved twice
# says: you halved twice
def error_bound(low, high, bits):
    return ((high - low) / 2) / (2**bits - 1) / 2

# %% error-bound: wrong, high for the range
# says: you used high alone
def error_bound(low, high, bits):
    return high / (2**bits - 1) / 2

# %% error-bound: wrong, the sign
# says: never negative
def error_bound(low, high, bits):
    return (low - high) / (2**bits - 1) / 2

# %% error-bound: wrong, twice the bits
# says: you used 2*b
def error_bound(low, high, bits):
    return (high - low) / (2 * bits - 1) / 2

# %% error-bound: wrong, half the range
# says: the middle between two levels
def error_bound(low, high, bits):
    return (high - low) / 2

# %% error-bound: wrong, cuts off the decimals
# says: the result is the same for every input
def error_bound(low, high, bits):
    return int((high - low) / (2**bits - 1) / 2)

# %% error-bound: wrong, written for the example
# says: the result is the same for every input
def error_bound(low, high, bits):
    return 0.5

# %% error-bound: wrong, an error for every level
# says: not one number
def error_bound(low, high, bits):
    return np.full(2**bits, (high - low) / (2**bits - 1) / 2)

# %% error-bound: wrong, returns nothing
# says: returned None
def error_bound(low, high, bits):
    bound = (high - low) / (2**bits - 1) / 2

# %% cost-in-bytes: right, math.ceil by hand
def cost_in_bytes(count, bits):
    whole, rest = divmod(count * bits, 8)
    return whole + (rest > 0) + 8

# %% cost-in-bytes: right, negative floor
def cost_in_bytes(count, bits):
    return 8 - (-count * bits // 8)

# %% cost-in-bytes: right, numpy
def cost_in_bytes(count, bits):
    return np.ceil(count * bits / 8) + 2 * np.float32(0).nbytes

# %% cost-in-bytes: right, the package
def cost_in_bytes(count, bits):
    quantized = ql.uniform_quantize(np.zeros(count), bits)
    return quantized.payload_bytes + quantized.overhead_bytes

# %% cost-in-bytes: right, packs real bits
def cost_in_bytes(count, bits):
    return np.packbits(np.zeros(count * bits, np.uint8)).nbytes + np.zeros(2, np.float32).nbytes

# %% cost-in-bytes: wrong, overhead not counted
# says: this is the payload alone
def cost_in_bytes(count, bits):
    return -(-count * bits // 8)

# %% cost-in-bytes: wrong, rounds down
# says: you rounded down
def cost_in_bytes(count, bits):
    return int(count * bits / 8) + 8

# %% cost-in-bytes: wrong, rounds to the nearest
# says: you rounded to the nearest byte
def cost_in_bytes(count, bits):
    return round(count * bits / 8) + 8

# %% cost-in-bytes: wrong, does not round
# says: a file has whole bytes
def cost_in_bytes(count, bits):
    return count * bits / 8 + 8

# %% cost-in-bytes: wrong, all in bits
# says: these are bits
def cost_in_bytes(count, bits):
    return count * bits + 2 * 32

# %% cost-in-bytes: wrong, payload in bits
# says: the 8 that you add are bytes already
def cost_in_bytes(count, bits):
    return count * bits + 8

# %% cost-in-bytes: wrong, whole bytes for each code
# says: whole bytes of its own
def cost_in_bytes(count, bits):
    return count * int(np.ceil(bits / 8)) + 8

# %% cost-in-bytes: wrong, float32
# says: what float32 takes
def cost_in_bytes(count, bits):
    return np.zeros(count, np.float32).nbytes

# %% cost-in-bytes: wrong, twice the bits
# says: 2 * bits is not a size
def cost_in_bytes(count, bits):
    return 2 * bits

# %% cost-in-bytes: wrong, one number of overhead
# says: you counted one
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 4

# %% cost-in-bytes: wrong, overhead in float64
# says: you counted 8 for each
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 16

# %% cost-in-bytes: wrong, overhead in bits
# says: as if it were bytes
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 2 * 32

# %% cost-in-bytes: wrong, stores a table of levels
# says: equal steps need no table
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 4 * 2**bits

# %% cost-in-bytes: wrong, a pair of sizes
# says: not one number
def cost_in_bytes(count, bits):
    return -(-count * bits // 8), 8
