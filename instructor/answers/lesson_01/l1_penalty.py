# %% right, loop
def l1_penalty(net):
    total = torch.zeros(())
    for parameter in net.parameters():
        total = total + torch.sum(torch.abs(parameter))
    return total

# %% right, one vector and its 1-norm
def l1_penalty(net):
    everything = torch.cat([parameter.flatten() for parameter in net.parameters()])
    return torch.linalg.vector_norm(everything, ord=1)

# %% right, the library's loss
def l1_penalty(net):
    vector = torch.nn.utils.parameters_to_vector(net.parameters())
    return F.l1_loss(vector, torch.zeros_like(vector), reduction="sum")

# %% right, the package's own
def l1_penalty(net):
    return ql.l1_penalty(net)

# %% right, sign times value
def l1_penalty(net):
    return sum((p * p.detach().sign()).sum() for p in net.parameters())

# %% right, norm of each tensor
def l1_penalty(net):
    return sum(p.norm(1) for p in net.parameters())

# %% right, where, with the derivative -1 at zero
def l1_penalty(net):
    return sum(torch.where(p > 0, p, -p).sum() for p in net.parameters())

# %% right, one element of shape (1,), added in place
def l1_penalty(net):
    penalty = torch.zeros(1)
    for _, parameter in net.named_parameters():
        penalty += parameter.abs().sum()
    return penalty

# %% right, in float64
def l1_penalty(net):
    return torch.stack([p.double().abs().sum() for p in net.parameters()]).sum()

# %% wrong, item
# says: you took the number out of its tensor
def l1_penalty(net):
    return sum(p.abs().sum().item() for p in net.parameters())

# %% wrong, numpy
# says: you took the number out of its tensor
def l1_penalty(net):
    return sum(np.abs(p.detach().numpy()).sum() for p in net.parameters())

# %% wrong, no_grad
# says: training would ignore it
def l1_penalty(net):
    with torch.no_grad():
        return sum(p.abs().sum() for p in net.parameters())

# %% wrong, data
# says: training would ignore it
def l1_penalty(net):
    return sum(p.data.abs().sum() for p in net.parameters())

# %% wrong, a new tensor around the value
# says: training would ignore it
def l1_penalty(net):
    value = sum(p.abs().sum().item() for p in net.parameters())
    return torch.tensor(value, requires_grad=True)

# %% wrong, signed sum
# says: with their signs
def l1_penalty(net):
    return sum(p.sum() for p in net.parameters())

# %% wrong, absolute value of each sum
# says: inside a tensor the signs cancel
def l1_penalty(net):
    return sum(p.sum().abs() for p in net.parameters())

# %% wrong, absolute value of the whole sum
# says: absolute value of the whole sum
def l1_penalty(net):
    return torch.abs(sum(p.sum() for p in net.parameters()))

# %% wrong, squared
# says: that is the L2 penalty
def l1_penalty(net):
    return sum((p**2).sum() for p in net.parameters())

# %% wrong, norm without its order
# says: its L2 norm
def l1_penalty(net):
    return torch.nn.utils.parameters_to_vector(net.parameters()).norm()

# %% wrong, mean over all
# says: you took the mean: the larger the network
def l1_penalty(net):
    return torch.cat([p.flatten() for p in net.parameters()]).abs().mean()

# %% wrong, mean of each tensor
# says: the mean of each tensor
def l1_penalty(net):
    return sum(p.abs().mean() for p in net.parameters())

# %% wrong, largest only
# says: the largest weight only
def l1_penalty(net):
    return max(p.abs().max() for p in net.parameters())

# %% wrong, weights only
# says: left out the biases
def l1_penalty(net):
    return sum(p.abs().sum() for name, p in net.named_parameters() if "weight" in name)

# %% wrong, matrices only
# says: which have one dimension
def l1_penalty(net):
    return sum(p.abs().sum() for p in net.parameters() if p.dim() > 1)

# %% wrong, running statistics too
# says: measured, not trained
def l1_penalty(net):
    tensors = [*net.parameters(), *net.buffers()]
    return sum(tensor.abs().sum() for tensor in tensors)

# %% wrong, beta inside
# says: you multiplied by beta already
def l1_penalty(net):
    return 0.001 * sum(p.abs().sum() for p in net.parameters())

# %% wrong, return inside the loop
# says: the first tensor only
def l1_penalty(net):
    for parameter in net.parameters():
        return parameter.abs().sum()

# %% wrong, overwrites the sum
# says: the last tensor only
def l1_penalty(net):
    for parameter in net.parameters():
        total = parameter.abs().sum()
    return total

# %% wrong, square root of the square
# says: makes its gradient NaN
def l1_penalty(net):
    return sum(torch.sqrt(p**2).sum() for p in net.parameters())

# %% wrong, goes backward itself
# says: you called .backward() yourself
def l1_penalty(net):
    total = sum(p.abs().sum() for p in net.parameters())
    total.backward()
    return total

# %% wrong, makes the weights positive in place
# says: changed its argument
def l1_penalty(net):
    for parameter in net.parameters():
        parameter.data.abs_()
    return sum(p.sum() for p in net.parameters())

# %% wrong, fits the example only
# says: the same for every input
def l1_penalty(net):
    return torch.tensor(7.5)

# %% wrong, a sum for each tensor
# says: expected one number
def l1_penalty(net):
    return torch.stack([p.abs().sum() for p in net.parameters()])

# %% wrong, no return
# says: returned None
def l1_penalty(net):
    total = sum(p.abs().sum() for p in net.parameters())
