"""Answers to the exercises of lesson 01: right ones written differently, and named mistakes."""

# %% count-bytes: right, loop with numel
def count_bytes(net):
    total = 0
    for parameter in net.parameters():
        total += parameter.numel()
    return total * 32 // 8

# %% count-bytes: right, nbytes of the arrays
def count_bytes(net):
    return sum(parameter.detach().numpy().nbytes for parameter in net.parameters())

# %% count-bytes: right, element size
def count_bytes(net):
    return sum(p.numel() * p.element_size() for _, p in net.named_parameters())

# %% count-bytes: right, products of shapes
def count_bytes(net):
    return 4 * np.sum([np.prod(parameter.shape) for parameter in net.parameters()])

# %% count-bytes: right, one long vector in torch
def count_bytes(net):
    return torch.tensor(4.0) * len(torch.nn.utils.parameters_to_vector(net.parameters()))

# %% count-bytes: right, module by module
def count_bytes(net):
    size = 0
    for module in net.modules():
        for parameter in module.parameters(recurse=False):
            size += len(parameter.flatten().tolist()) * 4
    return size

# %% count-bytes: right, package less the running statistics
def count_bytes(net):
    buffers = [b for b in net.buffers() if b.is_floating_point()]
    return ql.float32_bytes(net) - 4 * sum(b.numel() for b in buffers)

# %% count-bytes: wrong, forgets the 4 bytes
# says: not their bytes
def count_bytes(net):
    return sum(parameter.numel() for parameter in net.parameters())

# %% count-bytes: wrong, bits
# says: you counted bits
def count_bytes(net):
    return 32 * sum(parameter.numel() for parameter in net.parameters())

# %% count-bytes: wrong, float64
# says: 64-bit float
def count_bytes(net):
    return sum(p.detach().numpy().astype(np.float64).nbytes for p in net.parameters())

# %% count-bytes: wrong, running statistics counted
# says: running statistics too
def count_bytes(net):
    return ql.float32_bytes(net)

# %% count-bytes: wrong, the counter of batches counted
# says: even its counter of batches
def count_bytes(net):
    return sum(value.nbytes for value in net.state_dict().values())

# %% count-bytes: wrong, weights only
# says: left out the biases
def count_bytes(net):
    return 4 * sum(p.numel() for name, p in net.named_parameters() if name.endswith("weight"))

# %% count-bytes: wrong, matrices only
# says: biases and BatchNorm's parameters have one dimension
def count_bytes(net):
    return 4 * sum(p.numel() for p in net.parameters() if p.ndim >= 2)

# %% count-bytes: wrong, only what is trained
# says: parameters that are not trained
def count_bytes(net):
    return 4 * sum(p.numel() for p in net.parameters() if p.requires_grad)

# %% count-bytes: wrong, len for numel
# says: first dimension only
def count_bytes(net):
    return sum(4 * len(parameter) for parameter in net.parameters())

# %% count-bytes: wrong, number of tensors
# says: you counted tensors
def count_bytes(net):
    return 4 * len(list(net.parameters()))

# %% count-bytes: wrong, kilobytes
# says: you returned kilobytes
def count_bytes(net):
    return 4 * sum(p.numel() for p in net.parameters()) / 1e3

# %% count-bytes: wrong, return inside the loop
# says: the first tensor only
def count_bytes(net):
    total = 0
    for parameter in net.parameters():
        total += 4 * parameter.numel()
        return total

# %% count-bytes: wrong, overwrites the sum
# says: the last tensor only
def count_bytes(net):
    for parameter in net.parameters():
        total = 4 * parameter.numel()
    return total

# %% count-bytes: wrong, hard-coded for the course's network
# says: the same for every input
def count_bytes(net):
    return 1_924_856

# %% count-bytes: wrong, knows the course's layers only
# says: raised AttributeError
def count_bytes(net):
    layers = [net.conv1, net.bn1, net.conv2, net.bn2, net.conv3, net.bn3, net.fc1, net.fc2]
    return 4 * sum(p.numel() for layer in layers for p in layer.parameters())

# %% count-bytes: wrong, first level of layers only
# says: layers inside layers
def count_bytes(net):
    total = 0
    for layer in [net, *net.children()]:
        for name in ("weight", "bias"):
            tensor = getattr(layer, name, None)
            total += 0 if tensor is None else 4 * tensor.numel()
    return total

