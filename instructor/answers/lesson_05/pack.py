# %% right, one large integer
def pack(codes, bits):
    stream = 0
    for place, code in enumerate(codes.ravel()):
        stream |= int(code) << (place * bits)
    return stream.to_bytes(-(-codes.size * bits // 8), "little")

# %% right, a loop over bits into a list of numbers
def pack(codes, bits):
    filled = [0] * ((codes.size * bits + 7) // 8)
    place = 0
    for code in codes.ravel().tolist():
        for j in range(bits):
            filled[place // 8] += (code >> j & 1) << place % 8
            place += 1
    return filled

# %% right, unpackbits and packbits
def pack(codes, bits):
    pairs = codes.astype("<u2").ravel().view(np.uint8).reshape(-1, 2)
    matrix = np.unpackbits(pairs, axis=1, count=bits, bitorder="little")
    return np.packbits(matrix, bitorder="little")

# %% right, texts of binary digits
def pack(codes, bits):
    text = "".join(f"{int(code):0{bits}b}"[::-1] for code in codes.ravel())
    return bytearray(int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8))

# %% right, torch
def pack(codes, bits):
    flat = torch.from_numpy(codes.astype(np.int64)).reshape(-1, 1)
    row = (flat >> torch.arange(bits) & 1).reshape(-1)
    row = torch.nn.functional.pad(row, (0, -len(row) % 8)).reshape(-1, 8)
    return (row << torch.arange(8)).sum(1).to(torch.uint8)

# %% right, the package's own
def pack(codes, bits):
    return ql.pack(codes, bits)

# %% wrong, the highest bit first
# says: within codes and within bytes
def pack(codes, bits):
    text = "".join(f"{int(code):0{bits}b}" for code in codes.ravel())
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))

# %% wrong, packbits without bitorder
# says: np.packbits takes the first bit as the highest
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows).tobytes()

# %% wrong, the bits of each code backwards
# says: its highest bit comes first
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(bits)[::-1]) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% wrong, a large integer written from its high end
# says: the bytes are in reverse order
def pack(codes, bits):
    stream = sum(int(code) << (place * bits) for place, code in enumerate(codes.ravel()))
    return stream.to_bytes(-(-codes.size * bits // 8), "big")

# %% wrong, the first code ends up on top
# says: the last one comes first
def pack(codes, bits):
    stream = 0
    for code in codes.ravel():
        stream = stream << bits | int(code)
    return stream.to_bytes(-(-codes.size * bits // 8), "little")

# %% wrong, tobytes
# says: every code still takes whole bytes, as it does in memory
def pack(codes, bits):
    return codes.tobytes()

# %% wrong, a cast is not packing
# says: nothing is packed
def pack(codes, bits):
    return codes.astype(int).ravel().tolist()

# %% wrong, only whole codes in a byte
# says: leave its remaining bits empty
def pack(codes, bits):
    if bits > 8:
        return codes.astype("<u2").tobytes()
    flat, each, filled = codes.ravel().tolist(), 8 // bits, []
    for i in range(0, len(flat), each):
        filled.append(sum(code << (j * bits) for j, code in enumerate(flat[i : i + each])))
    return bytes(filled)

# %% wrong, rounds the number of bytes down
# says: the last byte is missing
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little")[: codes.size * bits // 8].tobytes()

# %% wrong, one byte to be safe
# says: one byte too many
def pack(codes, bits):
    stream = sum(int(code) << (place * bits) for place, code in enumerate(codes.ravel()))
    return stream.to_bytes(codes.size * bits // 8 + 1, "little")

# %% wrong, fills up in front
# says: are before code 0
def pack(codes, bits):
    row = ((codes.reshape(-1, 1) >> np.arange(bits)) & 1).ravel()
    row = np.concatenate([np.zeros(-row.size % 8, int), row])
    return np.packbits(row, bitorder="little").tobytes()

# %% wrong, returns bits
# says: each of them takes a byte of its own
def pack(codes, bits):
    return ((codes.reshape(-1, 1) >> np.arange(bits)) & 1).ravel()

# %% wrong, returns a text
# says: takes a byte for every bit
def pack(codes, bits):
    return "".join(f"{int(code):0{bits}b}"[::-1] for code in codes.ravel())

# %% wrong, unpackbits without bitorder
# says: kept the upper bits of each number
def pack(codes, bits):
    wide = codes.astype(">u2" if bits > 8 else np.uint8).reshape(-1, 1).view(np.uint8)
    rows = np.unpackbits(wide, axis=1)[:, :bits]
    return np.packbits(rows, bitorder="little").tobytes()

# %% wrong, unpackbits and packbits without bitorder
# says: kept the upper bits of each number
def pack(codes, bits):
    wide = codes.astype(">u2" if bits > 8 else np.uint8).reshape(-1, 1).view(np.uint8)
    return np.packbits(np.unpackbits(wide, axis=1)[:, :bits])

# %% wrong, uint8 for all codes
# says: codes above 255 lost their upper bits
def pack(codes, bits):
    rows = (codes.astype(np.uint8).reshape(-1, 1).astype(int) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% wrong, always 3 bits
# says: you always write 3 bits
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(3)) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% wrong, column by column
# says: column by column
def pack(codes, bits):
    rows = (codes.ravel(order="F").reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% wrong, shifts a code out of its byte
# says: does not fit into one byte
def pack(codes, bits):
    filled = np.zeros(-(-codes.size * bits // 8), np.uint8)
    for place, code in enumerate(codes.ravel()):
        start = place * bits
        filled[start // 8] |= np.uint8(int(code) << start % 8 & 255)
    return filled

# %% wrong, zips instead
# says: bit j of code number i is bit
def pack(codes, bits):
    return zlib.compress(codes.tobytes())

# %% wrong, one-dimensional codes only
# says: raised TypeError
def pack(codes, bits):
    stream = sum(int(code) << (place * bits) for place, code in enumerate(codes))
    return stream.to_bytes(-(-codes.size * bits // 8), "little")

# %% wrong, hard-coded for the example
# says: the same for every input
def pack(codes, bits):
    return bytes([209, 0])

# %% wrong, prints
# says: returned None
def pack(codes, bits):
    print(ql.pack(codes, bits))

# %% wrong, shifts in place
# says: changed its argument
def pack(codes, bits):
    row = []
    flat = codes.reshape(-1)
    for i in range(flat.size):
        for _ in range(bits):
            row.append(flat[i] & 1)
            flat[i] >>= 1
    return np.packbits(row, bitorder="little")
