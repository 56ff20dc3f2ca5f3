"""Answers to the exercises of lesson 04: right ones written differently, and named mistakes."""

# %% retrain-requantize: right, one name for the network in work
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
        net = quantize(net)
    return net


# %% retrain-requantize: right, quantizes at both ends of each round
def retrain_and_requantize(net, train_once, quantize, rounds):
    result = quantize(net)
    for _ in range(rounds):
        start = quantize(result)
        trained = train_once(start)
        result = quantize(trained)
    return result


# %% retrain-requantize: right, recursion
def retrain_and_requantize(net, train_once, quantize, rounds):
    if rounds == 0:
        return quantize(net)
    before = retrain_and_requantize(net, train_once, quantize, rounds - 1)
    return quantize(train_once(before))


# %% retrain-requantize: right, a list of all networks
def retrain_and_requantize(net, train_once, quantize, rounds):
    networks = [quantize(net)]
    while len(networks) <= rounds:
        networks.append(quantize(train_once(networks[-1])))
    return networks[-1]


# %% retrain-requantize: right, functools.reduce
def retrain_and_requantize(net, train_once, quantize, rounds):
    from functools import reduce

    return reduce(lambda network, _: quantize(train_once(network)), range(rounds), quantize(net))


# %% retrain-requantize: wrong, not quantized after the last training
# says: after the last training nothing is quantized again
def retrain_and_requantize(net, train_once, quantize, rounds):
    for _ in range(rounds):
        net = quantize(net)
        net = train_once(net)
    return net


# %% retrain-requantize: wrong, quantized once and then only trained, like the later edition
# says: after training nothing is quantized again
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
    return net


# %% retrain-requantize: wrong, quantizes again only after the last round
# says: quantize again only after the last round
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = train_once(net)
    return quantize(net)


# %% retrain-requantize: wrong, trains before the first quantization
# says: you train before the first quantization
def retrain_and_requantize(net, train_once, quantize, rounds):
    for _ in range(rounds):
        net = train_once(net)
        net = quantize(net)
    return net


# %% retrain-requantize: wrong, quantizes only at the end
# says: no training ever starts from quantized weights
def retrain_and_requantize(net, train_once, quantize, rounds):
    for _ in range(rounds):
        net = train_once(net)
    return quantize(net)


# %% retrain-requantize: wrong, drops what the functions return
# says: you return the network you were given
def retrain_and_requantize(net, train_once, quantize, rounds):
    quantize(net)
    for _ in range(rounds):
        train_once(net)
        quantize(net)
    return net


# %% retrain-requantize: wrong, drops what train_once returns
# says: no training has reached the network you return
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        train_once(net)
        net = quantize(net)
    return net


# %% retrain-requantize: wrong, trains the float network
# says: train_once gets the network you were given, not the quantized one
def retrain_and_requantize(net, train_once, quantize, rounds):
    result = quantize(net)
    for _ in range(rounds):
        trained = train_once(net)
        result = quantize(trained)
    return result


# %% retrain-requantize: wrong, each round starts from the beginning
# says: only one round reaches the result
def retrain_and_requantize(net, train_once, quantize, rounds):
    result = quantize(net)
    for _ in range(rounds):
        result = quantize(train_once(quantize(net)))
    return result


# %% retrain-requantize: wrong, returns inside the loop
# says: only one round reaches the result
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = quantize(train_once(net))
        return net
    return net


# %% retrain-requantize: wrong, one round too few
# says: there is one round too few
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(1, rounds):
        net = quantize(train_once(net))
    return net


# %% retrain-requantize: wrong, one round too many
# says: there is one round too many
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds + 1):
        net = quantize(train_once(net))
    return net


# %% retrain-requantize: wrong, resets to fresh weights
# says: a fresh network has none of the weights
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(type(net)())
    for _ in range(rounds):
        net = quantize(train_once(net))
    return net


