# %% right, a loop
def entropy(counts):
    import math

    total, bits = sum(counts.tolist()), 0.0
    for count in counts.tolist():
        if count:
            bits += count * math.log2(total / count)
    return bits / total

# %% right, np.where around the logarithm
def entropy(counts):
    p = counts / counts.sum()
    return (p * np.log2(1 / np.where(p > 0, p, 1))).sum()

# %% right, nansum
def entropy(counts):
    p = counts / counts.sum()
    with np.errstate(all="ignore"):
        return -np.nansum(p * np.log2(p))

# %% right, torch in float32
def entropy(counts):
    p = torch.from_numpy(counts).float() / counts.sum()
    return torch.special.entr(p).sum() / np.log(2)

# %% right, a tiny number inside the logarithm
def entropy(counts):
    p = counts / counts.sum()
    return float(-np.sum(p * np.log2(p + 1e-12)))

# %% right, the package's own
def entropy(counts):
    return ql.entropy_bits(np.repeat(np.arange(len(counts)), counts))

# %% wrong, zero times infinity
# says: one of the codes never occurs
def entropy(counts):
    p = counts / counts.sum()
    return -np.sum(p * np.log2(p))

# %% wrong, math.log2 of zero
# says: has no part in the mean
def entropy(counts):
    import math

    return -sum(p * math.log2(p) for p in counts / counts.sum())

# %% wrong, turns the whole sum into 0
# says: you turn the whole sum into 0
def entropy(counts):
    p = counts / counts.sum()
    return np.nan_to_num(-np.sum(p * np.log2(p)))

# %% wrong, natural logarithm
# says: the natural logarithm
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(p * np.log(p))

# %% wrong, base 10
# says: the logarithm of base 10
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(p * np.log10(p))

# %% wrong, no minus
# says: the sum needs a minus in front
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return np.sum(p * np.log2(p))

# %% wrong, counts instead of shares
# says: you took the counts themselves
def entropy(counts):
    p = counts[counts > 0]
    return -np.sum(p * np.log2(p))

# %% wrong, all codes weigh the same
# says: as if all were equally frequent
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.mean(np.log2(p))

# %% wrong, no weights in the sum
# says: you added log2(p) of all codes
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(np.log2(p))

# %% wrong, the fixed width
# says: the cost of a fixed width
def entropy(counts):
    return np.log2(len(counts))

# %% wrong, the fixed width of the codes that occur
# says: the cost of a fixed width
def entropy(counts):
    return np.log2(np.count_nonzero(counts))

# %% wrong, rounded up
# says: a mean is rarely a whole number
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return np.ceil(-np.sum(p * np.log2(p)))

# %% wrong, whole bits for every code
# says: rounded the bits of every code up
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return np.sum(p * np.ceil(-np.log2(p)))

# %% wrong, bits of the whole tensor
# says: these are the bits of all codes together
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(counts[counts > 0] * np.log2(p))

# %% wrong, bytes of the whole tensor
# says: these are the bytes of all codes together
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(counts[counts > 0] * np.log2(p)) / 8

# %% wrong, the mean of the terms
# says: divided by the number of distinct codes
def entropy(counts):
    p = counts / counts.sum()
    return -np.mean(np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), 0))

# %% wrong, takes counts for codes
# says: you treated the counts as codes
def entropy(counts):
    return ql.entropy_bits(counts)

# %% wrong, adds one
# says: you added 1 to every count
def entropy(counts):
    p = (counts + 1) / (counts + 1).sum()
    return -np.sum(p * np.log2(p))

# %% wrong, shares of the largest
# says: you divided by the largest count
def entropy(counts):
    p = counts[counts > 0] / counts.max()
    return -np.sum(p * np.log2(p))

# %% wrong, hard-coded for the example
# says: the same for every input
def entropy(counts):
    return 1.5

# %% wrong, forgets to return
# says: returned None
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    bits = -np.sum(p * np.log2(p))

# %% wrong, in place
# says: raised
def entropy(counts):
    counts /= counts.sum()
    return -np.sum(counts * np.log2(counts))

# %% wrong, removes zeros from the argument
# says: changed its argument
def entropy(counts):
    total = counts.sum()
    counts[counts == 0] = total
    return -np.sum(counts / total * np.log2(counts / total))
