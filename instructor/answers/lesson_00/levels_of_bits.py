# %% right, shift
def levels_of_bits(bits):
    return 1 << bits

# %% right, doubling in a loop
def levels_of_bits(bits):
    values = 1
    for _ in range(bits):
        values *= 2
    return values

# %% right, recursive
def levels_of_bits(bits):
    return 1 if bits == 0 else 2 * levels_of_bits(bits - 1)

# %% right, pow gives a float
def levels_of_bits(bits):
    return 2.0**bits

# %% right, counts the patterns
from itertools import product

def levels_of_bits(bits):
    return len(list(product("01", repeat=bits)))

# %% right, torch
def levels_of_bits(bits):
    return torch.tensor(2) ** bits

# %% wrong, twice the bits
# says: you multiplied by 2 once
def levels_of_bits(bits):
    return 2 * bits

# %% wrong, bits squared
# says: base and exponent are swapped
def levels_of_bits(bits):
    return bits**2

# %% wrong, the largest code
# says: one too few
def levels_of_bits(bits):
    return 2**bits - 1

# %% wrong, one too many
# says: one too many
def levels_of_bits(bits):
    return 2**bits + 1

# %% wrong, keeps a sign bit
# says: one bit for a sign
def levels_of_bits(bits):
    return 2 ** (bits - 1)

# %% wrong, caret for power
# says: exclusive or
def levels_of_bits(bits):
    return 2 ^ bits

# %% wrong, decimal digits
# says: a digit has ten values
def levels_of_bits(bits):
    return 10**bits

# %% wrong, the bits themselves
# says: you returned the number of bits
def levels_of_bits(bits):
    return bits

# %% wrong, fits the example only
# says: the same for every input
def levels_of_bits(bits):
    return 8

# %% wrong, a table that ends at 8 bits
# says: raised KeyError
def levels_of_bits(bits):
    return {1: 2, 2: 4, 3: 8, 4: 16, 8: 256}[bits]

# %% wrong, returns all values instead of their number
# says: expected one number
def levels_of_bits(bits):
    return list(range(2**bits))

# %% wrong, prints instead of returning
# says: returned None
def levels_of_bits(bits):
    print(2**bits)

# %% wrong, calls instead of a function
# says: which is not a function
levels_of_bits = 2**3

# %% wrong, left as it was
# says: is not answered yet
def levels_of_bits(bits):
    raise NotImplementedError
