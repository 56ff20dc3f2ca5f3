"""Answers to the exercises of lesson 03: right ones written differently, and named mistakes."""

# %% assign: right, a loop over the weights
def assign(weights, centres):
    codes = np.zeros(weights.shape, dtype=int)
    for place, weight in np.ndenumerate(weights):
        nearest = 0
        for j, centre in enumerate(centres):
            if abs(weight - centre) < abs(weight - centres[nearest]):
                nearest = j
        codes[place] = nearest
    return codes

# %% assign: right, squared distances, codes as a list
def assign(weights, centres):
    squares = (weights.reshape(-1, 1) - centres.reshape(1, -1)) ** 2
    return squares.argmin(1).reshape(weights.shape).tolist()

# %% assign: right, counts the midpoints below each weight
def assign(weights, centres):
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, weights)

# %% assign: right, torch
def assign(weights, centres):
    import torch

    distance = torch.cdist(
        torch.as_tensor(weights).reshape(-1, 1).double(), torch.as_tensor(centres)[:, None].double()
    )
    return distance.argmin(1).reshape(weights.shape)

# %% assign: right, the package's own
def assign(weights, centres):
    return ql.assign(weights, centres)

# %% assign: wrong, forgets the absolute value
# says: the smallest difference with its sign
def assign(weights, centres):
    return (weights[..., None] - centres).argmin(axis=-1)

# %% assign: wrong, absolute values before the difference
# says: compared sizes without signs
def assign(weights, centres):
    return np.abs(np.abs(weights)[..., None] - np.abs(centres)).argmin(axis=-1)

# %% assign: wrong, argmax
# says: the furthest centre
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmax(axis=-1)

# %% assign: wrong, counts from one
# says: count the centres from 1
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmin(axis=-1) + 1

# %% assign: wrong, returns the centres
# says: returned the centres themselves
def assign(weights, centres):
    return centres[np.abs(weights[..., None] - centres).argmin(axis=-1)]

# %% assign: wrong, returns the distances
# says: returned the distances
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).min(axis=-1)

# %% assign: wrong, flattens
# says: the layer's shape is lost
def assign(weights, centres):
    return np.abs(weights.reshape(-1, 1) - centres).argmin(axis=1)

# %% assign: wrong, the axis of the weights
# says: one index per centre
def assign(weights, centres):
    return np.abs(weights.reshape(-1, 1) - centres).argmin(axis=0)

# %% assign: wrong, the next centre above
# says: the first centre above
def assign(weights, centres):
    return np.searchsorted(centres, weights)

# %% assign: wrong, the last centre below
# says: the last centre below
def assign(weights, centres):
    return np.maximum(np.searchsorted(centres, weights, side="right") - 1, 0)

# %% assign: wrong, as if the centres lay at equal steps
# says: that is uniform quantization
def assign(weights, centres):
    k = len(centres)
    if k == 1:
        return np.zeros(weights.shape, int)
    step = (centres[-1] - centres[0]) / (k - 1)
    return np.clip(np.rint((weights - centres[0]) / step), 0, k - 1).astype(int)

# %% assign: wrong, 8-bit codes whatever k is
# says: wrap around to 0
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmin(axis=-1).astype(np.uint8)

# %% assign: wrong, floats
# says: but as floats
def assign(weights, centres):
    return np.abs(weights[..., None] - centres).argmin(axis=-1).astype(float)

# %% assign: wrong, hard-coded for the example
# says: the same for every input
def assign(weights, centres):
    return np.array([0, 2])

# %% assign: wrong, prints and returns nothing
# says: returned None
def assign(weights, centres):
    print(np.abs(weights[..., None] - centres).argmin(axis=-1))

# %% assign: wrong, writes the codes into the weights
# says: changed its argument
def assign(weights, centres):
    flat = weights.reshape(-1)
    flat[:] = np.abs(flat[:, None] - centres).argmin(axis=1)
    return weights.astype(int)

# %% assign: wrong, no axis for the centres
# says: raised ValueError
def assign(weights, centres):
    return np.abs(weights - centres).argmin()

# %% update: right, a loop in plain Python
def update(weights, codes, centres):
    total, count = [0.0] * len(centres), [0] * len(centres)
    for weight, code in zip(weights.ravel(), codes.ravel()):
        total[code] += float(weight)
        count[code] += 1
    return [t / n if n else float(c) for t, n, c in zip(total, count, centres)]

