"""Answers to the exercises of lesson 05: right ones written differently, and named mistakes."""

# %% pack: right, one large integer
def pack(codes, bits):
    stream = 0
    for place, code in enumerate(codes.ravel()):
        stream |= int(code) << (place * bits)
    return stream.to_bytes(-(-codes.size * bits // 8), "little")

# %% pack: right, a loop over bits into a list of numbers
def pack(codes, bits):
    filled = [0] * ((codes.size * bits + 7) // 8)
    place = 0
    for code in codes.ravel().tolist():
        for j in range(bits):
            filled[place // 8] += (code >> j & 1) << place % 8
            place += 1
    return filled

# %% pack: right, unpackbits and packbits
def pack(codes, bits):
    pairs = codes.astype("<u2").ravel().view(np.uint8).reshape(-1, 2)
    matrix = np.unpackbits(pairs, axis=1, count=bits, bitorder="little")
    return np.packbits(matrix, bitorder="little")

# %% pack: right, texts of binary digits
def pack(codes, bits):
    text = "".join(f"{int(code):0{bits}b}"[::-1] for code in codes.ravel())
    return bytearray(int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8))

# %% pack: right, torch
def pack(codes, bits):
    flat = torch.from_numpy(codes.astype(np.int64)).reshape(-1, 1)
    row = (flat >> torch.arange(bits) & 1).reshape(-1)
    row = torch.nn.functional.pad(row, (0, -len(row) % 8)).reshape(-1, 8)
    return (row << torch.arange(8)).sum(1).to(torch.uint8)

# %% pack: right, the package's own
def pack(codes, bits):
    return ql.pack(codes, bits)

# %% pack: wrong, the highest bit first
# says: within codes and within bytes
def pack(codes, bits):
    text = "".join(f"{int(code):0{bits}b}" for code in codes.ravel())
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))

# %% pack: wrong, packbits without bitorder
# says: np.packbits takes the first one for the highest
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows).tobytes()

