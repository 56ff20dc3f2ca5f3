"""Answers to the exercises of lesson 07: right ones written differently, and named mistakes."""

# %% exact-zeros: right, a mask and one array of zeros
def prune_quantize(weights, threshold, k):
    kept = np.abs(weights) >= threshold
    values = np.zeros_like(weights)
    if kept.sum() > 0:
        values[kept] = ql.kmeans_quantize(weights[kept], k - 1).dequantize()
    return values

# %% exact-zeros: right, torch
def prune_quantize(weights, threshold, k):
    w = torch.as_tensor(weights)
    kept = w.abs() >= threshold
    if not kept.any():
        return torch.zeros_like(w)
    values = torch.from_numpy(ql.kmeans_quantize(w[kept], k - 1).dequantize())
    return torch.zeros_like(w).masked_scatter(kept, values)

# %% exact-zeros: right, a loop over the weights, a list
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

# %% exact-zeros: right, scikit-learn in float64
def prune_quantize(weights, threshold, k):
    from sklearn.cluster import KMeans

    values = np.where(np.abs(weights) < threshold, 0, weights).astype(float)
    kept = values != 0
    rest = values[kept].reshape(-1, 1)
    if len(rest) >= k:
        found = KMeans(k - 1, random_state=0, n_init=100, tol=0).fit(rest * 1e9)
        values[kept] = found.cluster_centers_[found.labels_].ravel() / 1e9
    return values

# %% exact-zeros: wrong, k-means over the pruned tensor
# says: k-means saw the zeros too
def prune_quantize(weights, threshold, k):
    pruned = np.where(np.abs(weights) < threshold, 0, weights)
    return ql.kmeans_quantize(pruned, k).dequantize()

# %% exact-zeros: wrong, one more centre for the zeros
# says: k-means saw the zeros too
def prune_quantize(weights, threshold, k):
    pruned = np.where(np.abs(weights) < threshold, 0, weights)
    return ql.kmeans_quantize(pruned, k + 1).dequantize()

# %% exact-zeros: wrong, prunes after quantizing
# says: you pruned what had been quantized
def prune_quantize(weights, threshold, k):
    values = ql.kmeans_quantize(weights, k).dequantize()
    values[np.abs(values) < threshold] = 0
    return values

# %% exact-zeros: wrong, centres from all weights
# says: the centres were placed on all weights
def prune_quantize(weights, threshold, k):
    values = ql.kmeans_quantize(weights, k).dequantize()
    values[np.abs(weights) < threshold] = 0
    return values

# %% exact-zeros: wrong, no absolute value
# says: you compared the weights with their signs
def prune_quantize(weights, threshold, k):
    kept = weights >= threshold
    values = np.zeros_like(weights)
    if kept.any():
        values[kept] = ql.kmeans_quantize(weights[kept], k).dequantize()
    return values

# %% exact-zeros: wrong, no codebook
# says: no codebook yet
def prune_quantize(weights, threshold, k):
    return np.where(np.abs(weights) < threshold, 0, weights)

# %% exact-zeros: wrong, k centres and a zero
# says: zero is one of the k values
def prune_quantize(weights, threshold, k):
    kept = np.abs(weights) >= threshold
    values = np.zeros_like(weights)
    if kept.any():
        values[kept] = ql.kmeans_quantize(weights[kept], k).dequantize()
    return values

# %% exact-zeros: wrong, fails where nothing is left
# says: where no other is left, all are 0
def prune_quantize(weights, threshold, k):
    kept = np.abs(weights) >= threshold
    values = np.zeros_like(weights)
    values[kept] = ql.kmeans_quantize(weights[kept], k - 1).dequantize()
    return values

# %% exact-zeros: wrong, in place
# says: changed its argument
def prune_quantize(weights, threshold, k):
    weights[np.abs(weights) < threshold] = 0
    kept = weights != 0
    if kept.any():
        weights[kept] = ql.kmeans_quantize(weights[kept], k).dequantize()
    return weights

# %% exact-zeros: wrong, only the weights that stay
# says: your result has shape
def prune_quantize(weights, threshold, k):
    rest = weights[np.abs(weights) >= threshold]
    return ql.kmeans_quantize(rest, k).dequantize() if rest.size else rest