# %% update: right, bincount
def update(weights, codes, centres):
    count = np.bincount(codes.ravel(), minlength=len(centres))
    total = np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))
    return np.where(count > 0, total / np.maximum(count, 1), centres)

# %% update: right, float32 and masks
def update(weights, codes, centres):
    new = centres.copy()
    for j in range(len(centres)):
        if (codes == j).any():
            new[j] = weights[codes == j].mean()
    return new

# %% update: right, torch with a one-hot matrix
def update(weights, codes, centres):
    import torch

    member = torch.nn.functional.one_hot(torch.as_tensor(codes).ravel(), len(centres)).double()
    count = member.sum(0)
    total = torch.as_tensor(weights).double().ravel() @ member
    return torch.where(count > 0, total / count.clamp(min=1), torch.as_tensor(centres).double())

# %% update: wrong, an empty cluster becomes NaN
# says: the mean of no weights is 0/0
def update(weights, codes, centres):
    return np.array([weights[codes == j].mean() for j in range(len(centres))])

# %% update: wrong, an empty cluster becomes 0
# says: jumped to 0
def update(weights, codes, centres):
    count = np.bincount(codes.ravel(), minlength=len(centres))
    total = np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))
    return total / np.maximum(count, 1)

# %% update: wrong, drops empty clusters
# says: dropped the empty clusters
def update(weights, codes, centres):
    return np.array([weights[codes == j].mean() for j in range(len(centres)) if (codes == j).any()])

# %% update: wrong, an empty cluster moves to the mean of all
# says: moved to the mean of all weights
def update(weights, codes, centres):
    parts = [weights[codes == j] for j in range(len(centres))]
    return np.array([part.mean() if part.size else weights.mean() for part in parts])

# %% update: wrong, assigns anew
# says: you assigned the weights anew
def update(weights, codes, centres):
    codes = np.abs(weights[..., None] - centres).argmin(axis=-1)
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
    return new

# %% update: wrong, median
# says: you took the median
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = np.median(weights[codes == j])
    return new

# %% update: wrong, sum
# says: the sum of the members, not their mean
def update(weights, codes, centres):
    return np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))

# %% update: wrong, divides by the number of all weights
# says: by the number of all weights
def update(weights, codes, centres):
    total = np.bincount(codes.ravel(), weights=weights.ravel(), minlength=len(centres))
    return total / weights.size

# %% update: wrong, the old centre counts as a member
# says: as if it were a weight
def update(weights, codes, centres):
    parts = [np.append(weights[codes == j], centres[j]) for j in range(len(centres))]
    return np.array([part.mean() for part in parts])

# %% update: wrong, the middle of the cluster
# says: between the smallest and the largest
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        part = weights[codes == j]
        new[j] = (part.min() + part.max()) / 2
    return new

# %% update: wrong, sorts
# says: you sorted the centres
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
    return np.sort(new)

# %% update: wrong, a value for every weight
# says: a value for every weight
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()
    return new[codes]

# %% update: wrong, in place
# says: changed its argument
def update(weights, codes, centres):
    for j in np.unique(codes):
        centres[j] = weights[codes == j].mean()
    return centres

# %% update: wrong, bincount without minlength
# says: raised ValueError
def update(weights, codes, centres):
    count = np.bincount(codes.ravel())
    total = np.bincount(codes.ravel(), weights=weights.ravel())
    return np.where(count > 0, total / np.maximum(count, 1), centres)

# %% update: wrong, the loop returns in its first round
# says: stands inside the loop
def update(weights, codes, centres):
    for j in range(len(centres)):
        return [weights[codes == j].mean()]

# %% update: wrong, the old centres
# says: the centres are the old ones
def update(weights, codes, centres):
    for centre in centres:
        centre = weights[codes == centre].sum()
    return centres

# %% update: wrong, forgets to return
# says: returned None
def update(weights, codes, centres):
    new = centres.copy()
    for j in np.unique(codes):
        new[j] = weights[codes == j].mean()

# %% kmeans-quantize: right, the package's own optimum
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).dequantize()

# %% kmeans-quantize: right, scikit-learn as in the course lab
def kmeans_quantize(weights, k):
    from sklearn.cluster import KMeans

    k = min(k, len(np.unique(weights)))
    found = KMeans(k, random_state=0, max_iter=500).fit(weights.reshape(-1, 1))
    return found.cluster_centers_[found.labels_].reshape(weights.shape)

