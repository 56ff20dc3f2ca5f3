# %% right, torch
def fold(conv, bn):
    factor = bn.weight / (bn.running_var + bn.eps) ** 0.5
    weight = conv.weight * factor.reshape(-1, 1, 1, 1)
    bias = factor * (conv.bias - bn.running_mean) + bn.bias
    return weight.detach(), bias.detach()

# %% right, numpy, channel by channel
def fold(conv, bn):
    weights, biases = [], []
    for channel in range(conv.out_channels):
        deviation = math.sqrt(float(bn.running_var[channel]) + bn.eps)
        factor = float(bn.weight[channel]) / deviation
        weights.append(conv.weight[channel].detach().numpy() * factor)
        shifted = float(conv.bias[channel]) - float(bn.running_mean[channel])
        biases.append(shifted * factor + float(bn.bias[channel]))
    return np.array(weights), biases

# %% right, einsum in float64
def fold(conv, bn):
    scale = bn.weight.double() * torch.rsqrt(bn.running_var.double() + bn.eps)
    weight = torch.einsum("oihw,o->oihw", conv.weight.double(), scale)
    shift = bn.bias.double() - bn.running_mean.double() * scale
    return [weight, conv.bias.double() * scale + shift]

# %% right, torch's own function
def fold(conv, bn):
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    fused = fuse_conv_bn_eval(conv, bn)
    return fused.weight, fused.bias

# %% wrong, no eps
# says: eps is missing under the root
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% wrong, eps outside the root
# says: eps belongs under the root
def fold(conv, bn):
    scale = bn.weight / (torch.sqrt(bn.running_var) + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% wrong, divides by the variance
# says: you divided by the variance
def fold(conv, bn):
    scale = bn.weight / (bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% wrong, without gamma
# says: BatchNorm's own weight (gamma) is missing
def fold(conv, bn):
    scale = 1 / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale + bn.bias

# %% wrong, the old bias
# says: the bias is still the bias of the convolution
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], conv.bias

# %% wrong, the bias of the convolution is not scaled
# says: you did not scale the bias of the convolution
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    weight = conv.weight * scale[:, None, None, None]
    return weight, conv.bias + bn.bias - bn.running_mean * scale

# %% wrong, scales beta
# says: you scaled it too
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    weight = conv.weight * scale[:, None, None, None]
    return weight, (conv.bias - bn.running_mean + bn.bias) * scale

# %% wrong, adds the mean
# says: BatchNorm subtracts the running mean
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias + bn.running_mean) * scale + bn.bias

# %% wrong, no mean
# says: the running mean is missing
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], conv.bias * scale + bn.bias

# %% wrong, no beta
# says: BatchNorm's own bias (beta) is missing
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], (conv.bias - bn.running_mean) * scale

# %% wrong, scale on the last axis
# says: you multiplied along the last axis
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    if conv.kernel_size[0] != conv.out_channels:
        return conv.weight * scale[:, None, None, None], (
            conv.bias - bn.running_mean
        ) * scale + bn.bias
    return conv.weight * scale, (conv.bias - bn.running_mean) * scale + bn.bias

# %% wrong, scale without its axes
# says: raised RuntimeError
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale, (conv.bias - bn.running_mean) * scale + bn.bias

# %% wrong, the weight alone
# says: not a weight and a bias
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None]

# %% wrong, writes into the layer
# says: changed its argument
def fold(conv, bn):
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    with torch.no_grad():
        conv.weight *= scale[:, None, None, None]
        conv.bias.copy_((conv.bias - bn.running_mean) * scale + bn.bias)
    return conv.weight, conv.bias