# %% exact-zeros: wrong, returns codes and codebook
# says: you return a QuantizedTensor
def prune_quantize(weights, threshold, k):
    return ql.kmeans_quantize(np.where(np.abs(weights) < threshold, 0, weights), k)

# %% exact-zeros: wrong, forgets to return
# says: returned None
def prune_quantize(weights, threshold, k):
    values = np.where(np.abs(weights) < threshold, 0, weights)
    values = ql.kmeans_quantize(values, k).dequantize()

# %% exact-zeros: wrong, hard-coded for the example
# says: your result has shape (6,)
def prune_quantize(weights, threshold, k):
    return np.array([0, -0.5, 0.8, 0, 0.8, 0])

# %% fold-batchnorm: right, torch
def fold(conv, bn):
    factor = bn.weight / (bn.running_var + bn.eps) ** 0.5
    weight = conv.weight * factor.reshape(-1, 1, 1, 1)
    bias = factor * (conv.bias - bn.running_mean) + bn.bias
    return weight.detach(), bias.detach()

# %% fold-batchnorm: right, numpy, channel by channel
def fold(conv, bn):
    weights, biases = [], []
    for channel in range(conv.out_channels):
        deviation = math.sqrt(float(bn.running_var[channel]) + bn.eps)
        factor = float(bn.weight[channel]) / deviation
        weights.append(conv.weight[channel].detach().numpy() * factor)
        shifted = float(conv.bias[channel]) - float(bn.running_mean[channel])
        biases.append(shifted * factor + float(bn.bias[channel]))
    return np.array(weights), biases

# %% fold-batchnorm: right, einsum in float64
def fold(conv, bn):
    scale = bn.weight.double() * torch.rsqrt(bn.running_var.double() + bn.eps)
    weight = torch.einsum("oihw,o->oihw", conv.weight.double(), scale)
    shift = bn.bias.double() - bn.running_mean.double() * scale
    return [weight, conv.bias.double() * scale + shift]

# %% fold-batchnorm: right, torch's own function
def fold(conv, bn):
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    fused = fuse_conv_bn_eval(conv, bn)
    return fused.weight, fused.bias

# %% fold-batchnorm: wrong, no eps
# says: eps is missing under the root
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, eps outside the root
# says: eps belongs under the root
def fold(conv, bn):
    scale = bn.weight / (torch.sqrt(bn.running_var) + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, divides by the variance
# says: you divided by the variance
def fold(conv, bn):
    scale = bn.weight / (bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, without gamma
# says: BatchNorm's own weight (gamma) is missing
def fold(conv, bn):
    scale = 1 / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, the old bias
# says: the bias is still the convolution's
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], conv.bias

# %% fold-batchnorm: wrong, the bias of the convolution is not scaled
# says: the bias of the convolution goes through BatchNorm as well
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    weight = conv.weight * scale[:, None, None, None]
    return weight, conv.bias + bn.bias - bn.running_mean * scale

# %% fold-batchnorm: wrong, scales beta
# says: you scaled it too
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    weight = conv.weight * scale[:, None, None, None]
    return weight, (conv.bias - bn.running_mean + bn.bias) * scale

# %% fold-batchnorm: wrong, adds the mean
# says: BatchNorm subtracts the running mean
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias + bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, no mean
# says: the running mean is missing
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], conv.bias * scale + bn.bias

# %% fold-batchnorm: wrong, no beta
# says: BatchNorm's own bias (beta) is missing
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale

# %% fold-batchnorm: wrong, scale on the last axis
# says: the scale met the last axis
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    if conv.kernel_size[0] != conv.out_channels:
        return conv.weight * scale[:, None, None, None], (
            conv.bias - bn.running_mean
        ) * scale + bn.bias
    return conv.weight * scale, (conv.bias - bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, scale without its axes
# says: raised RuntimeError
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale, (conv.bias - bn.running_mean) * scale + bn.bias

# %% fold-batchnorm: wrong, the weight alone
# says: not a weight and a bias
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None]