# %% kmeans-quantize: right, Lloyd in plain Python lists
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

# %% kmeans-quantize: right, torch in float32
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

# %% kmeans-quantize: right, starts from random weights
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    rng = np.random.default_rng(5)
    step = list(ql.lloyd(weights, k, init="random", rng=rng, max_iter=500))[-1]
    return step.centres[step.codes]

# %% kmeans-quantize: right, tuple of the density start
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return tuple(weights.tolist())
    step = list(ql.lloyd(weights, k, init="density", max_iter=500))[-1]
    return tuple(step.centres[step.codes].tolist())

# %% kmeans-quantize: wrong, the uniform grid
# says: no centre has moved
def kmeans_quantize(weights, k):
    levels = np.linspace(weights.min(), weights.max(), k)
    return levels[np.abs(weights[..., None] - levels).argmin(-1)]

# %% kmeans-quantize: wrong, one round
# says: the loop stopped too early
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    step = list(ql.lloyd(weights, k))[1]
    return step.centres[step.codes]

# %% kmeans-quantize: wrong, ten rounds
# says: the loop stopped too early
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    step = list(ql.lloyd(weights, k, max_iter=10))[-1]
    return step.centres[step.codes]

# %% kmeans-quantize: wrong, stops by allclose and returns after the assignment
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

# %% kmeans-quantize: wrong, one centre too many
# says: between which lie k + 1 levels
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k + 1).dequantize()

# %% kmeans-quantize: wrong, takes k for bits
# says: not bits, which allow 2**k
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, 2**k).dequantize()

# %% kmeans-quantize: wrong, returns codes
# says: these are codes
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).codes

# %% kmeans-quantize: wrong, returns the centres
# says: you return the centres
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).codebook

# %% kmeans-quantize: wrong, returns centres and codes
# says: you return several things
def kmeans_quantize(weights, k):
    quantized = ql.kmeans_quantize(weights, k)
    return quantized.codebook, quantized.codes

# %% kmeans-quantize: wrong, returns a QuantizedTensor
# says: return its .dequantize()
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k)

# %% kmeans-quantize: wrong, a column as scikit-learn has it
# says: end with reshape(weights.shape)
def kmeans_quantize(weights, k):
    return ql.kmeans_quantize(weights, k).dequantize().reshape(-1, 1)

# %% kmeans-quantize: wrong, in place
# says: changed its argument
def kmeans_quantize(weights, k):
    weights[...] = ql.kmeans_quantize(weights, k).dequantize()
    return weights

# %% kmeans-quantize: wrong, medians
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

# %% kmeans-quantize: wrong, the middle of each cluster
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

# %% kmeans-quantize: wrong, NaN where a cluster is empty
# says: argmin takes NaN
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    centres = np.linspace(weights.min(), weights.max(), k)
    for _ in range(100):
        codes = np.abs(weights[..., None] - centres).argmin(-1)
        centres = np.array([weights[codes == j].mean() for j in range(k)])
    return centres[codes]

# %% kmeans-quantize: wrong, scales by the range, which a constant does not have
# says: a constant tensor no range
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) > 1:
        return ql.kmeans_quantize(weights, k).dequantize()
    low, high = weights.min(), weights.max()
    return low + (high - low) * ((weights - low) / (high - low))

# %% kmeans-quantize: wrong, more centres than distinct weights
# says: two close weights share a centre
def kmeans_quantize(weights, k):
    step = list(ql.lloyd(weights, k, max_iter=500))[-1]
    return step.centres[step.codes]

# %% kmeans-quantize: wrong, scikit-learn with more clusters than weights
# says: raised ValueError: n_samples=
def kmeans_quantize(weights, k):
    from sklearn.cluster import KMeans

    found = KMeans(k, random_state=0, max_iter=500).fit(weights.reshape(-1, 1))
    return found.cluster_centers_[found.labels_].reshape(weights.shape)

# %% kmeans-quantize: wrong, all centres start in one place
# says: centres that start in one place
def kmeans_quantize(weights, k):
    if len(np.unique(weights)) <= k:
        return weights.copy()
    centres = np.full(k, weights.mean())
    for _ in range(100):
        codes = np.abs(weights[..., None] - centres).argmin(-1)
        for j in np.unique(codes):
            centres[j] = weights[codes == j].mean()
    return centres[codes]

