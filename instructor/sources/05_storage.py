# %% [markdown]
# # Storage
#
# After this notebook you can **say** why a file is not smaller, **write** codes without gaps
# between them, and **predict** how many bytes a quantized network takes on disk.
#
# *Needs*: lessons 02 and 03. *Takes*: 35 minutes, all on a CPU, offline.

# %%
import tempfile
import time
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import quantlab_helpers as ql
from quantlab_helpers import checks, plots

net = ql.load_baseline(device="cpu")

# %% [markdown]
# ## Why is my file not smaller?
#
# You replace the weights of every layer by 8 centres. 3 bits are enough to distinguish 8 centres,
# and a float32 has 32 bits. You save the network. How many times smaller will the file be?

# %%
guess_smaller = None  # times smaller: write your number here


# %%
def eight_centres(weights):
    return ql.kmeans_quantize(weights, 8)


folder = Path(tempfile.mkdtemp())
eight = ql.quantize_model(net, weights=eight_centres, biases=None)
size = {}
for name, network in [("float32", net), ("8 centres", eight.net)]:
    ql.save_net(network, folder / name)
    size[name] = (folder / name).stat().st_size
    values = ql.unique_count(network.fc1.weight)
    print(f"{name:10} {size[name]:,} bytes, {values:7,} distinct weights in fc1")
checks.compare_guess(guess_smaller, size["float32"] / size["8 centres"], unit="times smaller")

# %% [markdown]
# The file is not a single byte smaller. Quantizing changed *which* numbers the tensors hold, not
# *how* they are written. `fc1.weight` has only 8 distinct values left, but each of its 470,400
# entries is still a float32 of 32 bits. Such a file holds **dequantized** weights. `torch.save`
# has the same effect.
#
# A file becomes smaller only when we write something else into it: for each weight the number of
# its centre, which is the **code**, and once the centres themselves, which are the **codebook**.

# %%
fc1 = eight.tensors["fc1.weight"]
print(f"float32: {4 * fc1.codes.size:,} bytes")
print(f"codes:   {fc1.codes.nbytes:,} bytes as {fc1.codes.dtype}, from 0 to {fc1.codes.max()}")

# %% [markdown]
# The codes are 4 times smaller. With 3 bits instead of 32 we expected more than 10 times. The
# reason is that numpy has no integer of 3 bits. Its smallest integer is a whole byte, and our
# codes leave 5 of its 8 bits empty.
#
# ## Packing
#
# So we write the codes side by side, without gaps, and then cut this row of bits into bytes. A
# code may begin in one byte and end in the next. Here are 6 codes of 3 bits. The lowest bit of
# each code comes first, and the first bit of a byte is its lowest bit. For example, byte 0 below
# is 1 + 4 + 8 + 64 + 128.

# %%
ax = plots.packed_bits([5, 1, 7, 2, 0, 3], 3)

# %% [markdown]
# The grey zeros fill up the last byte.
#
# ### Exercise: pack


# %% nbgrader={"grade": false, "grade_id": "pack", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: pack
def pack(codes, bits):
    """Return the codes as bytes, `bits` bits each, without gaps, lowest bit first.

    codes: array of uint8 or uint16, any shape, each code below 2**bits; bits: 1 to 16.
    Returns: bytes (or a list or array of numbers from 0 to 255), just enough to hold all the bits.
    Example: pack(np.array([1, 2, 3], np.uint8), 3) gives bytes([209, 0]). 209 is 0b11010001; read
    it from the right: 1 = 001, 2 = 010, and the two lower bits of 3 = 011.
    Hint: (codes >> j) & 1 is bit j of every code. np.packbits(..., bitorder="little") makes one
    byte of eight bits, with the first bit lowest, and fills up the last byte with zeros.
    """
    ### BEGIN SOLUTION
    rows = (codes.reshape(-1, 1) >> np.arange(bits)) & 1
    return np.packbits(rows, bitorder="little").tobytes()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-pack", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# test: pack
