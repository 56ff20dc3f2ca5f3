# %% right, math.ceil by hand
def cost_in_bytes(count, bits):
    whole, rest = divmod(count * bits, 8)
    return whole + (rest > 0) + 8

# %% right, negative floor
def cost_in_bytes(count, bits):
    return 8 - (-count * bits // 8)

# %% right, numpy
def cost_in_bytes(count, bits):
    return np.ceil(count * bits / 8) + 2 * np.float32(0).nbytes

# %% right, the package
def cost_in_bytes(count, bits):
    quantized = ql.uniform_quantize(np.zeros(count), bits)
    return quantized.payload_bytes + quantized.overhead_bytes

# %% right, packs real bits
def cost_in_bytes(count, bits):
    return np.packbits(np.zeros(count * bits, np.uint8)).nbytes + np.zeros(2, np.float32).nbytes

# %% wrong, overhead not counted
# says: this is only the payload
def cost_in_bytes(count, bits):
    return -(-count * bits // 8)

# %% wrong, rounds down
# says: you rounded down
def cost_in_bytes(count, bits):
    return int(count * bits / 8) + 8

# %% wrong, rounds to the nearest
# says: you rounded to the nearest byte
def cost_in_bytes(count, bits):
    return round(count * bits / 8) + 8

# %% wrong, does not round
# says: a file has whole bytes
def cost_in_bytes(count, bits):
    return count * bits / 8 + 8

# %% wrong, all in bits
# says: these are bits
def cost_in_bytes(count, bits):
    return count * bits + 2 * 32

# %% wrong, payload in bits
# says: the 8 that you add are bytes already
def cost_in_bytes(count, bits):
    return count * bits + 8

# %% wrong, whole bytes for each code
# says: whole bytes of its own
def cost_in_bytes(count, bits):
    return count * int(np.ceil(bits / 8)) + 8

# %% wrong, float32
# says: float32 takes 4 bytes per weight
def cost_in_bytes(count, bits):
    return np.zeros(count, np.float32).nbytes

# %% wrong, twice the bits
# says: 2 * bits is not a size
def cost_in_bytes(count, bits):
    return 2 * bits

# %% wrong, one number of overhead
# says: you counted one
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 4

# %% wrong, overhead in float64
# says: you counted 8 for each
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 16

# %% wrong, overhead in bits
# says: as if it were bytes
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 2 * 32

# %% wrong, stores a table of levels
# says: equal steps need no table
def cost_in_bytes(count, bits):
    return -(-count * bits // 8) + 4 * 2**bits

# %% wrong, a pair of sizes
# says: not one number
def cost_in_bytes(count, bits):
    return -(-count * bits // 8), 8