# %% retrain-requantize: wrong, resets the weights of a copy
# says: a fresh network has none of the weights
def retrain_and_requantize(net, train_once, quantize, rounds):
    import copy

    fresh = copy.deepcopy(net)
    fresh.reset_parameters()
    net = quantize(fresh)
    for _ in range(rounds):
        net = quantize(train_once(net))
    return net


# %% retrain-requantize: wrong, goes on with the lab's own untrained network
# says: you return a Net, not a network that train_once or quantize gave
def retrain_and_requantize(net, train_once, quantize, rounds):
    return ql.reset_model(seed=0, device="cpu")


# %% retrain-requantize: wrong, quantizes in place
# says: changed its argument
def retrain_and_requantize(net, train_once, quantize, rounds):
    with torch.no_grad():
        net.weight.copy_(quantize(net).weight)
    for _ in range(rounds):
        net = quantize(train_once(net))
    return quantize(net)


# %% retrain-requantize: wrong, returns all networks
# says: not the last one
def retrain_and_requantize(net, train_once, quantize, rounds):
    networks = [quantize(net)]
    for _ in range(rounds):
        networks.append(quantize(train_once(networks[-1])))
    return networks


# %% retrain-requantize: wrong, returns nothing
# says: returned None
def retrain_and_requantize(net, train_once, quantize, rounds):
    net = quantize(net)
    for _ in range(rounds):
        net = quantize(train_once(net))


# %% retrain-requantize: wrong, always one round
# says: the network you return was quantized, trained, quantized
def retrain_and_requantize(net, train_once, quantize, rounds):
    return quantize(train_once(quantize(net)))


# %% tied-gradient: right, a loop over the weights
def tied_gradient(gradient, codes, k):
    sums = [0.0] * k
    for code, value in zip(codes.ravel().tolist(), gradient.ravel().tolist()):
        sums[code] += value
    return sums


# %% tied-gradient: right, a mask per centre
def tied_gradient(gradient, codes, k):
    return np.array([gradient[codes == centre].sum() for centre in range(k)])


# %% tied-gradient: right, numpy.add.at
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    np.add.at(sums, codes, gradient)
    return sums


# %% tied-gradient: right, a product with one-hot codes
def tied_gradient(gradient, codes, k):
    one_hot = codes.reshape(-1, 1) == np.arange(k)
    return gradient.reshape(-1) @ one_hot


# %% tied-gradient: right, torch's index_add
def tied_gradient(gradient, codes, k):
    values = torch.tensor(gradient).flatten()
    index = torch.tensor(codes.astype(np.int64)).flatten()
    return torch.zeros(k, dtype=values.dtype).index_add(0, index, values)


# %% tied-gradient: right, torch's own derivative of the look-up
def tied_gradient(gradient, codes, k):
    centres = torch.zeros(k, dtype=torch.float64, requires_grad=True)
    weights = centres[torch.tensor(codes.astype(np.int64))]
    weights.backward(torch.tensor(gradient, dtype=torch.float64))
    return centres.grad


# %% tied-gradient: wrong, the mean
# says: you divide by the number of weights
def tied_gradient(gradient, codes, k):
    counts = np.bincount(codes.ravel(), minlength=k)
    sums = np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)
    return sums / np.maximum(counts, 1)


# %% tied-gradient: wrong, the mean, NaN where a centre has no weight
# says: the mean of no weights is NaN
def tied_gradient(gradient, codes, k):
    return np.array([gradient[codes == centre].mean() for centre in range(k)])


# %% tied-gradient: wrong, the largest
# says: you take the largest gradient
def tied_gradient(gradient, codes, k):
    return [gradient[codes == c].max() if (codes == c).any() else 0.0 for c in range(k)]


# %% tied-gradient: wrong, overwrites
# says: only the last one counts
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    sums[codes] = gradient
    return sums


# %% tied-gradient: wrong, += with repeated indices
# says: sums[codes] += gradient overwrite
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    sums[codes] += gradient
    return sums


# %% tied-gradient: wrong, only the codes that occur
# says: you leave out centres without weights
def tied_gradient(gradient, codes, k):
    return np.array([gradient[codes == c].sum() for c in np.unique(codes)])


