# %% right, numpy.linspace
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2**bits)

# %% right, list built in a loop
def uniform_levels(low, high, bits):
    step = (high - low) / (2**bits - 1)
    levels = []
    for code in range(2**bits):
        levels.append(low + code * step)
    return levels

# %% right, torch in float32
def uniform_levels(low, high, bits):
    return torch.linspace(low, high, 1 << bits)

# %% right, weighted mean of the ends as a tuple
def uniform_levels(low, high, bits):
    last = 2**bits - 1
    return tuple(low * (last - i) / last + high * i / last for i in range(last + 1))

# %% right, the package's codebook
def uniform_levels(low, high, bits):
    return ql.uniform_quantize([low, high], bits).codebook

# %% right, float64 added up
def uniform_levels(low, high, bits):
    levels = [low]
    while len(levels) < 2**bits:
        levels.append(levels[-1] + (high - low) / (2**bits - 1))
    return levels

# %% wrong, divides by the number of levels
# says: you divided by 2^bits
def uniform_levels(low, high, bits):
    return low + (high - low) / 2**bits * np.arange(2**bits)

# %% wrong, one level too many
# says: one level too many
def uniform_levels(low, high, bits):
    step = (high - low) / 2**bits
    return [low + step * code for code in range(2**bits + 1)]

# %% wrong, as many levels as steps
# says: that is the number of steps between 2^bits levels
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2**bits - 1)

# %% wrong, the loop stops before the last level
# says: your levels stop before high
def uniform_levels(low, high, bits):
    step = (high - low) / (2**bits - 1)
    return [low + step * code for code in range(2**bits - 1)]

# %% wrong, twice the bits
# says: you used 2*b
def uniform_levels(low, high, bits):
    return np.linspace(low, high, 2 * bits)

# %% wrong, float32 step added again and again
# says: you add the step again and again in float32
def uniform_levels(low, high, bits):
    level = torch.tensor(low)
    step = (torch.tensor(high) - low) / (2**bits - 1)
    levels = []
    for _ in range(2**bits):
        levels.append(level)
        level = level + step
    return torch.stack(levels)

# %% wrong, low is forgotten
# says: the start of the grid is missing
def uniform_levels(low, high, bits):
    return (high - low) / (2**bits - 1) * np.arange(2**bits)

# %% wrong, middles of cells
# says: took their middles
def uniform_levels(low, high, bits):
    edges = np.linspace(low, high, 2**bits + 1)
    return (edges[:-1] + edges[1:]) / 2

# %% wrong, symmetric around zero
# says: symmetric around zero
def uniform_levels(low, high, bits):
    largest = max(abs(low), abs(high))
    return np.linspace(-largest, largest, 2**bits)

# %% wrong, arange with a step of zero
# says: raised ZeroDivisionError
def uniform_levels(low, high, bits):
    step = (high - low) / (2**bits - 1)
    count = int(round((high - low) / step)) + 1
    return low + step * np.arange(count)

# %% wrong, written for the example
# says: the result is the same for every input
def uniform_levels(low, high, bits):
    return [0.0, 1.0, 2.0, 3.0]

# %% wrong, prints and returns nothing
# says: returned None
def uniform_levels(low, high, bits):
    print(np.linspace(low, high, 2**bits)[-1])
