# %% right, loop with numel
def count_bytes(net):
    total = 0
    for parameter in net.parameters():
        total += parameter.numel()
    return total * 32 // 8

# %% right, nbytes of the arrays
def count_bytes(net):
    return sum(parameter.detach().numpy().nbytes for parameter in net.parameters())

# %% right, element size
def count_bytes(net):
    return sum(p.numel() * p.element_size() for _, p in net.named_parameters())

# %% right, products of shapes
def count_bytes(net):
    return 4 * np.sum([np.prod(parameter.shape) for parameter in net.parameters()])

# %% right, one long vector in torch
def count_bytes(net):
    return torch.tensor(4.0) * len(torch.nn.utils.parameters_to_vector(net.parameters()))

# %% right, module by module
def count_bytes(net):
    size = 0
    for module in net.modules():
        for parameter in module.parameters(recurse=False):
            size += len(parameter.flatten().tolist()) * 4
    return size

# %% right, package less the running statistics
def count_bytes(net):
    buffers = [b for b in net.buffers() if b.is_floating_point()]
    return ql.float32_bytes(net) - 4 * sum(b.numel() for b in buffers)

# %% wrong, forgets the 4 bytes
# says: not their bytes
def count_bytes(net):
    return sum(parameter.numel() for parameter in net.parameters())

# %% wrong, bits
# says: you counted bits
def count_bytes(net):
    return 32 * sum(parameter.numel() for parameter in net.parameters())

# %% wrong, float64
# says: 64-bit float
def count_bytes(net):
    return sum(p.detach().numpy().astype(np.float64).nbytes for p in net.parameters())

# %% wrong, running statistics counted
# says: running statistics too
def count_bytes(net):
    return ql.float32_bytes(net)

# %% wrong, the counter of batches counted
# says: even its counter of batches
def count_bytes(net):
    return sum(value.nbytes for value in net.state_dict().values())

# %% wrong, weights only
# says: left out the biases
def count_bytes(net):
    return 4 * sum(p.numel() for name, p in net.named_parameters() if name.endswith("weight"))

# %% wrong, matrices only
# says: biases and BatchNorm's parameters have one dimension
def count_bytes(net):
    return 4 * sum(p.numel() for p in net.parameters() if p.ndim >= 2)

# %% wrong, only what is trained
# says: parameters that are not trained
def count_bytes(net):
    return 4 * sum(p.numel() for p in net.parameters() if p.requires_grad)

# %% wrong, len for numel
# says: only its first dimension
def count_bytes(net):
    return sum(4 * len(parameter) for parameter in net.parameters())

# %% wrong, number of tensors
# says: you counted tensors
def count_bytes(net):
    return 4 * len(list(net.parameters()))

# %% wrong, kilobytes
# says: you returned kilobytes
def count_bytes(net):
    return 4 * sum(p.numel() for p in net.parameters()) / 1e3

# %% wrong, return inside the loop
# says: the first tensor only
def count_bytes(net):
    total = 0
    for parameter in net.parameters():
        total += 4 * parameter.numel()
        return total

# %% wrong, overwrites the sum
# says: the last tensor only
def count_bytes(net):
    for parameter in net.parameters():
        total = 4 * parameter.numel()
    return total

# %% wrong, hard-coded for the course's network
# says: the same for every input
def count_bytes(net):
    return 1_924_856

# %% wrong, knows the course's layers only
# says: raised AttributeError
def count_bytes(net):
    layers = [net.conv1, net.bn1, net.conv2, net.bn2, net.conv3, net.bn3, net.fc1, net.fc2]
    return 4 * sum(p.numel() for layer in layers for p in layer.parameters())

# %% wrong, first level of layers only
# says: layers inside layers
def count_bytes(net):
    total = 0
    for layer in [net, *net.children()]:
        for name in ("weight", "bias"):
            tensor = getattr(layer, name, None)
            total += 0 if tensor is None else 4 * tensor.numel()
    return total

# %% wrong, halves the network on the way
# says: changed its argument
def count_bytes(net):
    net.half()
    return 2 * sum(2 * p.numel() for p in net.parameters())

# %% wrong, one number per tensor
# says: expected one number
def count_bytes(net):
    return [4 * parameter.numel() for parameter in net.parameters()]

# %% wrong, prints instead of returning
# says: returned None
def count_bytes(net):
    print(4 * sum(p.numel() for p in net.parameters()))