checks.check("pack", pack)
### BEGIN HIDDEN TESTS
checks.check("pack", pack, seed=4505)
### END HIDDEN TESTS

# %% [markdown]
# From here on we use the package's own functions, so a mistake above does not affect the rest. To
# unpack, we need to know how many codes there are, because the zeros that fill the last byte look
# like codes too.

# %%
packed = ql.pack(fc1.codes, 3)
back = ql.unpack(packed, 3, count=fc1.codes.size).reshape(fc1.codes.shape)
print(f"packed: {len(packed):,} bytes, {4 * fc1.codes.size / len(packed):.2f} times smaller")
print("the same codes again:", np.array_equal(back, fc1.codes))

# %% [markdown]
# ## What comes on top
#
# Codes alone do not give us the weights. A uniform grid also needs its two ends, min and max.
# k-means also needs its codebook. Both are stored as float32 numbers.
#
# ### Exercise: 1 bit instead of 8
#
# The course lab rounds biases to 1 bit, and concludes that they then take half of what they take
# with 8 bits. Its calculation starts at 8 bits, as if weights were stored in bytes, and it leaves
# out min and max. Now do it correctly for the 16 biases of `conv1`, on a uniform grid. How many
# bytes do they take as float32, with packed codes of 8 bits, and with packed codes of 1 bit?
# Include min and max where they are needed.

# %% nbgrader={"grade": false, "grade_id": "lab-storage", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: lab-storage
# Replace `raise NotImplementedError` by three lines that set
# as_float32, with_8_bits and with_1_bit to numbers of bytes.
as_float32 = with_8_bits = with_1_bit = None
### BEGIN SOLUTION
as_float32 = 16 * 4
with_8_bits = 16 + 8
with_1_bit = 2 + 8
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-lab-storage", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: lab-storage
checks.answered("lab-storage", as_float32, with_8_bits, with_1_bit)
### BEGIN HIDDEN TESTS
checks.check("lab-storage", as_float32, with_8_bits, with_1_bit)
### END HIDDEN TESTS

# %% [markdown]
# The codes shrink to an eighth. The range does not shrink at all: on a tensor this small, it
# costs more than the 1-bit codes.
#
# ### Exercise: how many times smaller?
#
# With k centres, the overhead is k float32 numbers. Divide the bits of a float32 tensor by the
# bits of its codes and its codebook.


# %% nbgrader={"grade": false, "grade_id": "compression-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: compression-ratio
def compression_ratio(count, k):
    """Return how many times smaller than float32 a tensor with k centres is.

    count: number of weights; k: number of centres, at least 1. A code has a whole number of bits,
    at least 1; a centre is a float32. Count in bits; do not round up to whole bytes.
    Example: compression_ratio(16, 4) gives 3.2: 16 * 32 = 512 bits by 16 * 2 + 4 * 32 = 160 bits.
    Hint: in lesson 03 you computed how many bits k centres need.
    """
    ### BEGIN SOLUTION
    bits = max(1, int(k - 1).bit_length())
    return 32 * count / (count * bits + 32 * k)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-compression-ratio", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: compression-ratio
checks.check("compression-ratio", compression_ratio)
### BEGIN HIDDEN TESTS
checks.check("compression-ratio", compression_ratio, seed=4506)
### END HIDDEN TESTS

# %% [markdown]
# Deep Compression (Han, Mao and Dally 2015, arXiv 1510.00149) has this ratio as equation 1, $n
# \cdot 32 / (n \log_2 k + 32\, k)$. The example above also comes from that paper.
#
# `conv1.weight` holds 400 weights. From which k on is it *larger* with k centres than as float32?

# %%
guess_k = None  # write your number here


# %%
def times_smaller(tensor, k):
    quantized = ql.kmeans_quantize(tensor, k)
    return 4 * quantized.codes.size / (quantized.payload_bytes + quantized.overhead_bytes)