# %% fold-batchnorm: wrong, writes into the layer
# says: changed its argument
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    with torch.no_grad():
        conv.weight *= scale[:, None, None, None]
        conv.bias.copy_((conv.bias - bn.running_mean) * scale + bn.bias)
    return conv.weight, conv.bias

# %% merge-dense: right, torch
def merge(fc1, fc2):
    with torch.no_grad():
        return fc2.weight @ fc1.weight, fc2(fc1.bias)

# %% merge-dense: right, numpy in float64, a list
def merge(fc1, fc2):
    w1, b1, w2, b2 = (
        p.detach().numpy().astype(np.float64) for p in (fc1.weight, fc1.bias, fc2.weight, fc2.bias)
    )
    return [w2.dot(w1), w2.dot(b1) + b2]

# %% merge-dense: right, sends the unit vectors through both layers
def merge(fc1, fc2):
    with torch.no_grad():
        bias = fc2(fc1(torch.zeros(1, fc1.in_features, dtype=torch.float64).float()))[0]
        units = torch.eye(fc1.in_features)
        weight = (fc1(units) - fc1.bias) @ fc2.weight.T
    return weight.T, bias

# %% merge-dense: right, loops
def merge(fc1, fc2):
    w1, w2 = fc1.weight.tolist(), fc2.weight.tolist()
    weight = [
        [sum(row[m] * w1[m][i] for m in range(len(w1))) for i in range(len(w1[0]))] for row in w2
    ]
    b1, b2 = fc1.bias.tolist(), fc2.bias.tolist()
    bias = [sum(row[m] * b1[m] for m in range(len(b1))) + b for row, b in zip(w2, b2)]
    return np.array(weight), np.array(bias)

# %% merge-dense: wrong, loses the first bias
# says: the bias of fc1 is lost
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight, fc2.bias

# %% merge-dense: wrong, loses the second bias
# says: the bias of fc2 is lost
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight, fc2.weight @ fc1.bias

# %% merge-dense: wrong, both biases through the weights
# says: must not go through them
def merge(fc1, fc2):
    if fc1.out_features != fc2.out_features:
        return fc2.weight @ fc1.weight, fc2.weight @ fc1.bias + fc2.bias
    return fc2.weight @ fc1.weight, fc2.weight @ (fc1.bias + fc2.bias)

# %% merge-dense: wrong, adds the biases
# says: raised RuntimeError
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight, fc1.bias + fc2.bias

# %% merge-dense: wrong, the order of the product
# says: raised RuntimeError
def merge(fc1, fc2):
    return fc1.weight @ fc2.weight, fc2.weight @ fc1.bias + fc2.bias

# %% merge-dense: wrong, transposed
# says: the weight is transposed
def merge(fc1, fc2):
    return (fc2.weight @ fc1.weight).T, fc2.weight @ fc1.bias + fc2.bias

# %% merge-dense: wrong, a ReLU between
# says: you put a ReLU between the layers
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight.relu(), fc2.weight @ fc1.bias.relu() + fc2.bias

# %% merge-dense: wrong, a layer instead of two tensors
# says: not a weight and a bias
def merge(fc1, fc2):
    layer = torch.nn.Linear(fc1.in_features, fc2.out_features)
    with torch.no_grad():
        layer.weight.copy_(fc2.weight @ fc1.weight)
        layer.bias.copy_(fc2(fc1.bias))
    return layer

# %% merge-dense: wrong, only the weight
# says: not a weight and a bias
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight

# %% merge-dense: wrong, prints
# says: returned None
def merge(fc1, fc2):
    print(fc2.weight @ fc1.weight, fc2(fc1.bias))

# %% spend-the-budget: right, recursion
def choose_k(options, most_lost):
    best = None

    def go(layers, chosen, size, lost):
        nonlocal best
        if not layers:
            if lost <= most_lost and (best is None or size < best[0]):
                best = size, chosen
            return
        for k, (more, worse) in options[layers[0]].items():
            go(layers[1:], {**chosen, layers[0]: k}, size + more, lost + worse)

    go(list(options), {}, 0, 0)
    return best[1]

