# %% right, two times min
def merge_rarest(groups):
    left = dict(groups)
    first = min(left, key=left.get)
    count = left.pop(first)
    second = min(left, key=left.get)
    count += left.pop(second)
    left[second + first] = count
    return left

# %% right, a heap
def merge_rarest(groups):
    import heapq

    heap = [(count, name) for name, count in groups.items()]
    heapq.heapify(heap)
    (one, a), (two, b) = heapq.heappop(heap), heapq.heappop(heap)
    heapq.heappush(heap, (one + two, a + b))
    return {name: count for count, name in heap}

# %% right, the last of those that tie, as a list of pairs
def merge_rarest(groups):
    names = list(groups)[::-1]
    counts = np.array([groups[name] for name in names])
    order = np.argsort(counts, kind="stable")
    kept = [(names[i], int(counts[i])) for i in sorted(order[2:])]
    return [*kept, (names[order[1]] + names[order[0]], counts[order[:2]].sum())]

# %% right, all pairs tried
def merge_rarest(groups):
    import itertools

    pairs = itertools.combinations(groups, 2)
    a, b = min(pairs, key=lambda pair: groups[pair[0]] + groups[pair[1]])
    return {a + b: groups[a] + groups[b]} | {n: c for n, c in groups.items() if n not in (a, b)}

# %% wrong, the most frequent
# says: you merged the two most frequent groups
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get, reverse=True)
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% wrong, the first two
# says: you merged the first two groups
def merge_rarest(groups):
    first, second, *others = groups
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% wrong, the last two
# says: you merged the last two groups
def merge_rarest(groups):
    *others, first, second = groups
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% wrong, sorts the names
# says: you compared the names
def merge_rarest(groups):
    first, second, *others = sorted(groups)
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% wrong, compares counts as texts
# says: you compared the counts as texts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=lambda name: str(groups[name]))
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% wrong, single codes first
# says: you preferred groups with few codes
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=lambda name: (len(name), groups[name]))
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% wrong, a dict by counts
# says: a dict with counts as keys
def merge_rarest(groups):
    names = {count: name for name, count in groups.items()}
    one, two, *others = sorted(names)
    return {names[count]: count for count in others} | {names[one] + names[two]: one + two}

# %% wrong, keeps the two
# says: still there in addition to the merged group
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    return {**groups, first + second: groups[first] + groups[second]}

# %% wrong, drops the two
# says: their codes are lost
def merge_rarest(groups):
    return {name: groups[name] for name in sorted(groups, key=groups.get)[2:]}

# %% wrong, the new group alone
# says: you return only the new group
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    return {first + second: groups[first] + groups[second]}

# %% wrong, to the end
# says: the exercise asks for a single step
def merge_rarest(groups):
    left = dict(groups)
    while len(left) > 1:
        first, second = sorted(left, key=left.get)[:2]
        left[first + second] = left.pop(first) + left.pop(second)
    return left

# %% wrong, the larger count
# says: the sum of the two counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {first + second: groups[second]}

# %% wrong, the smaller count
# says: the sum of the two counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {first + second: groups[first]}

# %% wrong, the product
# says: the sum of the two counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {first + second: groups[first] * groups[second]}

# %% wrong, the mean
# says: the mean of the two counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    both = (groups[first] + groups[second]) / 2
    return {name: groups[name] for name in others} | {first + second: both}

# %% wrong, another name
# says: each code must be in exactly one of them
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {"merged": groups[first] + groups[second]}

# %% wrong, as they came
# says: these are the original groups
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    return dict(groups)

# %% wrong, in place
# says: changed its argument
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    groups[first + second] = groups.pop(first) + groups.pop(second)
    return groups

# %% wrong, a set of names
# says: not a dict of names and counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {first + second, *others}

# %% wrong, hard-coded for the example
# says: the same for every input
def merge_rarest(groups):
    return {"0": 5, "12": 5}

# %% wrong, forgets to return
# says: returned None
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    merged = {name: groups[name] for name in others}
    merged[first + second] = groups[first] + groups[second]