lines = {}
for name in ("fc1", "conv2", "conv1", "bn1"):
    tensor = getattr(net, name).weight
    ks = [2**bits for bits in range(1, 9) if 2**bits <= tensor.numel()]
    label = f"{name}, {tensor.numel():,} weights"
    lines[label] = (ks, [times_smaller(tensor, k) for k in ks])

# %%
ax = plots.curves(lines, xlabel="centres (k)", ylabel="times smaller than float32")
ax.axhline(1, color=plots.LEVELS, lw=1)
ticks = 2 ** np.arange(1, 9)
ax.set(xscale="log", yscale="log", yticks=[1, 2, 5, 10, 20], yticklabels=[1, 2, 5, 10, 20])
ax.set_xticks(ticks, ticks)
ax.minorticks_off()
first = next(k for k in range(256, 401) if times_smaller(net.conv1.weight, k) < 1)
checks.compare_guess(guess_k, first, unit="centres")

# %% [markdown]
# Only `fc1` follows 32 / bits. With 256 centres, `conv1` is hardly smaller than as float32,
# although its codes have 8 bits. The 16 scales of `bn1` become larger as soon as each has a
# centre of its own. Below the line at 1, the codebook holds nearly one number per weight, and the
# codes come on top.
#
# ## Some codes are more frequent than others
#
# Packing gives every code the same width. Look how often each code is used, in `conv3` and in
# `fc1`:

# %%
conv3 = eight.tensors["conv3.weight"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3), layout="constrained")
for ax, name, quantized in zip(axes, ("conv3", "fc1"), (conv3, fc1), strict=True):
    count = np.bincount(quantized.codes.ravel(), minlength=8)
    bars = ax.bar(range(8), count, color=plots.BARS)
    ax.bar_label(bars, [f"{number:,}" for number in count], fontsize=9)
    ax.set(xlabel="code", ylabel="weights with this code", title=f"{name}.weight")
    ax.margins(y=0.12)
    ax.yaxis.set_major_formatter("{x:,.0f}")

# %% [markdown]
# The L1 penalty has pushed most weights towards zero, and all of these share one centre. A
# message with one very frequent sign carries little information. In the Morse code of the
# telegraph, the frequent letter E is one dot, while the rare Q takes four signs. We can give a
# code with the share $p$ of all codes $\log_2 (1/p)$ bits: one bit if it is half of all codes,
# two bits if it is a quarter. The mean of these lengths is the **entropy**, in bits per code:
#
# $$H = -\sum_c p_c \log_2 p_c$$
#
# No coder that looks at single codes can take fewer bits on average (Shannon 1948).
#
# ### Exercise: entropy


# %% nbgrader={"grade": false, "grade_id": "entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: entropy
def entropy(counts):
    """Return the entropy in bits per code.

    counts: array of int, how often each code occurs; at least one is above 0, others may be 0.
    Example: entropy(np.array([2, 1, 1])) gives 1.5, from shares of 1/2, 1/4 and 1/4.
    Hint: how much should a code add that never occurs?
    """
    ### BEGIN SOLUTION
    p = counts[counts > 0] / counts.sum()
    return -np.sum(p * np.log2(p))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-entropy", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: entropy
checks.check("entropy", entropy)
### BEGIN HIDDEN TESTS
checks.check("entropy", entropy, seed=4507)
### END HIDDEN TESTS

# %% [markdown]
# The number of codes times the entropy is the **bound**. Packed at 3 bits, the codes of `fc1`
# take 176,400 bytes. How many bytes is their bound?

# %%
guess_bound = None  # bytes: write your number here

# %%
for name, quantized in [("conv3", conv3), ("fc1", fc1)]:
    bound, each = ql.bound_bytes(quantized.codes), ql.entropy_bits(quantized.codes)
    print(f"{name:5} packed {quantized.payload_bytes:7,} bytes, 3 bits per code; ", end="")
    print(f"bound {bound:5,.0f} bytes, {each:.4f} bits per code")
