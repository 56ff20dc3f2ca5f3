# %% right, whole numbers
as_float32, with_8_bits, with_1_bit = 64, 24, 10

# %% right, computed in bits
as_float32 = 16 * 32 / 8
with_8_bits = (16 * 8 + 2 * 32) / 8
with_1_bit = (16 * 1 + 2 * 32) / 8

# %% right, from the package
bias = net.conv1.bias.detach().numpy()
as_float32 = np.int64(bias.nbytes)
with_8_bits, with_1_bit = (
    torch.tensor(q.payload_bytes + q.overhead_bytes)
    for q in (ql.uniform_quantize(bias, 8), ql.uniform_quantize(bias, 1))
)

# %% wrong, the course lab's sum
# says: 8-bit codes take one byte each
as_float32, with_8_bits, with_1_bit = 16, 16, 8

# %% wrong, half of 16 bytes
# says: half of 16 bytes is the course lab's answer
as_float32, with_8_bits, with_1_bit = 64, 24, 8

# %% wrong, half of what 8 bits take
# says: this is half of the size with 8 bits
as_float32, with_8_bits, with_1_bit = 64, 24, 12

# %% wrong, an eighth of everything
# says: this is an eighth of the size with 8 bits
as_float32, with_8_bits, with_1_bit = 64, 24, 3

# %% wrong, without min and max
# says: these are the codes alone
as_float32, with_8_bits, with_1_bit = 64, 16, 2

# %% wrong, min and max forgotten for 1 bit
# says: in 1 bit
as_float32, with_8_bits, with_1_bit = 64, 24, 2

# %% wrong, one float for the range
# says: you counted one
as_float32, with_8_bits, with_1_bit = 64, 20, 6

# %% wrong, bits
# says: these are bits
as_float32, with_8_bits, with_1_bit = 512, 192, 80

# %% wrong, a byte for every 1-bit code
# says: you gave every code of 1 bit a whole byte
as_float32, with_8_bits, with_1_bit = 64, 24, 24

# %% wrong, a range for float32 too
# says: float32 numbers need no min and max
as_float32, with_8_bits, with_1_bit = 72, 24, 10

# %% wrong, a table of levels
# says: you stored a table of 256 levels
as_float32, with_8_bits, with_1_bit = 64, 16 + 4 * 256, 10

# %% wrong, a guess
# says: each number takes 32, 8 or 1 bits
as_float32, with_8_bits, with_1_bit = 64, 24, 11

# %% wrong, texts
# says: each of the three is one number
as_float32, with_8_bits, with_1_bit = "64 bytes", "24 bytes", "10 bytes"

# %% wrong, one is missing
# says: each of the three is one number
as_float32, with_8_bits, with_1_bit = 64, 24, None

# %% wrong, below zero
# says: a size is a number above 0
as_float32, with_8_bits, with_1_bit = 64, 24, -10