# %% pack: wrong, the bits of each code backwards
# says: its highest bit comes first
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(bits)[::-1]) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% pack: wrong, a large integer written from its high end
# says: the bytes stand in reverse
def pack(codes, bits):
    stream = sum(int(code) << (place * bits) for place, code in enumerate(codes.ravel()))
    return stream.to_bytes(-(-codes.size * bits // 8), "big")

# %% pack: wrong, the first code ends up on top
# says: the last one comes first
def pack(codes, bits):
    stream = 0
    for code in codes.ravel():
        stream = stream << bits | int(code)
    return stream.to_bytes(-(-codes.size * bits // 8), "little")

# %% pack: wrong, tobytes
# says: every code still takes whole bytes, as it does in memory
def pack(codes, bits):
    return codes.tobytes()

# %% pack: wrong, a cast is not packing
# says: nothing is packed
def pack(codes, bits):
    return codes.astype(int).ravel().tolist()

# %% pack: wrong, only whole codes in a byte
# says: leave its last bits empty
def pack(codes, bits):
    if bits > 8:
        return codes.astype("<u2").tobytes()
    flat, each, filled = codes.ravel().tolist(), 8 // bits, []
    for i in range(0, len(flat), each):
        filled.append(sum(code << (j * bits) for j, code in enumerate(flat[i : i + each])))
    return bytes(filled)

# %% pack: wrong, rounds the number of bytes down
# says: the last byte is missing
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little")[: codes.size * bits // 8].tobytes()

# %% pack: wrong, one byte to be safe
# says: a byte too many
def pack(codes, bits):
    stream = sum(int(code) << (place * bits) for place, code in enumerate(codes.ravel()))
    return stream.to_bytes(codes.size * bits // 8 + 1, "little")

# %% pack: wrong, fills up in front
# says: stand in front of code 0
def pack(codes, bits):
    row = ((codes.reshape(-1, 1) >> np.arange(bits)) & 1).ravel()
    row = np.concatenate([np.zeros(-row.size % 8, int), row])
    return np.packbits(row, bitorder="little").tobytes()

# %% pack: wrong, returns bits
# says: each of them takes a byte of its own
def pack(codes, bits):
    return ((codes.reshape(-1, 1) >> np.arange(bits)) & 1).ravel()

# %% pack: wrong, returns a text
# says: takes a byte for every bit
def pack(codes, bits):
    return "".join(f"{int(code):0{bits}b}"[::-1] for code in codes.ravel())

# %% pack: wrong, unpackbits without bitorder
# says: kept the upper bits of each number
def pack(codes, bits):
    wide = codes.astype(">u2" if bits > 8 else np.uint8).reshape(-1, 1).view(np.uint8)
    rows = np.unpackbits(wide, axis=1)[:, :bits]
    return np.packbits(rows, bitorder="little").tobytes()

# %% pack: wrong, unpackbits and packbits without bitorder
# says: kept the upper bits of each number
def pack(codes, bits):
    wide = codes.astype(">u2" if bits > 8 else np.uint8).reshape(-1, 1).view(np.uint8)
    return np.packbits(np.unpackbits(wide, axis=1)[:, :bits])

# %% pack: wrong, uint8 for all codes
# says: codes above 255 lost their upper bits
def pack(codes, bits):
    rows = (codes.astype(np.uint8).reshape(-1, 1).astype(int) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% pack: wrong, always 3 bits
# says: you always write 3 bits
def pack(codes, bits):
    rows = (codes.reshape(-1, 1) >> np.arange(3)) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% pack: wrong, column by column
# says: column by column
def pack(codes, bits):
    rows = (codes.ravel(order="F").reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little").tobytes()

# %% pack: wrong, shifts a code out of its byte
# says: does not fit into one byte
def pack(codes, bits):
    filled = np.zeros(-(-codes.size * bits // 8), np.uint8)
    for place, code in enumerate(codes.ravel()):
        start = place * bits
        filled[start // 8] |= np.uint8(int(code) << start % 8 & 255)
    return filled

# %% pack: wrong, zips instead
# says: bit j of code number i is bit
def pack(codes, bits):
    return zlib.compress(codes.tobytes())

# %% pack: wrong, one-dimensional codes only
# says: raised TypeError
def pack(codes, bits):
    stream = sum(int(code) << (place * bits) for place, code in enumerate(codes))
    return stream.to_bytes(-(-codes.size * bits // 8), "little")

# %% pack: wrong, hard-coded for the example
# says: the same for every input
def pack(codes, bits):
    return bytes([209, 0])

# %% pack: wrong, prints
# says: returned None
def pack(codes, bits):
    print(ql.pack(codes, bits))

# %% pack: wrong, shifts in place
# says: changed its argument
def pack(codes, bits):
    row = []
    flat = codes.reshape(-1)
    for i in range(flat.size):
        for _ in range(bits):
            row.append(flat[i] & 1)
            flat[i] >>= 1
    return np.packbits(row, bitorder="little")

# %% lab-storage: right, whole numbers
as_float32, with_8_bits, with_1_bit = 64, 24, 10

# %% lab-storage: right, computed in bits
as_float32 = 16 * 32 / 8
with_8_bits = (16 * 8 + 2 * 32) / 8
with_1_bit = (16 * 1 + 2 * 32) / 8

# %% lab-storage: right, from the package
bias = net.conv1.bias.detach().numpy()
as_float32 = np.int64(bias.nbytes)
with_8_bits, with_1_bit = (
    torch.tensor(q.payload_bytes + q.overhead_bytes)
    for q in (ql.uniform_quantize(bias, 8), ql.uniform_quantize(bias, 1))
)

# %% lab-storage: wrong, the course lab's sum
# says: a byte each is what 8-bit codes take
as_float32, with_8_bits, with_1_bit = 16, 16, 8

# %% lab-storage: wrong, half of 16 bytes
# says: half of 16 bytes is the course lab's answer
as_float32, with_8_bits, with_1_bit = 64, 24, 8

# %% lab-storage: wrong, half of what 8 bits take
# says: this is half of what 8 bits take
as_float32, with_8_bits, with_1_bit = 64, 24, 12

# %% lab-storage: wrong, an eighth of everything
# says: this is an eighth of what 8 bits take
as_float32, with_8_bits, with_1_bit = 64, 24, 3

# %% lab-storage: wrong, without min and max
# says: these are the codes alone
as_float32, with_8_bits, with_1_bit = 64, 16, 2

# %% lab-storage: wrong, min and max forgotten for 1 bit
# says: in 1 bit
as_float32, with_8_bits, with_1_bit = 64, 24, 2

# %% lab-storage: wrong, one float for the range
# says: you counted one
as_float32, with_8_bits, with_1_bit = 64, 20, 6

# %% lab-storage: wrong, bits
# says: these are bits
as_float32, with_8_bits, with_1_bit = 512, 192, 80

# %% lab-storage: wrong, a byte for every 1-bit code
# says: you gave every code of 1 bit a whole byte
as_float32, with_8_bits, with_1_bit = 64, 24, 24

# %% lab-storage: wrong, a range for float32 too
# says: float32 numbers need no min and max
as_float32, with_8_bits, with_1_bit = 72, 24, 10

# %% lab-storage: wrong, a table of levels
# says: you stored a table of 256 levels
as_float32, with_8_bits, with_1_bit = 64, 16 + 4 * 256, 10

# %% lab-storage: wrong, a guess
# says: each number takes 32, 8 or 1 bits
as_float32, with_8_bits, with_1_bit = 64, 24, 11

# %% lab-storage: wrong, texts
# says: each of the three is one number
as_float32, with_8_bits, with_1_bit = "64 bytes", "24 bytes", "10 bytes"

# %% lab-storage: wrong, one is missing
# says: each of the three is one number
as_float32, with_8_bits, with_1_bit = 64, 24, None

# %% lab-storage: wrong, below zero
# says: a size is a number above 0
as_float32, with_8_bits, with_1_bit = 64, 24, -10

# %% compression-ratio: right, log2 rounded up
def compression_ratio(count, k):
    bits = max(1, int(np.ceil(np.log2(k))))
    return count * 32 / (count * bits + k * 32)

# %% compression-ratio: right, doubles until it fits
def compression_ratio(count, k):
    bits = 1
    while 2**bits < k:
        bits += 1
    return (count * 4) / (count * bits / 8 + k * 4)

# %% compression-ratio: right, bits per weight
def compression_ratio(count, k):
    each = max(len(f"{k - 1:b}"), 1) + 32 * k / count
    return np.float32(32 / each)

# %% compression-ratio: right, torch
def compression_ratio(count, k):
    bits = torch.tensor(float(k)).double().log2().ceil().clamp(min=1)
    return 32 * count / (count * bits + 32 * k)

# %% compression-ratio: wrong, no codebook
# says: 32 / bits leaves out the codebook
def compression_ratio(count, k):
    return 32 / max(1, (k - 1).bit_length())

# %% compression-ratio: wrong, neither codebook nor whole bits
# says: not always a whole number of bits
def compression_ratio(count, k):
    return 32 / np.log2(k)

# %% compression-ratio: wrong, the formula as printed
# says: a packed code has a whole number of bits
def compression_ratio(count, k):
    return 32 * count / (count * np.log2(k) + 32 * k)

# %% compression-ratio: wrong, 0 bits for one centre
# says: log2(1) is 0
def compression_ratio(count, k):
    return 32 * count / (count * int(np.ceil(np.log2(k))) + 32 * k)

# %% compression-ratio: wrong, rounds down
# says: rounded log2(k) down
def compression_ratio(count, k):
    return 32 * count / (count * max(1, int(np.log2(k))) + 32 * k)

# %% compression-ratio: wrong, rounds to nearest
# says: to the nearest whole number
def compression_ratio(count, k):
    return 32 * count / (count * max(1, round(float(np.log2(k)))) + 32 * k)

# %% compression-ratio: wrong, the bits of k itself
# says: counted the bits of k itself
def compression_ratio(count, k):
    return 32 * count / (count * k.bit_length() + 32 * k)

# %% compression-ratio: wrong, bytes added to bits
# says: you added bytes to bits
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + 4 * k)

# %% compression-ratio: wrong, one bit per centre
# says: you counted 1
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + k)

# %% compression-ratio: wrong, centres as short as codes
# says: as many bits as the codes
def compression_ratio(count, k):
    bits = max(1, (k - 1).bit_length())
    return 32 * count / (count * bits + bits * k)

# %% compression-ratio: wrong, min and max
# says: which is enough for equal steps
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + 64)

# %% compression-ratio: wrong, one centre
# says: a single centre
def compression_ratio(count, k):
    return 32 * count / (count * max(1, (k - 1).bit_length()) + 32)

# %% compression-ratio: wrong, k bits
# says: not how many bits a code has
def compression_ratio(count, k):
    return 32 * count / (count * k + 32 * k)

# %% compression-ratio: wrong, a byte per code
# says: gave every code whole bytes
def compression_ratio(count, k):
    return 32 * count / (count * (8 if k <= 256 else 16) + 32 * k)

# %% compression-ratio: wrong, upside down
# says: the share that is left
def compression_ratio(count, k):
    return (count * max(1, (k - 1).bit_length()) + 32 * k) / (32 * count)

# %% compression-ratio: wrong, the share saved
# says: the share that is saved
def compression_ratio(count, k):
    return 1 - (count * max(1, (k - 1).bit_length()) + 32 * k) / (32 * count)

# %% compression-ratio: wrong, per cent
# says: the per cent that are saved
def compression_ratio(count, k):
    return 100 - 100 * (count * max(1, (k - 1).bit_length()) + 32 * k) / (32 * count)

# %% compression-ratio: wrong, bytes over bits
# says: one of the two sizes is in bytes
def compression_ratio(count, k):
    return 4 * count / (count * max(1, (k - 1).bit_length()) + 32 * k)

# %% compression-ratio: wrong, starts from 8 bits like the course lab
# says: a float32 has 32 bits, not 8
def compression_ratio(count, k):
    return 8 * count / (count * max(1, (k - 1).bit_length()) + 32 * k)

# %% compression-ratio: wrong, hard-coded for the example
# says: the same for every input
def compression_ratio(count, k):
    return 3.2

# %% compression-ratio: wrong, forgets to return
# says: returned None
def compression_ratio(count, k):
    ratio = 32 * count / (count * max(1, (k - 1).bit_length()) + 32 * k)

# %% compression-ratio: wrong, counts weights that it does not have
# says: raised AttributeError
def compression_ratio(count, k):
    return 32 * count.size / (count.size * np.log2(k) + 32 * k)

# %% entropy: right, a loop
def entropy(counts):
    import math

    total, bits = sum(counts.tolist()), 0.0
    for count in counts.tolist():
        if count:
            bits += count * math.log2(total / count)
    return bits / total

# %% entropy: right, np.where around the logarithm
def entropy(counts):
    p = counts / counts.sum()
    return (p * np.log2(1 / np.where(p > 0, p, 1))).sum()

# %% entropy: right, nansum
def entropy(counts):
    p = counts / counts.sum()
    with np.errstate(all="ignore"):
        return -np.nansum(p * np.log2(p))

# %% entropy: right, torch in float32
def entropy(counts):
    p = torch.from_numpy(counts).float() / counts.sum()
    return torch.special.entr(p).sum() / np.log(2)

# %% entropy: right, a tiny number inside the logarithm
def entropy(counts):
    p = counts / counts.sum()
    return float(-np.sum(p * np.log2(p + 1e-12)))

# %% entropy: right, the package's own
def entropy(counts):
    return ql.entropy_bits(np.repeat(np.arange(len(counts)), counts))

# %% entropy: wrong, zero times infinity
# says: one of the codes never occurs
def entropy(counts):
    p = counts / counts.sum()
    return -np.sum(p * np.log2(p))

# %% entropy: wrong, math.log2 of zero
# says: it has no logarithm and no part
def entropy(counts):
    import math

    return -sum(p * math.log2(p) for p in counts / counts.sum())

# %% entropy: wrong, turns the whole sum into 0
# says: you turn all of it into 0
def entropy(counts):
    p = counts / counts.sum()
    return np.nan_to_num(-np.sum(p * np.log2(p)))

# %% entropy: wrong, natural logarithm
# says: the natural logarithm
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(p * np.log(p))

# %% entropy: wrong, base 10
# says: the logarithm of base 10
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(p * np.log10(p))

# %% entropy: wrong, no minus
# says: the minus in front of the sum is missing
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return np.sum(p * np.log2(p))

# %% entropy: wrong, counts instead of shares
# says: you took the counts themselves
def entropy(counts):
    p = counts[counts > 0]
    return -np.sum(p * np.log2(p))

# %% entropy: wrong, all codes weigh the same
# says: as if all were equally frequent
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.mean(np.log2(p))

# %% entropy: wrong, no weights in the sum
# says: you added log2(p) of all codes
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(np.log2(p))

# %% entropy: wrong, the fixed width
# says: what a fixed width takes
def entropy(counts):
    return np.log2(len(counts))

# %% entropy: wrong, the fixed width of the codes that occur
# says: what a fixed width takes
def entropy(counts):
    return np.log2(np.count_nonzero(counts))

# %% entropy: wrong, rounded up
# says: a mean is seldom whole
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return np.ceil(-np.sum(p * np.log2(p)))

# %% entropy: wrong, whole bits for every code
# says: rounded the bits of every code up
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return np.sum(p * np.ceil(-np.log2(p)))

# %% entropy: wrong, bits of the whole tensor
# says: these are the bits of all codes together
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(counts[counts > 0] * np.log2(p))

# %% entropy: wrong, bytes of the whole tensor
# says: these are the bytes of all codes together
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    return -np.sum(counts[counts > 0] * np.log2(p)) / 8

# %% entropy: wrong, the mean of the terms
# says: divided by the number of different codes
def entropy(counts):
    p = counts / counts.sum()
    return -np.mean(np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), 0))

# %% entropy: wrong, takes counts for codes
# says: you took the counts for codes
def entropy(counts):
    return ql.entropy_bits(counts)

# %% entropy: wrong, adds one
# says: you added 1 to every count
def entropy(counts):
    p = (counts + 1) / (counts + 1).sum()
    return -np.sum(p * np.log2(p))

# %% entropy: wrong, shares of the largest
# says: you divided by the largest count
def entropy(counts):
    p = counts[counts > 0] / counts.max()
    return -np.sum(p * np.log2(p))

# %% entropy: wrong, hard-coded for the example
# says: the same for every input
def entropy(counts):
    return 1.5

# %% entropy: wrong, forgets to return
# says: returned None
def entropy(counts):
    p = counts[counts > 0] / counts.sum()
    bits = -np.sum(p * np.log2(p))

# %% entropy: wrong, in place
# says: raised
def entropy(counts):
    counts /= counts.sum()
    return -np.sum(counts * np.log2(counts))

# %% entropy: wrong, removes zeros from the argument
# says: changed its argument
def entropy(counts):
    total = counts.sum()
    counts[counts == 0] = total
    return -np.sum(counts / total * np.log2(counts / total))

# %% huffman-step: right, two times min
def merge_rarest(groups):
    left = dict(groups)
    first = min(left, key=left.get)
    count = left.pop(first)
    second = min(left, key=left.get)
    count += left.pop(second)
    left[second + first] = count
    return left

# %% huffman-step: right, a heap
def merge_rarest(groups):
    import heapq

    heap = [(count, name) for name, count in groups.items()]
    heapq.heapify(heap)
    (one, a), (two, b) = heapq.heappop(heap), heapq.heappop(heap)
    heapq.heappush(heap, (one + two, a + b))
    return {name: count for count, name in heap}

# %% huffman-step: right, the last of those that tie, as a list of pairs
def merge_rarest(groups):
    names = list(groups)[::-1]
    counts = np.array([groups[name] for name in names])
    order = np.argsort(counts, kind="stable")
    kept = [(names[i], int(counts[i])) for i in sorted(order[2:])]
    return [*kept, (names[order[1]] + names[order[0]], counts[order[:2]].sum())]

# %% huffman-step: right, all pairs tried
def merge_rarest(groups):
    import itertools

    pairs = itertools.combinations(groups, 2)
    a, b = min(pairs, key=lambda pair: groups[pair[0]] + groups[pair[1]])
    return {a + b: groups[a] + groups[b]} | {n: c for n, c in groups.items() if n not in (a, b)}

# %% huffman-step: wrong, the most frequent
# says: you merged the two most frequent groups
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get, reverse=True)
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, the first two
# says: you merged the first two groups
def merge_rarest(groups):
    first, second, *others = groups
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, the last two
# says: you merged the last two groups
def merge_rarest(groups):
    *others, first, second = groups
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, sorts the names
# says: you compared the names
def merge_rarest(groups):
    first, second, *others = sorted(groups)
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, compares counts as texts
# says: you compared the counts as texts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=lambda name: str(groups[name]))
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, single codes first
# says: you preferred groups with few codes
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=lambda name: (len(name), groups[name]))
    return {name: groups[name] for name in others} | {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, a dict by counts
# says: a dict with counts as keys
def merge_rarest(groups):
    names = {count: name for name, count in groups.items()}
    one, two, *others = sorted(names)
    return {names[count]: count for count in others} | {names[one] + names[two]: one + two}

# %% huffman-step: wrong, keeps the two
# says: still there beside the merged one
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    return {**groups, first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, drops the two
# says: their codes with them
def merge_rarest(groups):
    return {name: groups[name] for name in sorted(groups, key=groups.get)[2:]}

# %% huffman-step: wrong, the new group alone
# says: you return the new group alone
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    return {first + second: groups[first] + groups[second]}

# %% huffman-step: wrong, to the end
# says: asked for is a single step
def merge_rarest(groups):
    left = dict(groups)
    while len(left) > 1:
        first, second = sorted(left, key=left.get)[:2]
        left[first + second] = left.pop(first) + left.pop(second)
    return left

# %% huffman-step: wrong, the larger count
# says: that is a sum
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {first + second: groups[second]}

# %% huffman-step: wrong, the smaller count
# says: that is a sum
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {first + second: groups[first]}

# %% huffman-step: wrong, the product
# says: that is a sum
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {first + second: groups[first] * groups[second]}

# %% huffman-step: wrong, the mean
# says: the mean of the two counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    both = (groups[first] + groups[second]) / 2
    return {name: groups[name] for name in others} | {first + second: both}

# %% huffman-step: wrong, another name
# says: each code has to be in one of them
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {name: groups[name] for name in others} | {"merged": groups[first] + groups[second]}

# %% huffman-step: wrong, as they came
# says: these are the groups as they came
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    return dict(groups)

# %% huffman-step: wrong, in place
# says: changed its argument
def merge_rarest(groups):
    first, second = sorted(groups, key=groups.get)[:2]
    groups[first + second] = groups.pop(first) + groups.pop(second)
    return groups

# %% huffman-step: wrong, a set of names
# says: not a dict of names and counts
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    return {first + second, *others}

# %% huffman-step: wrong, hard-coded for the example
# says: the same for every input
def merge_rarest(groups):
    return {"0": 5, "12": 5}

# %% huffman-step: wrong, forgets to return
# says: returned None
def merge_rarest(groups):
    first, second, *others = sorted(groups, key=groups.get)
    merged = {name: groups[name] for name in others}
    merged[first + second] = groups[first] + groups[second]

# %% file-size: right, the sum
file_bytes = 480_776 // 2 + 8 * 64 + 4 * 566

# %% file-size: right, an eighth of float32
file_bytes = 1_925_368 / 8

# %% file-size: right, from the package
model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 16), biases=None)
file_bytes = np.float32(model.total_bytes)

# %% file-size: right, a tensor
file_bytes = torch.tensor([244_000])

# %% file-size: wrong, float32
# says: that is 4 for every number
file_bytes = 1_925_368

# %% file-size: wrong, a byte per code
# says: a byte for every number
file_bytes = 480_776 + 566

# %% file-size: wrong, 16 bits per code
# says: 16 is the number of centres
file_bytes = 480_776 * 16 / 8 + 566 * 4

# %% file-size: wrong, a sixteenth
# says: a sixteenth of float32
file_bytes = 1_925_368 / 16

# %% file-size: wrong, 3 bits
# says: enough for 8 centres
file_bytes = 480_776 * 3 / 8 + 512 + 566 * 4

# %% file-size: wrong, 5 bits
# says: codes run from 0 to 15
file_bytes = 480_776 * 5 / 8 + 512 + 566 * 4

# %% file-size: wrong, kilobytes
# says: in kilobytes
file_bytes = 243.2

# %% file-size: wrong, megabytes
# says: in megabytes
file_bytes = 0.2432

# %% file-size: wrong, the ratio
# says: how many times smaller
file_bytes = 8

# %% file-size: wrong, out of thin air
# says: 480,776 weights take 4 bits each
file_bytes = 300_000 - 40_000

# %% file-size: wrong, a text
# says: this is not one number
file_bytes = "243164"

# %% file-size: wrong, two numbers
# says: this is not one number
file_bytes = 240_388, 2_264

# %% file-size: wrong, below zero
# says: a size is a number above 0
file_bytes = -243_164