checks.compare_guess(guess_bound, round(bound), unit="bytes")

# %% [markdown]
# ## Huffman's code
#
# How can we write a file that comes close to the bound? Huffman (1952) gives each code a
# **codeword** of its own length: frequent codes get short codewords. The method starts with the
# rare codes. At first, every code is a group of its own. In each step, the two groups with the
# smallest counts are merged into one. The length of a codeword is the number of times its group
# was merged.
#
# ### Exercise: one step


# %% nbgrader={"grade": false, "grade_id": "huffman-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: huffman-step
def merge_rarest(groups):
    """Return the groups after one step: the two with the smallest counts are merged.

    groups: dict with at least two groups. A key is the name of a group: its codes, written as a
    string of digits. The value is how often these codes occur. Do not change this dict.
    Returns: a new dict. The name of the merged group is both names joined, in either order, and
    its count is their sum. If several groups have equal counts, choose any of them.
    Example: merge_rarest({"0": 5, "1": 2, "2": 3}) gives {"0": 5, "12": 5}.
    Hint: sorted(groups, key=groups.get) sorts the names by their counts.
    """
    ### BEGIN SOLUTION
    first, second, *others = sorted(groups, key=groups.get)
    merged = {name: groups[name] for name in others}
    merged[first + second] = groups[first] + groups[second]
    return merged
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-huffman-step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: huffman-step
checks.check("huffman-step", merge_rarest)
### BEGIN HIDDEN TESTS
checks.check("huffman-step", merge_rarest, seed=4508)
### END HIDDEN TESTS

# %% [markdown]
# The merges form a tree. Here is the tree for 8 centres on `conv1`. Each box is a code with its
# count. The path down to the box, 0 for left and 1 for right, is the codeword. No codeword is the
# beginning of another one, so we can write them in a row without marks between them.

# %%
conv1 = eight.tensors["conv1.weight"]
counts = np.bincount(conv1.codes.ravel())
words = ql.huffman_codewords(ql.huffman_lengths(counts))
ax = plots.huffman_tree(counts, words)
total = sum(count * len(word) for count, word in zip(counts, words, strict=True))
each = ql.entropy_bits(conv1.codes)
print(f"{total / counts.sum():.3f} bits per code; packed 3, entropy {each:.3f}")

# %% [markdown]
# This is close to the entropy. The bound of `fc1` is far below 3 bits. How many times smaller
# than packed will Huffman's code make it?

# %%
guess_huffman = None  # times smaller than packed: write your number here

# %%
huffman = ql.huffman_encode(fc1.codes)
each = 8 * len(huffman.payload) / fc1.codes.size
print("lengths of the codewords:", huffman.lengths.tolist())
print(f"{len(huffman.payload):,} bytes, {each:.4f} bits per code")
checks.compare_guess(guess_huffman, len(packed) / len(huffman.payload), unit="times")

# %% [markdown]
# The shortest codeword has **one bit**, so 470,400 codes take at least 470,400 bits. The frequent
# code needs only a small fraction of a bit, but a codeword cannot be shorter than one bit.
#
# ## Less than a bit
#
# We can use less than a bit per code if we code the whole message at once. Three equally frequent
# codes have an entropy of 1.585 bits, and take 2 bits when packed. But five such codes can be
# written as **one** number below $3^5 = 243$, which fits into one byte:

