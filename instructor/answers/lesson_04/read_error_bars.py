# %% right, the statistics module
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

# %% right, numpy's standard deviation
def better(accuracies_a, accuracies_b):
    a, b = np.array(accuracies_a), np.array(accuracies_b)
    error = np.hypot(a.std(ddof=1) / np.sqrt(a.size), b.std(ddof=1) / np.sqrt(b.size))
    distance = a.mean() - b.mean()
    return "cannot tell" if not abs(distance) > 2 * error else ("a" if distance > 0 else "b")

# %% right, torch, and a look-up by the sign
def better(accuracies_a, accuracies_b):
    a, b = (torch.tensor(runs, dtype=torch.float64) for runs in (accuracies_a, accuracies_b))
    error = torch.sqrt(a.var() / len(a) + b.var() / len(b))
    gap = a.mean() - b.mean()
    sure = int(torch.sign(gap)) * int(gap.abs() > 2 * error)
    return {1: "a", -1: "b", 0: "cannot tell"}[sure]

# %% right, the package's spread
def better(accuracies_a, accuracies_b):
    a, b = ql.spread(accuracies_a), ql.spread(accuracies_b)
    error = (a.std**2 / len(a.values) + b.std**2 / len(b.values)) ** 0.5
    if abs(a.mean - b.mean) > 2 * error:
        return max([(a.mean, "a"), (b.mean, "b")])[1]
    return "cannot tell"

# %% right, sums written out
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

# %% wrong, the population's standard deviation
# says: which divides by n
def better(accuracies_a, accuracies_b):
    error = np.sqrt(
        np.var(accuracies_a) / len(accuracies_a) + np.var(accuracies_b) / len(accuracies_b)
    )
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, standard deviations in place of standard errors
# says: the standard deviation of single runs; the mean
def better(accuracies_a, accuracies_b):
    error = np.hypot(np.std(accuracies_a, ddof=1), np.std(accuracies_b, ddof=1))
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, the population's standard deviation of single runs
# says: with a division by n in it
def better(accuracies_a, accuracies_b):
    error = np.sqrt(np.std(accuracies_a) ** 2 + np.std(accuracies_b) ** 2)
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, compares the best runs
# says: you compare the best runs
def better(accuracies_a, accuracies_b):
    if max(accuracies_a) == max(accuracies_b):
        return "cannot tell"
    return "a" if max(accuracies_a) > max(accuracies_b) else "b"

# %% wrong, ignores the spread
# says: you compare the means and ignore the spread
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) < 1e-9:
        return "cannot tell"
    return "a" if gap > 0 else "b"

# %% wrong, never undecided
# says: never say that you cannot tell
def better(accuracies_a, accuracies_b):
    return "a" if np.mean(accuracies_a) > np.mean(accuracies_b) else "b"

# %% wrong, swaps the names
# says: the names are swapped
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if abs(gap) > 2 * error:
        return "a" if gap < 0 else "b"
    return "cannot tell"

# %% wrong, one standard error
# says: you compare with one standard error
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if abs(gap) > error:
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, forgets that the difference has a sign
# says: the difference has a sign
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if gap > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, adds the standard errors
# says: you add the two standard errors
def better(accuracies_a, accuracies_b):
    errors = [np.std(r, ddof=1) / len(r) ** 0.5 for r in (accuracies_a, accuracies_b)]
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    if abs(gap) > 2 * sum(errors):
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, asks whether the runs overlap
# says: you ask whether the runs overlap
def better(accuracies_a, accuracies_b):
    if min(accuracies_a) > max(accuracies_b):
        return "a"
    if min(accuracies_b) > max(accuracies_a):
        return "b"
    return "cannot tell"

# %% wrong, forgets the root
# says: the root is missing
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b))
    if abs(gap) > 2 * error:
        return "a" if gap > 0 else "b"
    return "cannot tell"

# %% wrong, divides by the error
# says: raised ZeroDivisionError
def better(accuracies_a, accuracies_b):
    from statistics import mean, variance

    pair = (accuracies_a, accuracies_b)
    ratio = (mean(pair[0]) - mean(pair[1])) / sum(variance(r) / len(r) for r in pair) ** 0.5
    return "a" if ratio > 2 else "b" if ratio < -2 else "cannot tell"

# %% wrong, other words
# says: not one of "a", "b" and "cannot tell"
def better(accuracies_a, accuracies_b):
    gap = np.mean(accuracies_a) - np.mean(accuracies_b)
    error = np.sqrt(sum(np.var(r, ddof=1) / len(r) for r in (accuracies_a, accuracies_b)))
    if abs(gap) > 2 * error:
        return "A" if gap > 0 else "B"
    return "no difference"

# %% wrong, always a
# says: the result is the same for every input
def better(accuracies_a, accuracies_b):
    return "a"

# %% wrong, prints the verdict
# says: returned None
def better(accuracies_a, accuracies_b):
    print("a" if np.mean(accuracies_a) > np.mean(accuracies_b) else "b")
