# %% right, the package's own optimum
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).dequantize()

# %% right, scikit-learn as in the course lab
def kmeans_quantize(weights, k):
    from sklearn.cluster import KMeans

    k = min(k, len(np.unique(weights)))
    fitted = KMeans(k, random_state=0, max_iter=500).fit(weights.reshape(-1, 1))
    return fitted.cluster_centers_[fitted.labels_].reshape(weights.shape)

# %% right, Lloyd in plain Python lists
def kmeans_quantize(weights, k):
    flat = [float(weight) for weight in weights.ravel()]
    if len(set(flat)) <= k:
        return weights.tolist()
    low, high = min(flat), max(flat)
    centres = [low + (high - low) * j / max(k - 1, 1) for j in range(k)]
    codes = None
    while True:
        new = [min(range(k), key=lambda j: abs(weight - centres[j])) for weight in flat]
        if new == codes:
            return np.array([centres[code] for code in codes]).reshape(weights.shape).tolist()
        codes = new
        for j in range(k):
            members = [weight for weight, code in zip(flat, codes) if code == j]
            if members:
                centres[j] = sum(members) / len(members)

# %% right, torch in float32
def kmeans_quantize(weights, k):
    import torch

    flat = torch.as_tensor(weights).ravel().clone()
    if len(flat.unique()) <= k:
        return flat.reshape(weights.shape)
    centres = torch.linspace(float(flat.min()), float(flat.max()), k)
    for _ in range(500):
        codes = (flat[:, None] - centres).abs().argmin(1)
        for j in codes.unique():
            centres[j] = flat[codes == j].mean()
    return centres[codes].reshape(weights.shape)

# %% right, starts from random weights
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    rng = np.random.default_rng(5)
    step = list(ql.lloyd(weights, k, init="random", rng=rng, max_iter=500))[-1]
    return step.centres[step.codes]

# %% right, tuple of the density start
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return tuple(weights.tolist())
    step = list(ql.lloyd(weights, k, init="density", max_iter=500))[-1]
    return tuple(step.centres[step.codes].tolist())

# %% wrong, the uniform grid
# says: no centre has moved
def kmeans_quantize(weights, k):
    levels = np.linspace(weights.min(), weights.max(), k)
    return levels[np.abs(weights[..., None] - levels).argmin(-1)]

# %% wrong, one round
# says: the loop stopped too early
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    step = list(ql.lloyd(weights, k))[1]
    return step.centres[step.codes]

# %% wrong, ten rounds
# says: the loop stopped too early
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    step = list(ql.lloyd(weights, k, max_iter=10))[-1]
    return step.centres[step.codes]

# %% wrong, stops by allclose and returns after the assignment
# says: a fixed tolerance ends before
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    before = None
    for step in ql.lloyd(weights, k):
        if step.phase == "assign":
            if before is not None and np.allclose(step.centres, before, atol=1e-8):
                break
            before = step.centres
    return before[np.abs(weights[..., None] - before).argmin(-1)]

# %% wrong, one centre too many
# says: which would give k + 1 levels
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k + 1).dequantize()

# %% wrong, takes k for bits
# says: not of bits, which would allow 2**k
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, 2**k).dequantize()

# %% wrong, returns codes
# says: these are codes
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).codes

# %% wrong, returns the centres
# says: you return the centres
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).codebook

# %% wrong, returns centres and codes
# says: you return several things
def kmeans_quantize(weights, k):
    quantized = ql.kmeans_quantize(weights, k)
    return quantized.codebook, quantized.codes

# %% wrong, returns a QuantizedTensor
# says: return its .dequantize()
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k)

# %% wrong, a column as scikit-learn has it
# says: end with reshape(weights.shape)
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).dequantize().reshape(-1, 1)

# %% wrong, in place
# says: changed its argument
def kmeans_quantize(weights, k):
    weights[...] = ql.kmeans_quantize(weights, k).dequantize()
    return weights

# %% wrong, medians
# says: you placed the centres on medians
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    centres = np.linspace(weights.min(), weights.max(), k)
    for _ in range(200):
        codes = np.abs(weights[..., None] - centres).argmin(-1)
        for j in np.unique(codes):
            centres[j] = np.median(weights[codes == j])
    return centres[codes]

# %% wrong, the middle of each cluster
# says: halfway between the ends
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    centres = np.linspace(weights.min(), weights.max(), k).astype(float)
    for _ in range(200):
        codes = np.abs(weights[..., None] - centres).argmin(-1)
        for j in np.unique(codes):
            part = weights[codes == j].astype(float)
            centres[j] = (part.min() + part.max()) / 2
    return centres[codes]

# %% wrong, NaN where a cluster is empty
# says: argmin takes NaN
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    centres = np.linspace(weights.min(), weights.max(), k)
    for _ in range(100):
        codes = np.abs(weights[..., None] - centres).argmin(-1)
        centres = np.array([weights[codes == j].mean() for j in range(k)])
    return centres[codes]

# %% wrong, scales by the range, which a constant does not have
# says: a constant tensor no range
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) > 1:
        return ql.kmeans_quantize(weights, k).dequantize()
    low, high = weights.min(), weights.max()
    return low + (high - low) * ((weights - low) / (high - low))

# %% wrong, more centres than distinct weights
# says: two close weights share a centre
def kmeans_quantize(weights, k):
    step = list(ql.lloyd(weights, k, max_iter=500))[-1]
    return step.centres[step.codes]

# %% wrong, scikit-learn with more clusters than weights
# says: raised ValueError: n_samples=
def kmeans_quantize(weights, k):
    from sklearn.cluster import KMeans

    fitted = KMeans(k, random_state=0, max_iter=500).fit(weights.reshape(-1, 1))
    return fitted.cluster_centers_[fitted.labels_].reshape(weights.shape)

# %% wrong, all centres start in one place
# says: equal centres stay equal
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    centres = np.full(k, weights.mean())
    for _ in range(100):
        codes = np.abs(weights[..., None] - centres).argmin(-1)
        for j in np.unique(codes):
            centres[j] = weights[codes == j].mean()
    return centres[codes]

# %% wrong, every row by itself
# says: clustered every row separately
def kmeans_quantize(weights, k):
    if weights.ndim == 1:
        return ql.kmeans_quantize(weights, k).dequantize()
    return np.stack([ql.kmeans_quantize(row, k).dequantize() for row in weights])

# %% wrong, gives the weights back
# says: returned the weights unchanged
def kmeans_quantize(weights, k):
    ql.kmeans_quantize(weights, k)
    return weights

# %% wrong, hard-coded for the example
# says: your result has shape
def kmeans_quantize(weights, k):
    return np.array([0.5, 0.5, 6.0, 6.0, 6.0])

# %% wrong, forgets to return
# says: returned None
def kmeans_quantize(weights, k):
    quantized = ql.kmeans_quantize(weights, k).dequantize()