# %%
few = [2, 0, 1, 1, 2]
number = sum(code * 3**place for place, code in enumerate(few))
again = [number // 3**place % 3 for place in range(5)]
print(f"{few} -> {number} -> {again}: 8 bits for 5 codes, {8 / 5} bits per code")

# %% [markdown]
# Every code multiplies the number by 3, which costs $\log_2 3$ bits, and we round up only once,
# at the end. An **entropy coder** does this for unequal shares: a code with the share $p$
# multiplies the number by about $1/p$. (Arithmetic coding is one way to do this. We use another
# one, asymmetric numeral systems.) The decoder needs the shares, so the file begins with a table
# of counts.

# %%
encoded = ql.entropy_encode(fc1.codes)
back = ql.entropy_decode(encoded, count=fc1.codes.size, k=8)
print("the same codes again:", np.array_equal(back, fc1.codes.ravel()))
bound = ql.bound_bytes(fc1.codes)
print(f"{len(encoded):,} bytes with the table; the bound is {bound:,.1f}")

# %% [markdown]
# ## Side by side
#
# Here are all the methods together with `zlib`, the method of zip files, at its strongest
# setting. The sizes do not include the codebook of 32 bytes or the lengths of Huffman's
# codewords. The axis is logarithmic: equal distances mean equal factors.


# %%
def zipped(data):
    return len(zlib.compress(data, 9))


def all_sizes(quantized, weights):
    codes, bits = quantized.codes, quantized.bits
    return {
        "float32": weights.nbytes,
        "float32, zipped": zipped(weights.tobytes()),
        "dequantized float32, zipped": zipped(quantized.dequantize().tobytes()),
        "a byte per code": codes.size,
        "a byte per code, zipped": zipped(codes.tobytes()),
        "packed": len(ql.pack(codes, bits)),
        "packed, zipped": zipped(ql.pack(codes, bits)),
        "Huffman": len(ql.huffman_encode(codes).payload),
        "entropy-coded": len(ql.entropy_encode(codes)),
    }


# %%
for name, quantized in [("conv3", conv3), ("fc1", fc1)]:
    weights = getattr(net, name).weight.detach().numpy()
    title, bound = f"{name}.weight, 8 centres", ql.bound_bytes(quantized.codes)
    plots.sizes(all_sizes(quantized, weights), bound=bound, title=title)

# %% [markdown]
# Trained float32 weights hardly shrink under zip, as the course lab says, because their last bits
# are noise. Dequantized weights shrink a lot, because whole values repeat, but they never become
# as small as their codes. On `conv3`, Huffman's code is a little above the bound. On `fc1` it is
# far above the bound, and only the entropy coder comes close.
#
# ### Pack *and* compress?
#
# Packing makes the codes small, and zip makes files small. Surely both together are even better?
# Take 64 centres on `fc1`. By how many percent is *packed and zipped* larger than *a byte per
# code, zipped* (negative: smaller)?

# %%
guess_worse = None  # percent: write your number here

# %%
dense = {k: ql.kmeans_quantize(net.fc1.weight, k) for k in (4, 8, 16, 32, 64, 256)}
worse = {}
for k, quantized in dense.items():
    both = zipped(ql.pack(quantized.codes, quantized.bits))
    alone = zipped(quantized.codes.tobytes())
    worse[k] = 100 * (both / alone - 1)
    print(f"k = {k:3}: {alone:7,} bytes zipped, {both:7,} packed and zipped, {worse[k]:+6.1f}%")
checks.compare_guess(guess_worse, round(worse[64], 1), unit="%")

# %% [markdown]
# zip looks for repeated *bytes*. If codes of 6 bits are packed, a byte holds parts of two codes,
# and the same sequence of codes looks different when it begins at another bit. Packing first does
# no harm in two cases: when nearly all codes are equal (here with few centres), and when codes do
# not cross bytes (2, 4 or 8 bits). A coder that knows the shares is better than both, with one
# exception that comes next. So **pack or compress**, not both.
#
# ### Below the bound?
#
# With 16 centres something strange happens. Compare the sizes with the bound, then shuffle the
# codes:

# %%
codes = dense[16].codes
shuffled = np.random.default_rng(0).permutation(codes.ravel())
print(f"bound, for both:           {ql.bound_bytes(codes):7,.0f} bytes")
for name, order in [("in order", codes), ("shuffled", shuffled)]:
    sizes = zipped(ql.pack(order, 4)), len(ql.entropy_encode(order))
    print(f"{name:12} zipped {sizes[0]:7,}, entropy-coded {sizes[1]:7,} bytes")
same = np.mean([np.all(row == row[0]) for row in codes])
print(f"{same:.0%} of the 300 rows of fc1 hold only one code")

# %% [markdown]
# In their original order, zip is *below* the bound. Shuffled, it is far above. The bound holds
# for coders that know how often each code occurs, but not where. Many neurons of `fc1` are empty,
# and zip sees that whole rows repeat. This is a hint for the smallest file: leave out completely
# what is empty.
#
# ## k-means or equal steps, in bytes
#
# In lesson 03 we compared at equal entropy, and k-means was worse than a uniform grid with a
# level at zero. Now we compare bytes. The k-means codes of `fc1` with 32 centres are
# entropy-coded, and the codebook is included. We look for the uniform grid that has at least the
# same SQNR. How many times fewer bytes does it take?

# %%
guess_fewer = None  # times fewer: write your number here

# %%
large = net.fc1.weight
found = {
    "k-means": [ql.kmeans_quantize(large, k) for k in (4, 8, 16, 32, 64)],
    "uniform": [ql.uniform_quantize(large, b, zero_point="int") for b in range(3, 10)],
}
quality = {name: [ql.sqnr_db(large, q) for q in each] for name, each in found.items()}
packed_size = {
    name: [q.payload_bytes + q.overhead_bytes for q in each] for name, each in found.items()
}
coded_size = {
    name: [len(ql.entropy_encode(q.codes)) + q.overhead_bytes for q in each]
    for name, each in found.items()
}

# %%
sides = {"packed": packed_size, "entropy-coded": coded_size}
panels = {
    title: {name: (size[name], quality[name]) for name in found} for title, size in sides.items()
}
axes = plots.panels(panels, xlabel="bytes of fc1, with overhead", ylabel="SQNR (dB)")
for ax in axes:
    ax.set_xscale("log")
pairs = zip(coded_size["uniform"], quality["uniform"], strict=True)
enough = min(size for size, sqnr in pairs if sqnr >= quality["k-means"][3])
checks.compare_guess(guess_fewer, round(coded_size["k-means"][3] / enough, 1), unit="times fewer")

# %% [markdown]
# With packed codes, k-means is better on this large tensor. With entropy coding, equal steps are
# better. k-means places its centres among the many weights near zero, so its codes carry more
# detail than they need. A uniform grid puts all these weights on one level, which then costs next
# to nothing. Gish and Pierce showed in 1968 that, for fine grids, one can hardly do better than
# equal steps and an entropy coder.
#
# ## The file
#
# Now we store the whole network. 8 centres cost some accuracy, so we take **16** for the weights
# of each layer, and leave biases and running statistics as float32.
#
# ### Exercise: predict the size of the file
#
# The network has 480,776 weights in 8 tensors (the scales of BatchNorm are among them) and 566
# other numbers. Each of the 8 tensors gets 16 centres and packed codes. How many bytes will the
# file have? A difference of up to 2% is fine, because names and shapes take some bytes, too.

# %% nbgrader={"grade": false, "grade_id": "file-size", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: file-size
# Replace `raise NotImplementedError` by a line that sets file_bytes to a number.
file_bytes = None
### BEGIN SOLUTION
file_bytes = 480_776 * 4 / 8 + 8 * 16 * 4 + 566 * 4
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-file-size", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: file-size
checks.answered("file-size", file_bytes)
### BEGIN HIDDEN TESTS
checks.check("file-size", file_bytes)
### END HIDDEN TESTS

# %%
sixteen = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 16), biases=None)
for coding in ("packed", "huffman", "entropy"):
    ql.save_quantized(sixteen, folder / coding, coding=coding)
    size[coding] = (folder / coding).stat().st_size
    ratio = size["float32"] / size[coding]
    print(f"{coding:8}{size[coding]:9,} bytes on disk, {ratio:6.1f} times smaller than float32")

