# %% right, a loop in plain Python
def update(weights, codes, centres):
    total, count = [0.0] * len(centres), [0] * len(centres)
    for weight, code in zip(weights.ravel(), codes.ravel()):
        total[code] += float(weight)
        count[code] += 1
    return [t / n if n else float(c) for t, n, c in zip(total, count, centres)]

# %% right, bincount
def update(weights, codes, centres):
    count = np.bincount(codes.ravel(), minlength=len(centres))
    total = np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))
    return np.where(count > 0, total / np.maximum(count, 1), centres)

# %% right, float32 and masks
def update(weights, codes, centres):
    new = centres.copy()
    for j in range(len(centres)):
        if (codes == j).any():
            new[j] = weights[codes == j].mean()
    return new

# %% right, torch with a one-hot matrix
def update(weights, codes, centres):
    import torch

    member = torch.nn.functional.one_hot(torch.as_tensor(codes).ravel(), len(centres)).double()
    count = member.sum(0)
    total = torch.as_tensor(weights).double().ravel() @ member
    return torch.where(count > 0, total / count.clamp(min=1), torch.as_tensor(centres).double())

# %% wrong, an empty cluster becomes NaN
# says: the mean of no weights is 0/0
def update(weights, codes, centres):
    return np.array([weights[codes == j].mean() for j in range(len(centres))])

# %% wrong, an empty cluster becomes 0
# says: jumped to 0
def update(weights, codes, centres):
    count = np.bincount(codes.ravel(), minlength=len(centres))
    total = np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))
    return total / np.maximum(count, 1)

# %% wrong, drops empty clusters
# says: dropped the empty clusters
def update(weights, codes, centres):
    return np.array([weights[codes == j].mean() for j in range(len(centres)) if (codes == j).any()])

# %% wrong, an empty cluster moves to the mean of all
# says: moved to the mean of all weights
def update(weights, codes, centres):
    parts = [weights[codes == j] for j in range(len(centres))]
    return np.array([part.mean() if part.size else weights.mean() for part in parts])

# %% wrong, assigns anew
# says: you assigned the weights again
def update(weights, codes, centres):
    codes = np.abs(weights[..., None] - centres).argmin(axis=-1)
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
    return new

# %% wrong, median
# says: you took the median
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = np.median(weights[codes == j])
    return new

# %% wrong, sum
# says: the sum of the members, not their mean
def update(weights, codes, centres):
    return np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))

# %% wrong, divides by the number of all weights
# says: by the number of all weights
def update(weights, codes, centres):
    total = np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))
    return total / weights.size

# %% wrong, the old centre counts as a member
# says: as if it were a weight
def update(weights, codes, centres):
    parts = [np.append(weights[codes == j], centres[j]) for j in range(len(centres))]
    return np.array([part.mean() for part in parts])

# %% wrong, the middle of the cluster
# says: between the smallest and the largest
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        part = weights[codes == j]
        new[j] = (part.min() + part.max()) / 2
    return new

# %% wrong, sorts
# says: you sorted the centres
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
    return np.sort(new)

# %% wrong, a value for every weight
# says: a value for every weight
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
    return new[codes]

# %% wrong, in place
# says: changed its argument
def update(weights, codes, centres):
    for j in np.unique(codes):
        centres[j] = weights[codes == j].mean()
    return centres

# %% wrong, bincount without minlength
# says: raised ValueError
def update(weights, codes, centres):
    count = np.bincount(codes.ravel())
    total = np.bincount(codes.ravel(), weights=weights.ravel())
    return np.where(count > 0, total / np.maximum(count, 1), centres)

# %% wrong, the loop returns in its first round
# says: is inside the loop
def update(weights, codes, centres):
    for j in range(len(centres)):
        return [weights[codes == j].mean()]

# %% wrong, the old centres
# says: the centres are the old ones
def update(weights, codes, centres):
    for centre in centres:
        centre = weights[codes == centre].sum()
    return centres

# %% wrong, forgets to return
# says: returned None
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