# %% spend-the-budget: right, a table over what has been lost
def choose_k(options, most_lost):
    table = {0: (0, {})}
    for layer, entries in options.items():
        longer = {}
        for lost, (size, chosen) in table.items():
            for k, (more, worse) in entries.items():
                candidate = size + more, {**chosen, layer: k}
                key = lost + worse
                if key not in longer or candidate[0] < longer[key][0]:
                    longer[key] = candidate
        table = longer
    return min((v for lost, v in table.items() if lost <= most_lost), key=lambda v: v[0])[1]

# %% spend-the-budget: right, arrays, numpy integers as k
def choose_k(options, most_lost):
    layers = list(options)
    size, lost = np.zeros(1), np.zeros(1)
    for layer in layers:
        cost = np.array(list(options[layer].values()), dtype=float)
        size = np.add.outer(size, cost[:, 0]).ravel()
        lost = np.add.outer(lost, cost[:, 1]).ravel()
    at = np.where(lost <= most_lost, size, np.inf).argmin()
    places = np.unravel_index(at, [len(options[layer]) for layer in layers])
    return {layer: np.array(list(options[layer]))[i] for layer, i in zip(layers, places)}

# %% spend-the-budget: right, sorted by bytes
def choose_k(options, most_lost):
    from itertools import product

    every = [dict(zip(options, ks)) for ks in product(*options.values())]
    every.sort(key=lambda choice: sum(options[layer][choice[layer]][0] for layer in choice))
    for choice in every:
        if sum(options[layer][choice[layer]][1] for layer in choice) <= most_lost:
            return choice

# %% spend-the-budget: wrong, every layer spends the whole budget
# says: every layer spends the whole budget by itself
def choose_k(options, most_lost):
    chosen = {}
    for layer, table in options.items():
        allowed = [k for k in table if table[k][1] <= most_lost] or [max(table)]
        chosen[layer] = min(allowed, key=lambda k: table[k][0])
    return chosen

# %% spend-the-budget: wrong, equal shares
# says: an equal share of the budget
def choose_k(options, most_lost):
    chosen = {}
    for layer, table in options.items():
        share = most_lost / len(options)
        allowed = [k for k in table if table[k][1] <= share]
        if not allowed:
            allowed = [min(table, key=lambda k: table[k][1])]
        chosen[layer] = min(allowed, key=lambda k: table[k][0])
    return chosen

# %% spend-the-budget: wrong, the fewest bytes
# says: whatever is lost
def choose_k(options, most_lost):
    return {layer: min(table, key=lambda k: table[k][0]) for layer, table in options.items()}

# %% spend-the-budget: wrong, loses least
# says: the budget allows to lose some
def choose_k(options, most_lost):
    return {layer: min(table, key=lambda k: table[k][1]) for layer, table in options.items()}

# %% spend-the-budget: wrong, less than the budget
# says: a choice that loses exactly most_lost is allowed
def choose_k(options, most_lost):
    every = (dict(zip(options, ks)) for ks in itertools.product(*options.values()))
    cost = lambda choice, i: sum(options[layer][k][i] for layer, k in choice.items())
    allowed = [choice for choice in every if cost(choice, 1) < most_lost]
    if not allowed:
        return {layer: max(table) for layer, table in options.items()}
    return min(allowed, key=lambda choice: cost(choice, 0))

# %% spend-the-budget: wrong, max
# says: the one with the most bytes
def choose_k(options, most_lost):
    every = (dict(zip(options, ks)) for ks in itertools.product(*options.values()))
    cost = lambda choice, i: sum(options[layer][k][i] for layer, k in choice.items())
    return max((c for c in every if cost(c, 1) <= most_lost), key=lambda c: cost(c, 0))

# %% spend-the-budget: wrong, one k for all
# says: let every layer have its own k
def choose_k(options, most_lost):
    best = None
    for k in list(options.values())[0]:
        size = sum(table[k][0] for table in options.values())
        lost = sum(table[k][1] for table in options.values())
        if lost <= most_lost and (best is None or size < best[0]):
            best = size, k
    return {layer: best[1] if best else max(options[layer]) for layer in options}

# %% spend-the-budget: wrong, a list of k
# says: not a dict with one k for each
def choose_k(options, most_lost):
    return [max(table) for table in options.values()]