# %% kmeans-quantize: wrong, every row by itself
# says: clustered every row by itself
def kmeans_quantize(weights, k):
    if weights.ndim == 1:
        return ql.kmeans_quantize(weights, k).dequantize()
    return np.stack([ql.kmeans_quantize(row, k).dequantize() for row in weights])

# %% kmeans-quantize: wrong, gives the weights back
# says: returned the weights unchanged
def kmeans_quantize(weights, k):
    ql.kmeans_quantize(weights, k)
    return weights

# %% kmeans-quantize: wrong, hard-coded for the example
# says: your result has shape
def kmeans_quantize(weights, k):
    return np.array([0.5, 0.5, 6.0, 6.0, 6.0])

# %% kmeans-quantize: wrong, forgets to return
# says: returned None
def kmeans_quantize(weights, k):
    quantized = ql.kmeans_quantize(weights, k).dequantize()

# %% bits-for-k: right, log2 rounded up
def index_bits(k):
    return max(1, int(np.ceil(np.log2(k))))

# %% bits-for-k: right, doubles until it fits
def index_bits(k):
    bits = 1
    while 2**bits < k:
        bits += 1
    return bits

# %% bits-for-k: right, the largest code in binary
def index_bits(k):
    return len(f"{k - 1:b}")

# %% bits-for-k: right, a whole number as float64
def index_bits(k):
    return np.maximum(np.ceil(np.log2(k)), 1)

# %% bits-for-k: right, a tensor
def index_bits(k):
    import torch

    return torch.tensor(float(k)).double().log2().ceil().clamp(min=1)

# %% bits-for-k: wrong, counts the bits of k
# says: the bits of k itself
def index_bits(k):
    return k.bit_length()

# %% bits-for-k: wrong, rounds down
# says: rounded log2(k) down
def index_bits(k):
    return max(1, int(np.log2(k)))

# %% bits-for-k: wrong, rounds to nearest
# says: to the nearest whole number
def index_bits(k):
    return max(1, round(np.log2(k)))

# %% bits-for-k: wrong, not whole
# says: a whole number of bits
def index_bits(k):
    return np.log2(k)

# %% bits-for-k: wrong, 0 bits for one centre
# says: log2(1) is 0
def index_bits(k):
    return int(np.ceil(np.log2(k)))

# %% bits-for-k: wrong, whole bytes
# says: rounded up to whole bytes
def index_bits(k):
    return 8 if k <= 256 else 16

# %% bits-for-k: wrong, k itself
# says: k is the number of centres, not of bits
def index_bits(k):
    return k

# %% bits-for-k: wrong, the other way round
# says: how many centres k bits can tell apart
def index_bits(k):
    return 2**k

# %% bits-for-k: wrong, natural logarithm
# says: the natural logarithm
def index_bits(k):
    return max(1, int(np.ceil(np.log(k))))

# %% bits-for-k: wrong, hard-coded for the example
# says: the same for every input
def index_bits(k):
    return 3

# %% bits-for-k: wrong, a table that ends too soon
# says: raised KeyError
def index_bits(k):
    return {2: 1, 4: 2, 8: 3, 16: 4, 17: 5}[k]

# %% bits-for-k: wrong, prints
# says: returned None
def index_bits(k):
    print(max(1, (k - 1).bit_length()))

# %% what-is-clustered: right, as asked
true_or_false = False
reason = "b"

# %% what-is-clustered: right, numpy and a capital letter
true_or_false = np.bool_(False)
reason = "B"

# %% what-is-clustered: right, words
true_or_false, reason = "false", " b "

# %% what-is-clustered: wrong, the claim is believed, grey values
# says: no image is clustered
true_or_false = True
reason = "a"

# %% what-is-clustered: wrong, false because of activations
# says: what the layers compute
true_or_false = False
reason = "c"

# %% what-is-clustered: wrong, false because of filters
# says: the centres are single numbers
true_or_false = False
reason = "d"

# %% what-is-clustered: wrong, false because of grey values
# says: all their grey values
true_or_false = False
reason = "a"

# %% what-is-clustered: wrong, the right reason for the wrong word
# says: the reason is right
true_or_false = True
reason = "b"

# %% what-is-clustered: wrong, no such letter
# says: this is not one of the answers
true_or_false = False
reason = "e"

# %% what-is-clustered: wrong, no reason
# says: this is not one of the answers
true_or_false = False
reason = None

# %% what-is-clustered: wrong, the two exchanged
# says: this is not one of the answers
true_or_false = "b"
reason = False
