# %% right, log2 rounded up
def index_bits(k):
    return max(1, int(np.ceil(np.log2(k))))

# %% right, doubles until it fits
def index_bits(k):
    bits = 1
    while 2**bits < k:
        bits += 1
    return bits

# %% right, the largest code in binary
def index_bits(k):
    return len(f"{k - 1:b}")

# %% right, a whole number as float64
def index_bits(k):
    return np.maximum(np.ceil(np.log2(k)), 1)

# %% right, a tensor
def index_bits(k):
    import torch

    return torch.tensor(float(k)).double().log2().ceil().clamp(min=1)

# %% wrong, counts the bits of k
# says: the bits of k itself
def index_bits(k):
    return k.bit_length()

# %% wrong, rounds down
# says: rounded log2(k) down
def index_bits(k):
    return max(1, int(np.log2(k)))

# %% wrong, rounds to nearest
# says: to the nearest whole number
def index_bits(k):
    return max(1, round(np.log2(k)))

# %% wrong, not whole
# says: a whole number of bits
def index_bits(k):
    return np.log2(k)

# %% wrong, 0 bits for one centre
# says: log2(1) is 0
def index_bits(k):
    return int(np.ceil(np.log2(k)))

# %% wrong, whole bytes
# says: rounded up to whole bytes
def index_bits(k):
    return 8 if k <= 256 else 16

# %% wrong, k itself
# says: k is the number of centres, not of bits
def index_bits(k):
    return k

# %% wrong, the other way round
# says: the number of codes of k bits
def index_bits(k):
    return 2**k

# %% wrong, natural logarithm
# says: the natural logarithm
def index_bits(k):
    return max(1, int(np.ceil(np.log(k))))

# %% wrong, hard-coded for the example
# says: the same for every input
def index_bits(k):
    return 3

# %% wrong, a table that ends too soon
# says: raised KeyError
def index_bits(k):
    return {2: 1, 4: 2, 8: 3, 16: 4, 17: 5}[k]

# %% wrong, prints
# says: returned None
def index_bits(k):
    print(max(1, (k - 1).bit_length()))
