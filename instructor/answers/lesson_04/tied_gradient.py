# %% right, a loop over the weights
def tied_gradient(gradient, codes, k):
    sums = [0.0] * k
    for code, value in zip(codes.ravel().tolist(), gradient.ravel().tolist()):
        sums[code] += value
    return sums

# %% right, a mask per centre
def tied_gradient(gradient, codes, k):
    return np.array([gradient[codes == centre].sum() for centre in range(k)])

# %% right, numpy.add.at
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    np.add.at(sums, codes, gradient)
    return sums

# %% right, a product with one-hot codes
def tied_gradient(gradient, codes, k):
    one_hot = codes.reshape(-1, 1) == np.arange(k)
    return gradient.reshape(-1) @ one_hot

# %% right, torch's index_add
def tied_gradient(gradient, codes, k):
    values = torch.tensor(gradient).flatten()
    index = torch.tensor(codes.astype(np.int64)).flatten()
    return torch.zeros(k, dtype=values.dtype).index_add(0, index, values)

# %% right, torch's own derivative of the look-up
def tied_gradient(gradient, codes, k):
    centres = torch.zeros(k, dtype=torch.float64, requires_grad=True)
    weights = centres[torch.tensor(codes.astype(np.int64))]
    weights.backward(torch.tensor(gradient, dtype=torch.float64))
    return centres.grad

# %% wrong, the mean
# says: you divide by the number of weights
def tied_gradient(gradient, codes, k):
    counts = np.bincount(codes.ravel(), minlength=k)
    sums = np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)
    return sums / np.maximum(counts, 1)

# %% wrong, the mean, NaN where a centre has no weight
# says: the mean of no weights is NaN
def tied_gradient(gradient, codes, k):
    return np.array([gradient[codes == centre].mean() for centre in range(k)])

# %% wrong, the largest
# says: you take the largest gradient
def tied_gradient(gradient, codes, k):
    return [gradient[codes == c].max() if (codes == c).any() else 0.0 for c in range(k)]

# %% wrong, overwrites
# says: only the last one counts
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    sums[codes] = gradient
    return sums

# %% wrong, += with repeated indices
# says: sums[codes] += gradient overwrite
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    sums[codes] += gradient
    return sums

# %% wrong, only the codes that occur
# says: you leave out centres without weights
def tied_gradient(gradient, codes, k):
    return np.array([gradient[codes == c].sum() for c in np.unique(codes)])

# %% wrong, bincount without minlength
# says: the result ends at the largest code that occurs
def tied_gradient(gradient, codes, k):
    return np.bincount(codes.ravel(), weights=gradient.ravel())

# %% wrong, the loop stops before the last centre
# says: your loop ends before centre k - 1
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    for centre in range(k - 1):
        sums[centre] = gradient[codes == centre].sum()
    return sums

# %% wrong, one centre too few
# says: the last centre is missing
def tied_gradient(gradient, codes, k):
    return [gradient[codes == centre].sum() for centre in range(k - 1)]

# %% wrong, centres counted from one
# says: the sums are one place off
def tied_gradient(gradient, codes, k):
    return [gradient[codes == centre].sum() for centre in range(1, k + 1)]

# %% wrong, sums along an axis
# says: you sum along an axis
def tied_gradient(gradient, codes, k):
    return gradient.sum(axis=0)

# %% wrong, counts
# says: you count the weights
def tied_gradient(gradient, codes, k):
    return np.bincount(codes.ravel(), minlength=k)

# %% wrong, absolute values
# says: you add absolute values
def tied_gradient(gradient, codes, k):
    return np.bincount(codes.ravel(), weights=np.abs(gradient).ravel(), minlength=k)

# %% wrong, spread over the weights again
# says: one number per weight
def tied_gradient(gradient, codes, k):
    sums = np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)
    return sums[codes]

# %% wrong, the descent step
# says: the sign is wrong
def tied_gradient(gradient, codes, k):
    return -np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)

# %% wrong, written for the example
# says: the result is the same for every input
def tied_gradient(gradient, codes, k):
    return np.array([2.5, -1.0, 0.0])

# %% wrong, uses up the gradient
# says: changed its argument
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    for centre in range(k):
        gradient[codes != centre] *= 1.0
        sums[centre] = gradient[codes == centre].sum()
        gradient[codes == centre] = 0
    return sums

# %% wrong, returns nothing
# says: returned None
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    np.add.at(sums, codes, gradient)