# %% count-bytes: wrong, halves the network on the way
# says: changed its argument
def count_bytes(net):
    net.half()
    return 2 * sum(2 * p.numel() for p in net.parameters())

# %% count-bytes: wrong, one number per tensor
# says: expected one number
def count_bytes(net):
    return [4 * parameter.numel() for parameter in net.parameters()]

# %% count-bytes: wrong, prints instead of returning
# says: returned None
def count_bytes(net):
    print(4 * sum(p.numel() for p in net.parameters()))

# %% l1-penalty: right, loop
def l1_penalty(net):
    total = torch.zeros(())
    for parameter in net.parameters():
        total = total + torch.sum(torch.abs(parameter))
    return total

# %% l1-penalty: right, one vector and its 1-norm
def l1_penalty(net):
    everything = torch.cat([parameter.flatten() for parameter in net.parameters()])
    return torch.linalg.vector_norm(everything, ord=1)

# %% l1-penalty: right, the library's loss
def l1_penalty(net):
    vector = torch.nn.utils.parameters_to_vector(net.parameters())
    return F.l1_loss(vector, torch.zeros_like(vector), reduction="sum")

# %% l1-penalty: right, the package's own
def l1_penalty(net):
    return ql.l1_penalty(net)

# %% l1-penalty: right, sign times value
def l1_penalty(net):
    return sum((p * p.detach().sign()).sum() for p in net.parameters())

# %% l1-penalty: right, norm of each tensor
def l1_penalty(net):
    return sum(p.norm(1) for p in net.parameters())

# %% l1-penalty: right, where, with the derivative -1 at zero
def l1_penalty(net):
    return sum(torch.where(p > 0, p, -p).sum() for p in net.parameters())

# %% l1-penalty: right, one element of shape (1,), added in place
def l1_penalty(net):
    penalty = torch.zeros(1)
    for _, parameter in net.named_parameters():
        penalty += parameter.abs().sum()
    return penalty

# %% l1-penalty: right, in float64
def l1_penalty(net):
    return torch.stack([p.double().abs().sum() for p in net.parameters()]).sum()

# %% l1-penalty: wrong, item
# says: you took the number out of its tensor
def l1_penalty(net):
    return sum(p.abs().sum().item() for p in net.parameters())

# %% l1-penalty: wrong, numpy
# says: you took the number out of its tensor
def l1_penalty(net):
    return sum(np.abs(p.detach().numpy()).sum() for p in net.parameters())

# %% l1-penalty: wrong, no_grad
# says: training would ignore it
def l1_penalty(net):
    with torch.no_grad():
        return sum(p.abs().sum() for p in net.parameters())

# %% l1-penalty: wrong, data
# says: training would ignore it
def l1_penalty(net):
    return sum(p.data.abs().sum() for p in net.parameters())

# %% l1-penalty: wrong, a new tensor around the value
# says: training would ignore it
def l1_penalty(net):
    value = sum(p.abs().sum().item() for p in net.parameters())
    return torch.tensor(value, requires_grad=True)

# %% l1-penalty: wrong, signed sum
# says: with their signs
def l1_penalty(net):
    return sum(p.sum() for p in net.parameters())

# %% l1-penalty: wrong, absolute value of each sum
# says: inside a tensor the signs cancel
def l1_penalty(net):
    return sum(p.sum().abs() for p in net.parameters())

# %% l1-penalty: wrong, absolute value of the whole sum
# says: absolute value of the whole sum
def l1_penalty(net):
    return torch.abs(sum(p.sum() for p in net.parameters()))

# %% l1-penalty: wrong, squared
# says: that is the L2 penalty
def l1_penalty(net):
    return sum((p**2).sum() for p in net.parameters())

# %% l1-penalty: wrong, norm without its order
# says: its L2 norm
def l1_penalty(net):
    return torch.nn.utils.parameters_to_vector(net.parameters()).norm()

# %% l1-penalty: wrong, mean over all
# says: you took the mean: the pull
def l1_penalty(net):
    return torch.cat([p.flatten() for p in net.parameters()]).abs().mean()

# %% l1-penalty: wrong, mean of each tensor
# says: the mean of each tensor
def l1_penalty(net):
    return sum(p.abs().mean() for p in net.parameters())

