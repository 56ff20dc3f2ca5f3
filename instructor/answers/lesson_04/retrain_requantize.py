# %% right, one name for the network in work
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
        net = quantize(net)
    return net

# %% right, quantizes at both ends of each round
def retrain_and_requantize(net, train_once, quantize, rounds):
    result = quantize(net)
    for _ in range(rounds):
        start = quantize(result)
        trained = train_once(start)
        result = quantize(trained)
    return result

# %% right, recursion
def retrain_and_requantize(net, train_once, quantize, rounds):
    if rounds == 0:
        return quantize(net)
    before = retrain_and_requantize(net, train_once, quantize, rounds - 1)
    return quantize(train_once(before))

# %% right, a list of all networks
def retrain_and_requantize(net, train_once, quantize, rounds):
    networks = [quantize(net)]
    while len(networks) <= rounds:
        networks.append(quantize(train_once(networks[-1])))
    return networks[-1]

# %% right, functools.reduce
def retrain_and_requantize(net, train_once, quantize, rounds):
    from functools import reduce

    return reduce(lambda network, _: quantize(train_once(network)), range(rounds), quantize(net))

# %% wrong, not quantized after the last training
# says: after the last training nothing is quantized again
def retrain_and_requantize(net, train_once, quantize, rounds):
    for _ in range(rounds):
        net = quantize(net)
        net = train_once(net)
    return net

# %% wrong, quantized once and then only trained, like the later edition
# says: after training nothing is quantized again
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
    return net

# %% wrong, quantizes again only after the last round
# says: quantize again only after the last round
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
    return quantize(net)

# %% wrong, trains before the first quantization
# says: you train before the first quantization
def retrain_and_requantize(net, train_once, quantize, rounds):
    for _ in range(rounds):
        net = train_once(net)
        net = quantize(net)
    return net

# %% wrong, quantizes only at the end
# says: no training ever starts from quantized weights
def retrain_and_requantize(net, train_once, quantize, rounds):
    for _ in range(rounds):
        net = train_once(net)
    return quantize(net)

# %% wrong, drops what the functions return
# says: you return the network you were given
def retrain_and_requantize(net, train_once, quantize, rounds):
    quantize(net)
    for _ in range(rounds):
        train_once(net)
        quantize(net)
    return net

# %% wrong, drops what train_once returns
# says: no training has reached the network you return
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        train_once(net)
        net = quantize(net)
    return net

# %% wrong, trains the float network
# says: train_once gets the network you were given, not the quantized one
def retrain_and_requantize(net, train_once, quantize, rounds):
    result = quantize(net)
    for _ in range(rounds):
        trained = train_once(net)
        result = quantize(trained)
    return result

# %% wrong, each round starts from the beginning
# says: only one round reaches the result
def retrain_and_requantize(net, train_once, quantize, rounds):
    result = quantize(net)
    for _ in range(rounds):
        result = quantize(train_once(quantize(net)))
    return result

# %% wrong, returns inside the loop
# says: only one round reaches the result
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = quantize(train_once(net))
        return net
    return net

# %% wrong, one round too few
# says: there is one round too few
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(1, rounds):
        net = quantize(train_once(net))
    return net

# %% wrong, one round too many
# says: there is one round too many
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds + 1):
        net = quantize(train_once(net))
    return net

# %% wrong, resets to fresh weights
# says: a fresh network has none of the trained weights
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(type(net)())
    for _ in range(rounds):
        net = quantize(train_once(net))
    return net

# %% wrong, resets the weights of a copy
# says: a fresh network has none of the trained weights
def retrain_and_requantize(net, train_once, quantize, rounds):
    import copy

    fresh = copy.deepcopy(net)
    fresh.reset_parameters()
    net = quantize(fresh)
    for _ in range(rounds):
        net = quantize(train_once(net))
    return net

# %% wrong, goes on with the lab's own untrained network
# says: you return a Net, not a network returned by train_once or quantize
def retrain_and_requantize(net, train_once, quantize, rounds):
    return ql.reset_model(seed=0, device="cpu")

# %% wrong, quantizes in place
# says: changed its argument
def retrain_and_requantize(net, train_once, quantize, rounds):
    with torch.no_grad():
        net.weight.copy_(quantize(net).weight)
    for _ in range(rounds):
        net = quantize(train_once(net))
    return quantize(net)

# %% wrong, returns all networks
# says: not the last network
def retrain_and_requantize(net, train_once, quantize, rounds):
    networks = [quantize(net)]
    for _ in range(rounds):
        networks.append(quantize(train_once(networks[-1])))
    return networks

# %% wrong, returns nothing
# says: returned None
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = quantize(train_once(net))

# %% wrong, always one round
# says: the network you return was quantized, trained, quantized
def retrain_and_requantize(net, train_once, quantize, rounds):
    return quantize(train_once(quantize(net)))