# %% tied-gradient: wrong, bincount without minlength
# says: the result ends at the largest code that occurs
def tied_gradient(gradient, codes, k):
    return np.bincount(codes.ravel(), weights=gradient.ravel())


# %% tied-gradient: wrong, the loop stops before the last centre
# says: your loop ends before centre k - 1
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    for centre in range(k - 1):
        sums[centre] = gradient[codes == centre].sum()
    return sums


# %% tied-gradient: wrong, one centre too few
# says: the last centre is missing
def tied_gradient(gradient, codes, k):
    return [gradient[codes == centre].sum() for centre in range(k - 1)]


# %% tied-gradient: wrong, centres counted from one
# says: the sums are one place off
def tied_gradient(gradient, codes, k):
    return [gradient[codes == centre].sum() for centre in range(1, k + 1)]


# %% tied-gradient: wrong, sums along an axis
# says: you sum along an axis
def tied_gradient(gradient, codes, k):
    return gradient.sum(axis=0)


# %% tied-gradient: wrong, counts
# says: you count the weights
def tied_gradient(gradient, codes, k):
    return np.bincount(codes.ravel(), minlength=k)


# %% tied-gradient: wrong, absolute values
# says: you add absolute values
def tied_gradient(gradient, codes, k):
    return np.bincount(codes.ravel(), weights=np.abs(gradient).ravel(), minlength=k)


# %% tied-gradient: wrong, spread over the weights again
# says: one number per weight
def tied_gradient(gradient, codes, k):
    sums = np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)
    return sums[codes]


# %% tied-gradient: wrong, the descent step
# says: the sign is turned
def tied_gradient(gradient, codes, k):
    return -np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)


# %% tied-gradient: wrong, written for the example
# says: the result is the same for every input
def tied_gradient(gradient, codes, k):
    return np.array([2.5, -1.0, 0.0])


# %% tied-gradient: wrong, uses up the gradient
# says: changed its argument
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    for centre in range(k):
        gradient[codes != centre] *= 1.0
        sums[centre] = gradient[codes == centre].sum()
        gradient[codes == centre] = 0
    return sums


# %% tied-gradient: wrong, returns nothing
# says: returned None
def tied_gradient(gradient, codes, k):
    sums = np.zeros(k)
    np.add.at(sums, codes, gradient)


# %% read-error-bars: right, the statistics module
def better(accuracies_a, accuracies_b):
    from statistics import mean, variance

    gap = mean(accuracies_a) - mean(accuracies_b)
    error = (
        variance(accuracies_a) / len(accuracies_a) + variance(accuracies_b) / len(accuracies_b)
    ) ** 0.5
    if gap > 2 * error:
        return "a"
    if gap < -2 * error:
        return "b"
    return "cannot tell"


# %% read-error-bars: right, numpy's standard deviation
def better(accuracies_a, accuracies_b):
    a, b = np.array(accuracies_a), np.array(accuracies_b)
    error = np.hypot(a.std(ddof=1) / np.sqrt(a.size), b.std(ddof=1) / np.sqrt(b.size))
    distance = a.mean() - b.mean()
    return "cannot tell" if not abs(distance) > 2 * error else ("a" if distance > 0 else "b")


# %% read-error-bars: right, torch, and a look-up by the sign
def better(accuracies_a, accuracies_b):
    a, b = (torch.tensor(runs, dtype=torch.float64) for runs in (accuracies_a, accuracies_b))
    error = torch.sqrt(a.var() / len(a) + b.var() / len(b))
    gap = a.mean() - b.mean()
    sure = int(torch.sign(gap)) * int(gap.abs() > 2 * error)
    return {1: "a", -1: "b", 0: "cannot tell"}[sure]


# %% read-error-bars: right, the package's spread
def better(accuracies_a, accuracies_b):
    a, b = ql.spread(accuracies_a), ql.spread(accuracies_b)
    error = (a.std**2 / len(a.values) + b.std**2 / len(b.values)) ** 0.5
    if abs(a.mean - b.mean) > 2 * error:
        return max([(a.mean, "a"), (b.mean, "b")])[1]
    return "cannot tell"