# %% l1-penalty: wrong, largest only
# says: the largest weight only
def l1_penalty(net):
    return max(p.abs().max() for p in net.parameters())

# %% l1-penalty: wrong, weights only
# says: left out the biases
def l1_penalty(net):
    return sum(p.abs().sum() for name, p in net.named_parameters() if "weight" in name)

# %% l1-penalty: wrong, matrices only
# says: left out what has one dimension
def l1_penalty(net):
    return sum(p.abs().sum() for p in net.parameters() if p.dim() > 1)

# %% l1-penalty: wrong, running statistics too
# says: measured, not trained
def l1_penalty(net):
    tensors = [*net.parameters(), *net.buffers()]
    return sum(tensor.abs().sum() for tensor in tensors)

# %% l1-penalty: wrong, beta inside
# says: you multiplied by beta already
def l1_penalty(net):
    return 0.001 * sum(p.abs().sum() for p in net.parameters())

# %% l1-penalty: wrong, return inside the loop
# says: the first tensor only
def l1_penalty(net):
    for parameter in net.parameters():
        return parameter.abs().sum()

# %% l1-penalty: wrong, overwrites the sum
# says: the last tensor only
def l1_penalty(net):
    for parameter in net.parameters():
        total = parameter.abs().sum()
    return total

# %% l1-penalty: wrong, square root of the square
# says: makes its gradient NaN
def l1_penalty(net):
    return sum(torch.sqrt(p**2).sum() for p in net.parameters())

# %% l1-penalty: wrong, goes backward itself
# says: you called .backward() yourself
def l1_penalty(net):
    total = sum(p.abs().sum() for p in net.parameters())
    total.backward()
    return total

# %% l1-penalty: wrong, makes the weights positive in place
# says: changed its argument
def l1_penalty(net):
    for parameter in net.parameters():
        parameter.data.abs_()
    return sum(p.sum() for p in net.parameters())

# %% l1-penalty: wrong, fits the example only
# says: the same for every input
def l1_penalty(net):
    return torch.tensor(7.5)

# %% l1-penalty: wrong, a sum for each tensor
# says: expected one number
def l1_penalty(net):
    return torch.stack([p.abs().sum() for p in net.parameters()])

# %% l1-penalty: wrong, no return
# says: returned None
def l1_penalty(net):
    total = sum(p.abs().sum() for p in net.parameters())

# %% accuracy: right, numpy
def accuracy(logits, labels):
    return np.mean(np.argmax(logits.numpy(), axis=1) == labels.numpy())

# %% accuracy: right, loop over the images
def accuracy(logits, labels):
    right = 0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        if row.index(max(row)) == label:
            right += 1
    return right / len(labels)

# %% accuracy: right, torch max with its places
def accuracy(logits, labels):
    _, places = torch.max(logits, dim=-1)
    return places.eq(labels).sum() / labels.shape[0]

# %% accuracy: right, largest probability
def accuracy(logits, labels):
    probabilities = F.softmax(logits, dim=1)
    return float((probabilities.topk(1).indices.squeeze(1) == labels).double().mean())

# %% accuracy: right, trace of the confusion matrix
def accuracy(logits, labels):
    classes = logits.shape[1]
    confusion = torch.bincount(labels * classes + logits.argmax(1), minlength=classes**2)
    return confusion.reshape(classes, classes).trace().item() / confusion.sum().item()

# %% accuracy: right, sorted places
def accuracy(logits, labels):
    return sum(logits.argsort(dim=1)[:, -1] == labels) / len(labels)

# %% accuracy: wrong, per cent
# says: you returned per cent
def accuracy(logits, labels):
    return 100 * (logits.argmax(1) == labels).float().mean()

# %% accuracy: wrong, the count
# says: how many are right
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum().item()

# %% accuracy: wrong, the error rate
# says: the error rate
def accuracy(logits, labels):
    return (logits.argmax(1) != labels).float().mean()

# %% accuracy: wrong, integer division
# says: you divided integers
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() // len(labels)

# %% accuracy: wrong, an integer at the end
# says: you divided integers
def accuracy(logits, labels):
    return int((logits.argmax(1) == labels).float().mean())

# %% accuracy: wrong, axis of the images
# says: the largest logit of each column
def accuracy(logits, labels):
    return (logits.argmax(0) == labels).float().mean()

