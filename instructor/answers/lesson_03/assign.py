# %% right, a loop over the weights
def assign(weights, centres):
    codes = np.zeros(weights.shape, dtype=int)
    for place, weight in np.ndenumerate(weights):
        nearest = 0
        for j, centre in enumerate(centres):
            if abs(weight - centre) < abs(weight - centres[nearest]):
                nearest = j
        codes[place] = nearest
    return codes

# %% right, squared distances, codes as a list
def assign(weights, centres):
    squares = (weights.reshape(-1, 1) - centres.reshape(1, -1)) ** 2
    return squares.argmin(1).reshape(weights.shape).tolist()

# %% right, counts the midpoints below each weight
def assign(weights, centres):
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, weights)

# %% right, torch
def assign(weights, centres):
    import torch

    distance = torch.cdist(
        torch.as_tensor(weights).reshape(-1, 1).double(), torch.as_tensor(centres)[:, None].double()
    )
    return distance.argmin(1).reshape(weights.shape)

# %% right, the package's own
def assign(weights, centres):
    return ql.assign(weights, centres)

# %% wrong, forgets the absolute value
# says: the smallest difference with its sign
def assign(weights, centres):
    return (weights[..., None] - centres).argmin(axis=-1)

# %% wrong, absolute values before the difference
# says: compared absolute values
def assign(weights, centres):
    return np.abs(np.abs(weights)[..., None] - np.abs(centres)).argmin(axis=-1)

# %% wrong, argmax
# says: the furthest centre
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmax(axis=-1)

# %% wrong, counts from one
# says: count the centres from 1
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmin(axis=-1) + 1

# %% wrong, returns the centres
# says: returned the centres themselves
def assign(weights, centres):
    return centres[np.abs(weights[..., None] - centres).argmin(axis=-1)]

# %% wrong, returns the distances
# says: returned the distances
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).min(axis=-1)

# %% wrong, flattens
# says: the layer's shape is lost
def assign(weights, centres):
    return np.abs(weights.reshape(-1, 1) - centres).argmin(axis=1)

# %% wrong, the axis of the weights
# says: one index per centre
def assign(weights, centres):
    return np.abs(weights.reshape(-1, 1) - centres).argmin(axis=0)

# %% wrong, the next centre above
# says: the first centre above
def assign(weights, centres):
    return np.searchsorted(centres, weights)

# %% wrong, the last centre below
# says: the last centre below
def assign(weights, centres):
    return np.maximum(np.searchsorted(centres, weights, side="right") - 1, 0)

# %% wrong, as if the centres lay at equal steps
# says: that is uniform quantization
def assign(weights, centres):
    k = len(centres)
    if k == 1:
        return np.zeros(weights.shape, int)
    step = (centres[-1] - centres[0]) / (k - 1)
    return np.clip(np.rint((weights - centres[0]) / step), 0, k - 1).astype(int)

# %% wrong, 8-bit codes whatever k is
# says: wrap around to 0
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmin(axis=-1).astype(np.uint8)

# %% wrong, floats
# says: but as floats
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmin(axis=-1).astype(float)

# %% wrong, hard-coded for the example
# says: the same for every input
def assign(weights, centres):
    return np.array([0, 2])

# %% wrong, prints and returns nothing
# says: returned None
def assign(weights, centres):
    print(np.abs(weights[..., None] - centres).argmin(axis=-1))

# %% wrong, writes the codes into the weights
# says: changed its argument
def assign(weights, centres):
    flat = weights.reshape(-1)
    flat[:] = np.abs(flat[:, None] - centres).argmin(axis=1)
    return weights.astype(int)

# %% wrong, no axis for the centres
# says: raised ValueError
def assign(weights, centres):
    return np.abs(weights - centres).argmin()