# %% read-error-bars: right, sums written out
def better(accuracies_a, accuracies_b):
    means, squared_error = [], 0.0
    for runs in (accuracies_a, accuracies_b):
        mean = sum(runs) / len(runs)
        means.append(mean)
        squares = sum((run - mean) ** 2 for run in runs)
        squared_error += squares / (len(runs) - 1) / len(runs)
    if (means[0] - means[1]) ** 2 <= 4 * squared_error:
        return "cannot tell"
    return "ab"[means[1] > means[0]]


# %% read-error-bars: wrong, the population's standard deviation
# says: which divides by n
def better(accuracies_a, accuracies_b):
    error = np.sqrt(
        np.var(accuracies_a) / len(accuracies_a) + np.var(accuracies_b) / len(accuracies_b)
    )
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, standard deviations in place of standard errors
# says: the standard deviation of single runs; the mean
def better(accuracies_a, accuracies_b):
    error = np.hypot(np.std(accuracies_a, ddof=1), np.std(accuracies_b, ddof=1))
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, the population's standard deviation of single runs
# says: and divide by n in it
def better(accuracies_a, accuracies_b):
    error = np.sqrt(np.std(accuracies_a) ** 2 + np.std(accuracies_b) ** 2)
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, compares the best runs
# says: you compare the best runs
def better(accuracies_a, accuracies_b):
    if max(accuracies_a) == max(accuracies_b):
        return "cannot tell"
    return "a" if max(accuracies_a) > max(accuracies_b) else "b"


# %% read-error-bars: wrong, ignores the spread
# says: you compare the means and ignore the spread
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) < 1e-9:
        return "cannot tell"
    return "a" if gap > 0 else "b"


# %% read-error-bars: wrong, never undecided
# says: never say that you cannot tell
def better(accuracies_a, accuracies_b):
    return "a" if np.mean(accuracies_a) > np.mean(accuracies_b) else "b"


# %% read-error-bars: wrong, swaps the names
# says: the names are swapped
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if abs(gap) > 2 * error:
        return "a" if gap < 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, one standard error
# says: you compare with one standard error
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if abs(gap) > error:
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, forgets that the difference has a sign
# says: the difference has a sign
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if gap > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, adds the standard errors
# says: you add the two standard errors
def better(accuracies_a, accuracies_b):
    errors = [np.std(r, ddof=1) / len(r) ** 0.5 for r in (accuracies_a, accuracies_b)]
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * sum(errors):
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, asks whether the runs overlap
# says: you ask whether the runs overlap
def better(accuracies_a, accuracies_b):
    if min(accuracies_a) > max(accuracies_b):
        return "a"
    if min(accuracies_b) > max(accuracies_a):
        return "b"
    return "cannot tell"


# %% read-error-bars: wrong, forgets the root
# says: the root is missing
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b))
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"


# %% read-error-bars: wrong, divides by the error
# says: raised ZeroDivisionError
def better(accuracies_a, accuracies_b):
    from statistics import mean, variance

    pair = (accuracies_a, accuracies_b)
    ratio = (mean(pair[0]) - mean(pair[1])) / sum(variance(r) / len(r) for r in pair) ** 0.5
    return "a" if ratio > 2 else "b" if ratio < -2 else "cannot tell"


# %% read-error-bars: wrong, other words
# says: not one of "a", "b" and "cannot tell"
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if abs(gap) > 2 * error:
        return "A" if gap > 0 else "B"
    return "no difference"


# %% read-error-bars: wrong, always a
# says: the result is the same for every input
def better(accuracies_a, accuracies_b):
    return "a"


# %% read-error-bars: wrong, prints the verdict
# says: returned None
def better(accuracies_a, accuracies_b):
    print("a" if np.mean(accuracies_a) > np.mean(accuracies_b) else "b")
