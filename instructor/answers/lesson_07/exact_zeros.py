# %% right, a mask and one array of zeros
def prune_quantize(weights, threshold, k):
    kept = np.abs(weights) >= threshold
    values = np.zeros_like(weights)
    if kept.sum() > 0:
        values[kept] = ql.kmeans_quantize(weights[kept], k - 1).dequantize()
    return values

# %% right, torch
def prune_quantize(weights, threshold, k):
    w = torch.as_tensor(weights)
    kept = w.abs() >= threshold
    if not kept.any():
        return torch.zeros_like(w)
    values = torch.from_numpy(ql.kmeans_quantize(w[kept], k - 1).dequantize())
    return torch.zeros_like(w).masked_scatter(kept, values)

# %% right, a loop over the weights, a list
def prune_quantize(weights, threshold, k):
    rest = [float(w) for w in weights.ravel() if abs(w) >= threshold]
    if not rest:
        return np.zeros(weights.shape).tolist()
    centres = ql.kmeans_quantize(np.array(rest), k - 1).codebook.tolist()
    values = [
        min(centres, key=lambda c: abs(c - w)) if abs(w) >= threshold else 0.0
        for w in weights.ravel()
    ]
    return np.array(values).reshape(weights.shape).tolist()

# %% right, scikit-learn in float64
def prune_quantize(weights, threshold, k):
    from sklearn.cluster import KMeans

    values = np.where(np.abs(weights) < threshold, 0, weights).astype(float)
    kept = values != 0
    rest = values[kept].reshape(-1, 1)
    if len(rest) >= k:
        fitted = KMeans(k - 1, random_state=0, n_init=100, tol=0).fit(rest * 1e9)
        values[kept] = fitted.cluster_centers_[fitted.labels_].ravel() / 1e9
    return values

# %% wrong, k-means over the pruned tensor
# says: k-means saw the zeros too
def prune_quantize(weights, threshold, k):
    pruned = np.where(np.abs(weights) < threshold, 0, weights)
    return ql.kmeans_quantize(pruned, k).dequantize()

# %% wrong, one more centre for the zeros
# says: k-means saw the zeros too
def prune_quantize(weights, threshold, k):
    pruned = np.where(np.abs(weights) < threshold, 0, weights)
    return ql.kmeans_quantize(pruned, k + 1).dequantize()

# %% wrong, prunes after quantizing
# says: you compared the quantized values with the threshold
def prune_quantize(weights, threshold, k):
    values = ql.kmeans_quantize(weights, k).dequantize()
    values[np.abs(values) < threshold] = 0
    return values

# %% wrong, centres from all weights
# says: the centres were placed on all weights
def prune_quantize(weights, threshold, k):
    values = ql.kmeans_quantize(weights, k).dequantize()
    values[np.abs(weights) < threshold] = 0
    return values

# %% wrong, no absolute value
# says: you compared the weights with their signs
def prune_quantize(weights, threshold, k):
    kept = weights >= threshold
    values = np.zeros_like(weights)
    if kept.any():
        values[kept] = ql.kmeans_quantize(weights[kept], k).dequantize()
    return values

# %% wrong, no codebook
# says: the other weights are not quantized
def prune_quantize(weights, threshold, k):
    return np.where(np.abs(weights) < threshold, 0, weights)

# %% wrong, k centres and a zero
# says: 0 is one of the k values
def prune_quantize(weights, threshold, k):
    kept = np.abs(weights) >= threshold
    values = np.zeros_like(weights)
    if kept.any():
        values[kept] = ql.kmeans_quantize(weights[kept], k).dequantize()
    return values

# %% wrong, fails if no weight is left
# says: if no other weight is left, the result is all 0
def prune_quantize(weights, threshold, k):
    kept = np.abs(weights) >= threshold
    values = np.zeros_like(weights)
    values[kept] = ql.kmeans_quantize(weights[kept], k - 1).dequantize()
    return values

# %% wrong, in place
# says: changed its argument
def prune_quantize(weights, threshold, k):
    weights[np.abs(weights) < threshold] = 0
    kept = weights != 0
    if kept.any():
        weights[kept] = ql.kmeans_quantize(weights[kept], k).dequantize()
    return weights

# %% wrong, only the weights that are left
# says: your result has shape
def prune_quantize(weights, threshold, k):
    rest = weights[np.abs(weights) >= threshold]
    return ql.kmeans_quantize(rest, k).dequantize() if rest.size else rest

# %% wrong, returns codes and codebook
# says: you return a QuantizedTensor
def prune_quantize(weights, threshold, k):
    return ql.kmeans_quantize(np.where(np.abs(weights) < threshold, 0, weights), k)

# %% wrong, forgets to return
# says: returned None
def prune_quantize(weights, threshold, k):
    values = np.where(np.abs(weights) < threshold, 0, weights)
    values = ql.kmeans_quantize(values, k).dequantize()

# %% wrong, hard-coded for the example
# says: your result has shape (6,)
def prune_quantize(weights, threshold, k):
    return np.array([0, -0.5, 0.8, 0, 0.8, 0])