# %% [markdown]
# This is the file size that the operating system reports, not a sum of bits. What is each byte
# used for? The **ledger** reads the file and counts.

# %%
ledger = ql.ledger(folder / "entropy")
print(ledger)
print("adds up to the size on disk:", ledger.file_bytes == size["entropy"])

# %%
ax = plots.ledger_bars(ledger)

# %% [markdown]
# `fc1.weight` was 98% of the network. Now it is less than half of the file, and we see the parts
# that were too small to count before: biases, BatchNorm, codebooks, the header. Its payload is
# below the bound, because the package uses the hint from above. It leaves out the rows and
# columns of a matrix that hold only the most frequent code, and notes in the table which ones
# these are. Some tensors have even grown:

# %%
for row in ledger.rows:
    if row.total_bytes > row.float32_bytes:
        print(f"{row.name}: {row.total_bytes} bytes, {row.float32_bytes} as float32")

# %% [markdown]
# Here 16 weights have 16 centres, so each weight has its own centre, and the codes come on top.
#
# The explorer shows the ledger of other files of this network. **Predict** before you choose: in
# which coding is `fc1` no longer the largest part? And is the entropy-coded file of 8 centres
# larger or smaller than the entropy-coded file of a uniform grid with 6 bits?

# %%
from quantlab_helpers import explorers