# %% accuracy: wrong, max for argmax
# says: the prediction is its place
def accuracy(logits, labels):
    return (logits.max(1).values == labels).float().mean()

# %% accuracy: wrong, argmin
# says: the smallest logit
def accuracy(logits, labels):
    return (logits.argmin(dim=1) == labels).float().mean()

# %% accuracy: wrong, places counted from one
# says: counted places from 1
def accuracy(logits, labels):
    return (logits.argmax(dim=1) + 1 == labels).float().mean()

# %% accuracy: wrong, rounded
# says: you rounded to two decimals
def accuracy(logits, labels):
    return round((logits.argmax(1) == labels).float().mean().item(), 2)

# %% accuracy: wrong, batch size of the course
# says: you divided by 100
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() / 100

# %% accuracy: wrong, divided by all logits
# says: the number of logits
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() / logits.numel()

# %% accuracy: wrong, divided by the classes
# says: the number of classes
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() / logits.shape[1]

# %% accuracy: wrong, last batch only
# says: the last batch only
def accuracy(logits, labels):
    for start in range(0, len(labels), 100):
        batch = slice(start, start + 100)
        share = (logits[batch].argmax(1) == labels[batch]).float().mean()
    return share

# %% accuracy: wrong, mean of the batches
# says: the mean of the batches' accuracies
def accuracy(logits, labels):
    pairs = zip(logits.split(100), labels.split(100), strict=True)
    return np.mean([(x.argmax(1) == y).float().mean().item() for x, y in pairs])

# %% accuracy: wrong, exp overflows
# says: infinity divided by infinity
def accuracy(logits, labels):
    powers = torch.exp(logits)
    return ((powers / powers.sum(1, keepdim=True)).argmax(1) == labels).float().mean()

# %% accuracy: wrong, searches from zero
# says: your search for the largest logit begins at 0
def accuracy(logits, labels):
    right = 0
    for row, label in zip(logits, labels, strict=True):
        best, place = 0.0, 0
        for i, logit in enumerate(row):
            if logit > best:
                best, place = logit, i
        right += int(place == label)
    return right / len(labels)

# %% accuracy: wrong, mean of truth values
# says: raised RuntimeError
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).mean()

# %% accuracy: wrong, one truth value per image
# says: expected one number
def accuracy(logits, labels):
    return logits.argmax(1) == labels

# %% accuracy: wrong, sorts the logits in place
# says: changed its argument
def accuracy(logits, labels):
    places = logits.argmax(1)
    logits[:] = logits.sort(1).values
    return (places == labels).float().mean()

# %% accuracy: wrong, fits the example only
# says: the same for every input
def accuracy(logits, labels):
    return 0.5

# %% accuracy: wrong, prints instead of returning
# says: returned None
def accuracy(logits, labels):
    print((logits.argmax(1) == labels).float().mean())

# %% predict-exact-zeros: right, none
zeros_guess = 0

# %% predict-exact-zeros: right, nearly all
zeros_guess = 470_000

# %% predict-exact-zeros: right, a float without decimals
zeros_guess = 0.97 * 481_200 // 1

# %% predict-exact-zeros: right, a numpy number
zeros_guess = np.int64(481_214)

# %% predict-exact-zeros: right, a tensor
zeros_guess = torch.tensor(1000)

# %% predict-exact-zeros: wrong, a share
# says: this looks like a share
zeros_guess = 0.97

# %% predict-exact-zeros: wrong, more than there are
# says: no more than 481,214
zeros_guess = 481_215

# %% predict-exact-zeros: wrong, negative
# says: a count cannot be negative
zeros_guess = -1

# %% predict-exact-zeros: wrong, per cent in words
# says: this is not one number
zeros_guess = "97 %"

# %% predict-exact-zeros: wrong, an interval
# says: this is not one number
zeros_guess = (0, 1000)

# %% predict-exact-zeros: wrong, half a weight
# says: a count is a whole number
zeros_guess = 1000.5

# %% predict-exact-zeros: wrong, not a number
# says: this is not a number
zeros_guess = float("nan")

# %% predict-exact-zeros: wrong, a truth value
# says: this is not one number
zeros_guess = True

# %% predict-exact-zeros: wrong, no commitment
# says: is not answered yet
zeros_guess = None
