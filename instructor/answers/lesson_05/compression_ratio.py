# %% right, log2 rounded up
def compression_ratio(count, k):
    bits = max(1, int(np.ceil(np.log2(k))))
    return count * 32 / (count * bits + k * 32)

# %% right, doubles until it fits
def compression_ratio(count, k):
    bits = 1
    while 2**bits < k:
        bits += 1
    return (count * 4) / (count * bits / 8 + k * 4)

# %% right, bits per weight
def compression_ratio(count, k):
    each = max(len(f"{k - 1:b}"), 1) + 32 * k / count
    return np.float32(32 / each)

# %% right, torch
def compression_ratio(count, k):
    bits = torch.tensor(float(k)).double().log2().ceil().clamp(min=1)
    return 32 * count / (count * bits + 32 * k)

# %% wrong, no codebook
# says: 32 / bits leaves out the codebook
def compression_ratio(count, k):
    return 32 / max(1, (k - 1).bit_length())

# %% wrong, neither codebook nor whole bits
# says: not always a whole number of bits
def compression_ratio(count, k):
    return 32 / np.log2(k)

# %% wrong, the formula as printed
# says: a packed code has a whole number of bits
def compression_ratio(count, k):
    return 32 * count / (count * np.log2(k) + 32 * k)

# %% wrong, 0 bits for one centre
# says: log2(1) is 0
def compression_ratio(count, k):
    return 32 * count / (count * int(np.ceil(np.log2(k))) + 32 * k)

# %% wrong, rounds down
# says: rounded log2(k) down
def compression_ratio(count, k):
    return 32 * count / (count * max(1, int(np.log2(k))) + 32 * k)

# %% wrong, rounds to nearest
# says: to the nearest whole number
def compression_ratio(count, k):
    return 32 * count / (count * max(1, round(float(np.log2(k)))) + 32 * k)

# %% wrong, the bits of k itself
# says: counted the bits of k itself
def compression_ratio(count, k):
    return 32 * count / (count * k.bit_length() + 32 * k)

# %% wrong, bytes added to bits
# says: you added bytes to bits
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + 4 * k)

# %% wrong, one bit per centre
# says: you counted 1
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + k)

# %% wrong, centres as short as codes
# says: as many bits as the codes
def compression_ratio(count, k):
    bits = max(1, (k - 1).bit_length())
    return 32 * count / (count * bits + bits * k)

# %% wrong, min and max
# says: which is enough for equal steps
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + 64)

# %% wrong, one centre
# says: a single centre
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + 32)

# %% wrong, k bits
# says: not the number of bits of a code
def compression_ratio(count, k):
    return 32 * count / (count * k + 32 * k)

# %% wrong, a byte per code
# says: gave every code whole bytes
def compression_ratio(count, k):
    return 32 * count / (count * (8 if k <= 256 else 16) + 32 * k)

# %% wrong, upside down
# says: the fraction that remains
def compression_ratio(count, k):
    return (count * max(1, (k - 1).bit_length()) + 32 * k) / (32 * count)

# %% wrong, the share saved
# says: the fraction that is saved
def compression_ratio(count, k):
    return 1 - (count * max(1, (k - 1).bit_length()) + 32 * k) / (32 * count)

# %% wrong, percent
# says: the saving in percent
def compression_ratio(count, k):
    return 100 - 100 * (count * max(1, (k - 1).bit_length()) + 32 * k) / (32 * count)

# %% wrong, bytes over bits
# says: one of the two sizes is in bytes
def compression_ratio(count, k):
    return 4 * count / (count * max(1, (k - 1).bit_length()) + 32 * k)

# %% wrong, starts from 8 bits like the course lab
# says: a float32 has 32 bits, not 8
def compression_ratio(count, k):
    return 8 * count / (count * max(1, (k - 1).bit_length()) + 32 * k)

# %% wrong, hard-coded for the example
# says: the same for every input
def compression_ratio(count, k):
    return 3.2

# %% wrong, forgets to return
# says: returned None
def compression_ratio(count, k):
    ratio = 32 * count / (count * max(1, (k - 1).bit_length()) + 32 * k)

# %% wrong, counts weights that it does not have
# says: raised AttributeError
def compression_ratio(count, k):
    return 32 * count.size / (count.size * np.log2(k) + 32 * k)