explorers.explore_storage(net)

# %% [markdown]
# ## Read it again
#
# Do not trust a file before you have read it. Load it, compare every tensor, and test the network
# that you loaded from the disk:

# %%
loaded = ql.load_quantized(folder / "entropy", device="cpu")
state, saved = loaded.net.state_dict(), sixteen.net.state_dict()
same = [torch.equal(state[name], saved[name]) for name in sixteen.tensors]
print(f"{sum(same)} of {len(same)} tensors are identical to the saved ones, bit by bit")
for name, network in [("float32", net), ("loaded", loaded.net)]:
    print(f"{name:8}{ql.evaluate(network).accuracy:.2%} of the test images right")

# %% [markdown]
# Every size has its accuracy. **Predict** where the three curves are before you look: packed
# uniform codes, packed k-means codes, entropy-coded k-means codes. The rings follow the sliders.

# %%
explorers.explore_tradeoff(net)

# %% [markdown]
# The file is many times smaller. Is the network that we load from it also faster? How many times
# as fast as the float32 network is it?

# %%
guess_speed = None  # write your number here

# %%
images = ql.load_mnist("test", limit=1000, device="cpu")


def seconds(network):
    start = time.perf_counter()
    ql.evaluate(network, images)
    return time.perf_counter() - start


turns = [(seconds(net), seconds(loaded.net)) for _ in range(3)]  # in turn, which is fairer
before, after = np.median(turns, axis=0)
print(f"{before:.3f} s and {after:.3f} s for 1,000 images, median of 3")
checks.compare_guess(guess_speed, round(before / after, 2), unit="times as fast")

# %% [markdown]
# It is as fast as before, apart from small differences caused by other programs on the machine.
# Loading has turned the codes into float32 again. The network is small on disk, but not faster in
# use. To be faster, a processor has to compute with the codes.
#
# ## Why is my file not smaller?
#
# You can now answer this question for any file:
#
# - It holds **dequantized** float32 numbers: store codes and a codebook.
# - Each code takes a **whole byte**: pack it, or better, entropy-code it.
# - The calculation left out the **overhead**: codebooks, ranges, tables, biases, BatchNorm, the
#   header.
# - It was packed *and* zipped, or Huffman's code met a code that needs less than a bit.
#
# You trust a size only if you have read it from the disk, and an accuracy only if you have tested
# the network that you loaded from there.
#
# **Next**: lesson 07 puts everything together and looks for the smallest file that still reads
# digits.
