# %% right, recursion
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

# %% right, a table over what has been lost
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

# %% right, arrays, numpy integers as k
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

# %% right, sorted by bytes
def choose_k(options, most_lost):
    from itertools import product

    every = [dict(zip(options, ks)) for ks in product(*options.values())]
    every.sort(key=lambda choice: sum(options[layer][choice[layer]][0] for layer in choice))
    for choice in every:
        if sum(options[layer][choice[layer]][1] for layer in choice) <= most_lost:
            return choice

# %% wrong, every layer spends the whole budget
# says: you let every layer use the whole budget
def choose_k(options, most_lost):
    chosen = {}
    for layer, table in options.items():
        allowed = [k for k in table if table[k][1] <= most_lost] or [max(table)]
        chosen[layer] = min(allowed, key=lambda k: table[k][0])
    return chosen

# %% wrong, equal shares
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

# %% wrong, the fewest bytes
# says: ignored the losses
def choose_k(options, most_lost):
    return {layer: min(table, key=lambda k: table[k][0]) for layer, table in options.items()}

# %% wrong, loses least
# says: the budget allows some losses
def choose_k(options, most_lost):
    return {layer: min(table, key=lambda k: table[k][1]) for layer, table in options.items()}

# %% wrong, less than the budget
# says: a choice that loses exactly most_lost is allowed
def choose_k(options, most_lost):
    every = (dict(zip(options, ks)) for ks in itertools.product(*options.values()))
    cost = lambda choice, i: sum(options[layer][k][i] for layer, k in choice.items())
    allowed = [choice for choice in every if cost(choice, 1) < most_lost]
    if not allowed:
        return {layer: max(table) for layer, table in options.items()}
    return min(allowed, key=lambda choice: cost(choice, 0))

# %% wrong, max
# says: the one with the most bytes
def choose_k(options, most_lost):
    every = (dict(zip(options, ks)) for ks in itertools.product(*options.values()))
    cost = lambda choice, i: sum(options[layer][k][i] for layer, k in choice.items())
    return max((c for c in every if cost(c, 1) <= most_lost), key=lambda c: cost(c, 0))

# %% wrong, one k for all
# says: choose a k for every layer
def choose_k(options, most_lost):
    best = None
    for k in list(options.values())[0]:
        size = sum(table[k][0] for table in options.values())
        lost = sum(table[k][1] for table in options.values())
        if lost <= most_lost and (best is None or size < best[0]):
            best = size, k
    return {layer: best[1] if best else max(options[layer]) for layer in options}

# %% wrong, a list of k
# says: not a dict with one k for each
def choose_k(options, most_lost):
    return [max(table) for table in options.values()]

# %% wrong, the bytes instead of k
# says: whose options are
def choose_k(options, most_lost):
    return {layer: max(table.values())[0] for layer, table in options.items()}

# %% wrong, returns nothing if the first does not fit
# says: returned None
def choose_k(options, most_lost):
    choice = {layer: min(table) for layer, table in options.items()}
    if sum(options[layer][k][1] for layer, k in choice.items()) <= most_lost:
        return choice
