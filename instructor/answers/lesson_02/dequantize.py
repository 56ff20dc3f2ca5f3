# %% right, numpy
def dequantize(codes, low, high, bits):
    return low + (high - low) / (2**bits - 1) * codes

# %% right, a table of levels
def dequantize(codes, low, high, bits):
    return np.linspace(low, high, 2**bits)[codes]

# %% right, torch in float32
def dequantize(codes, low, high, bits):
    return low + torch.as_tensor(codes).float() * ((high - low) / (2**bits - 1))

# %% right, loop into a float array
def dequantize(codes, low, high, bits):
    values = np.zeros(codes.shape)
    for place, code in np.ndenumerate(codes):
        values[place] = low + int(code) * (high - low) / (2**bits - 1)
    return values

# %% right, the package's own class
def dequantize(codes, low, high, bits):
    levels = np.linspace(low, high, 2**bits).astype(np.float32)
    return ql.QuantizedTensor(codes, levels, bits).dequantize()

# %% wrong, divides by the number of levels
# says: you divided by 2^bits
def dequantize(codes, low, high, bits):
    return low + codes * (high - low) / 2**bits

# %% wrong, low is forgotten
# says: low is missing
def dequantize(codes, low, high, bits):
    return codes * (high - low) / (2**bits - 1)

# %% wrong, into an array of integers
# says: np.zeros_like(codes) makes one
def dequantize(codes, low, high, bits):
    values = np.zeros_like(codes, dtype=int)
    for place in np.ndindex(codes.shape):
        values[place] = low + int(codes[place]) * (high - low) / (2**bits - 1)
    return values

# %% wrong, 8 bits written down
# says: 255 steps belong to 8 bits
def dequantize(codes, low, high, bits):
    return low + (high - low) / 255 * codes

# %% wrong, half a step added
# says: you added half a step
def dequantize(codes, low, high, bits):
    return low + (high - low) / (2**bits - 1) * (codes + 0.5)

# %% wrong, downwards
# says: your levels run downwards
def dequantize(codes, low, high, bits):
    return np.linspace(high, low, 2**bits)[codes]

# %% wrong, returns the codes
# says: these are still the codes
def dequantize(codes, low, high, bits):
    return codes

# %% wrong, in place
# says: changed its argument
def dequantize(codes, low, high, bits):
    codes[...] = (low + (high - low) / (2**bits - 1) * codes).astype(codes.dtype)
    return codes

# %% wrong, returns nothing
# says: returned None
def dequantize(codes, low, high, bits):
    values = low + (high - low) / (2**bits - 1) * codes

# %% wrong, flattens
# says: only one dimension
def dequantize(codes, low, high, bits):
    return [low + int(code) * (high - low) / (2**bits - 1) for code in codes.reshape(-1)]

# %% wrong, written for the example
# says: the result is the same for every input
def dequantize(codes, low, high, bits):
    return np.array([-1.0, 0.0, 2.0])
