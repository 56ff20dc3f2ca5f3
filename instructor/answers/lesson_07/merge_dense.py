# %% right, torch
def merge(fc1, fc2):
    with torch.no_grad():
        return fc2.weight @ fc1.weight, fc2(fc1.bias)

# %% right, numpy in float64, a list
def merge(fc1, fc2):
    w1, b1, w2, b2 = (
        p.detach().numpy().astype(np.float64) for p in (fc1.weight, fc1.bias, fc2.weight, fc2.bias)
    )
    return [w2.dot(w1), w2.dot(b1) + b2]

# %% right, sends the unit vectors through both layers
def merge(fc1, fc2):
    with torch.no_grad():
        bias = fc2(fc1(torch.zeros(1, fc1.in_features, dtype=torch.float64).float()))[0]
        units = torch.eye(fc1.in_features)
        weight = (fc1(units) - fc1.bias) @ fc2.weight.T
    return weight.T, bias

# %% right, loops
def merge(fc1, fc2):
    w1, w2 = fc1.weight.tolist(), fc2.weight.tolist()
    weight = [
        [sum(row[m] * w1[m][i] for m in range(len(w1))) for i in range(len(w1[0]))] for row in w2
    ]
    b1, b2 = fc1.bias.tolist(), fc2.bias.tolist()
    bias = [sum(row[m] * b1[m] for m in range(len(b1))) + b for row, b in zip(w2, b2)]
    return np.array(weight), np.array(bias)

# %% wrong, loses the first bias
# says: the bias of fc1 is missing
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight, fc2.bias

# %% wrong, loses the second bias
# says: the bias of fc2 is missing
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight, fc2.weight @ fc1.bias

# %% wrong, both biases through the weights
# says: you multiplied the bias of fc2 by its weights
def merge(fc1, fc2):
    if fc1.out_features != fc2.out_features:
        return fc2.weight @ fc1.weight, fc2.weight @ fc1.bias + fc2.bias
    return fc2.weight @ fc1.weight, fc2.weight @ (fc1.bias + fc2.bias)

# %% wrong, adds the biases
# says: raised RuntimeError
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight, fc1.bias + fc2.bias

# %% wrong, the order of the product
# says: raised RuntimeError
def merge(fc1, fc2):
    return fc1.weight @ fc2.weight, fc2.weight @ fc1.bias + fc2.bias

# %% wrong, transposed
# says: the weight is transposed
def merge(fc1, fc2):
    return (fc2.weight @ fc1.weight).T, fc2.weight @ fc1.bias + fc2.bias

# %% wrong, a ReLU between
# says: you put a ReLU between the layers
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight.relu(), fc2.weight @ fc1.bias.relu() + fc2.bias

# %% wrong, a layer instead of two tensors
# says: not a weight and a bias
def merge(fc1, fc2):
    layer = torch.nn.Linear(fc1.in_features, fc2.out_features)
    with torch.no_grad():
        layer.weight.copy_(fc2.weight @ fc1.weight)
        layer.bias.copy_(fc2(fc1.bias))
    return layer

# %% wrong, only the weight
# says: not a weight and a bias
def merge(fc1, fc2):
    return fc2.weight @ fc1.weight

# %% wrong, prints
# says: returned None
def merge(fc1, fc2):
    print(fc2.weight @ fc1.weight, fc2(fc1.bias))