# %% spend-the-budget: wrong, the bytes instead of k
# says: which has only
def choose_k(options, most_lost):
    return {layer: max(table.values())[0] for layer, table in options.items()}

# %% spend-the-budget: wrong, returns nothing if the first does not fit
# says: returned None
def choose_k(options, most_lost):
    choice = {layer: min(table) for layer, table in options.items()}
    if sum(options[layer][k][1] for layer, k in choice.items()) <= most_lost:
        return choice

# %% smallest-file: right, 8 bits with a level at zero, packed: the first point
def smallest_file(net, path):
    model = ql.quantize_model(
        net, weights=lambda w: ql.uniform_quantize(w, 8, zero_point="int"), biases=None
    )
    return ql.save_quantized(model, path, coding="packed")

# %% smallest-file: right, the same codes behind an entropy coder
def smallest_file(net, path):
    rule = lambda w: ql.uniform_quantize(w, 8, zero_point="int")
    ql.save_quantized(ql.quantize_model(net, weights=rule, biases=None), str(path))
    return path

# %% smallest-file: right, another network and a file made beforehand
def smallest_file(net, path):
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        mine = f"{folder}/mine.safetensors"
        other = ql.load_baseline(device="cpu")
        model = ql.quantize_model(
            other, weights=lambda w: ql.kmeans_quantize(w, 64), biases=lambda b: ql.kmeans_quantize(b, 64)
        )
        ql.save_quantized(model, mine, coding="huffman")
        shutil.copy(mine, path)

# %% smallest-file: wrong, 8 centres and nothing else
# says: are needed
def smallest_file(net, path):
    model = ql.quantize_model(
        net, weights=lambda w: ql.kmeans_quantize(w, 8), biases=lambda b: ql.kmeans_quantize(b, 8)
    )
    ql.save_quantized(model, path)

# %% smallest-file: wrong, float32 in the right container
# says: tensors that were not quantized are stored as floats
def smallest_file(net, path):
    ql.save_quantized(ql.quantize_model(net, weights=None, biases=None), path)

# %% smallest-file: wrong, save_net
# says: holds float32 weights that save_net wrote
def smallest_file(net, path):
    ql.save_net(net, path)

# %% smallest-file: wrong, torch.save
# says: your file is one of torch.save or pickle
def smallest_file(net, path):
    torch.save(net.state_dict(), path)

# %% smallest-file: wrong, pickle
# says: your file is one of torch.save or pickle
def smallest_file(net, path):
    import pickle

    with open(path, "wb") as file:
        pickle.dump([parameter.detach().numpy() for parameter in net.parameters()], file)

# %% smallest-file: wrong, returns the bytes
# says: it returned 
def smallest_file(net, path):
    import os
    import tempfile

    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    with tempfile.TemporaryDirectory() as folder:
        ql.save_quantized(model, os.path.join(folder, "x"))
        return open(os.path.join(folder, "x"), "rb").read()

# %% smallest-file: wrong, returns the model
# says: a model in memory has no size on disk
def smallest_file(net, path):
    return ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)

# %% smallest-file: wrong, another name
# says: the check reads exactly the file whose name it passed
def smallest_file(net, path):
    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    ql.save_quantized(model, f"{path}.min")

# %% smallest-file: wrong, zips the file
# says: write it with ql.save_quantized(model, path), last of all
def smallest_file(net, path):
    import gzip

    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    ql.save_quantized(model, path)
    with open(path, "rb") as file:
        content = file.read()
    with gzip.open(path, "wb") as file:
        file.write(content)

# %% smallest-file: wrong, cuts the end off
# says: write it with ql.save_quantized(model, path), last of all
def smallest_file(net, path):
    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    ql.save_quantized(model, path)
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[:3000])

# %% smallest-file: wrong, an empty file
# says: write it with ql.save_quantized(model, path), last of all
def smallest_file(net, path):
    open(path, "wb").close()

# %% smallest-file: wrong, saves the network itself
# says: must be a QuantizedModel
def smallest_file(net, path):
    ql.save_quantized(net, path)

# %% smallest-file: wrong, does nothing
# says: there is no file at `path`
def smallest_file(net, path):
    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    print(model.total_bytes)
