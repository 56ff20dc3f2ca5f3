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
from quantlab_helpers import checks, plots, plots_coding, plots_kmeans, plots_storage

net = ql.load_baseline(device="cpu")

# %% [markdown]
# ## Why is my file not smaller?
#
# You replace the weights of every layer by 8 centres. 3 bits are enough to tell 8 centres apart,
# and a float32 has 32. You save the network. How many times smaller will the file be?

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
    print(f"{name:10} {size[name]:,} bytes, {values:7,} different weights in fc1")
checks.compare_guess(guess_smaller, size["float32"] / size["8 centres"], unit="times smaller")

# %% [markdown]
# Not a byte smaller. Quantizing changed *which* numbers the tensors hold, not *how* they are
# written: `fc1.weight` has 8 different values left, and each of its 470,400 entries spells one of
# them out in 32 bits. Such a file holds **dequantized** weights. `torch.save` does the same.
#
# A file becomes smaller only when something else is written into it: for each weight the number of
# its centre, the **code**; and once, the centres themselves, the **codebook**.

# %%
fc1 = eight.tensors["fc1.weight"]
print(f"float32: {4 * fc1.codes.size:,} bytes")
print(f"codes:   {fc1.codes.nbytes:,} bytes as {fc1.codes.dtype}, from 0 to {fc1.codes.max()}")

# %% [markdown]
# 4 times smaller, where 32 bits against 3 promise more than 10. numpy has no integer of 3 bits. Its
# smallest is a whole byte, of which these codes leave 5 bits empty.
#
# ## Packing
#
# So we put the codes side by side, without gaps, and cut the row of bits into bytes afterwards. A
# code may then begin in one byte and end in the next. Here are 6 codes of 3 bits. The lowest bit of
# each code comes first, and the first bit of a byte is its lowest: byte 0 below is 1 + 4 + 8 + 64 +
# 128.

# %%
ax = plots_coding.packed_bits([5, 1, 7, 2, 0, 3], 3)

# %% [markdown]
# The last byte is filled up with zeros, in grey.
#
# ### Exercise: pack


# %% nbgrader={"grade": false, "grade_id": "pack", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: pack
def pack(codes, bits):
    """Return the codes as bytes, `bits` bits each, without gaps, lowest bit first.

    codes: array of uint8 or uint16, any shape, each code below 2**bits; bits: 1 to 16.
    Returns: bytes (or a list or array of numbers from 0 to 255), as few as hold all the bits.
    Example: pack(np.array([1, 2, 3], np.uint8), 3) gives bytes([209, 0]); 209 is 0b11010001, where
    you read 1 = 001, 2 = 010 and two bits of 3 = 011 from the right.
    Hint: (codes >> j) & 1 is bit j of every code; np.packbits(..., bitorder="little") makes a byte
    of every eight bits, the first one lowest, and fills the last byte up.
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
# From here on we use the package's own functions, so a slip above spoils nothing below. The way
# back needs to know how many codes there are, because the zeros that fill the last byte look like
# codes too.

# %%
packed = ql.pack(fc1.codes, 3)
back = ql.unpack(packed, 3, count=fc1.codes.size).reshape(fc1.codes.shape)
print(f"packed: {len(packed):,} bytes, {4 * fc1.codes.size / len(packed):.2f} times smaller")
print("the same codes again:", np.array_equal(back, fc1.codes))

# %% [markdown]
# ## What comes on top
#
# Codes alone are no weights. A uniform grid needs its two ends, min and max; k-means needs its
# codebook. Both are float32 numbers.
#
# ### Exercise: 1 bit in place of 8
#
# The course lab rounds biases to 1 bit, and reckons that they then take half of what they take with
# 8 bits. Its sum starts at 8 bits, as if weights came in bytes, and leaves out min and max. Do it
# right for the 16 biases of `conv1`, on a uniform grid: how many bytes do they take as float32,
# with packed codes of 8 bits, and with packed codes of 1 bit, min and max included where they are
# needed?

# %% nbgrader={"grade": false, "grade_id": "lab-storage", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: lab-storage
# In place of `raise NotImplementedError`, write three lines that set
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
# The codes shrink to an eighth and the range does not shrink at all: on a tensor this small it
# costs more than 1-bit codes do.
#
# ### Exercise: how many times smaller?
#
# With k centres the overhead is k float32 numbers. Set the bits of a float32 tensor against the
# bits of its codes and its codebook.


# %% nbgrader={"grade": false, "grade_id": "compression-ratio", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: compression-ratio
def compression_ratio(count, k):
    """Return how many times smaller than float32 a tensor with k centres is.

    count: number of weights; k: number of centres, at least 1. A code has a whole number of bits,
    at least 1; a centre is a float32. Count in bits; do not round up to whole bytes.
    Example: compression_ratio(16, 4) gives 3.2, from 16 * 32 = 512 bits and 16 * 2 + 4 * 32 = 160.
    Hint: lesson 03 asked how many bits k centres need.
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
# Deep Compression (Han, Mao and Dally 2015, arXiv 1510.00149) writes it as equation 1, $n \cdot 32
# / (n \log_2 k + 32\, k)$; the example above is theirs, too.
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
ax = plots_kmeans.curves(lines, xlabel="centres (k)", ylabel="times smaller than float32")
ax.axhline(1, color=plots.LEVELS, lw=1)
ticks = 2 ** np.arange(1, 9)
ax.set(xscale="log", yscale="log", yticks=[1, 2, 5, 10, 20], yticklabels=[1, 2, 5, 10, 20])
ax.set_xticks(ticks, ticks)
ax.minorticks_off()
first = next(k for k in range(256, 401) if times_smaller(net.conv1.weight, k) < 1)
checks.compare_guess(guess_k, first, unit="centres")

# %% [markdown]
# Only `fc1` follows 32 / bits. With 256 centres `conv1` is hardly smaller than it was, although its
# codes have 8 bits; the 16 scales of `bn1` are larger as soon as each has a centre of its own.
# Below the line at 1 the codebook holds nearly a number per weight, and the codes come on top.
#
# ## Some codes are more frequent than others
#
# Packing gives every code the same width. Look how often each is used, in `conv3` and in `fc1`:

# %%
conv3 = eight.tensors["conv3.weight"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3), layout="constrained")
for ax, name, quantized in zip(axes, ("conv3", "fc1"), (conv3, fc1), strict=True):
    count = np.bincount(quantized.codes.ravel(), minlength=8)
    bars = ax.bar(range(8), count, color=plots.BARS)
    ax.bar_label(bars, [f"{number:,}" for number in count], fontsize=9)
    ax.set(xlabel="code", ylabel="weights that have it", title=f"{name}.weight")
    ax.margins(y=0.12)
    ax.yaxis.set_major_formatter("{x:,.0f}")

# %% [markdown]
# The L1 penalty has pushed most weights towards zero, and one centre stands for all of those. A
# message in which one sign is so frequent says little; telegraphers gave the letter E one dot and Q
# four signs. A code with the share $p$ of all codes deserves $\log_2 (1/p)$ bits: half of all, one
# bit; a quarter, two. The mean of that is the **entropy**, in bits per code:
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
    Hint: what does a code cost that never occurs?
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
# Number of codes times entropy is the **bound**. Packed at 3 bits, the codes of `fc1` take 176,400
# bytes. How many bytes is their bound?

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
# How does one write such a file? Huffman (1952) gives each code a **codeword** of its own length: a
# short one to a frequent code. It is found from the rare end. Every code starts as a group of its
# own; then, again and again, the two groups with the smallest counts become one. A code's codeword
# is as long as the number of times its group was merged.
#
# ### Exercise: one step


# %% nbgrader={"grade": false, "grade_id": "huffman-step", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: huffman-step
def merge_rarest(groups):
    """Return the groups after one step: the two with the smallest counts have become one.

    groups: dict from the codes of a group, as a text of digits, to how often they occur; at least
    two groups. It must not be changed.
    Returns: a new dict. The merged group's name is both names together, in either order, and its
    count is their sum. Where several groups share the smallest counts, any of them will do.
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
# The merges form a tree. Here is the one for 8 centres on `conv1`. Each box is a code with its
# count; the way down to it, 0 for left and 1 for right, is its codeword. No codeword is the
# beginning of another one, so they can stand in a row without marks between them.

# %%
conv1 = eight.tensors["conv1.weight"]
counts = np.bincount(conv1.codes.ravel())
words = ql.huffman_codewords(ql.huffman_lengths(counts))
ax = plots_coding.huffman_tree(counts, words)
total = sum(count * len(word) for count, word in zip(counts, words, strict=True))
each = ql.entropy_bits(conv1.codes)
print(f"{total / counts.sum():.3f} bits per code; packed 3, entropy {each:.3f}")

# %% [markdown]
# Close to the entropy. How many times smaller than packed will Huffman's code make `fc1`, whose
# bound is so far below 3 bits?

# %%
guess_huffman = None  # times smaller than packed: write your number here

# %%
huffman = ql.huffman_encode(fc1.codes)
each = 8 * len(huffman.payload) / fc1.codes.size
print("lengths of the codewords:", huffman.lengths.tolist())
print(f"{len(huffman.payload):,} bytes, {each:.4f} bits per code")
checks.compare_guess(guess_huffman, len(packed) / len(huffman.payload), unit="times")

# %% [markdown]
# The shortest codeword has **one bit**, and 470,400 codes take at least as many. The frequent code
# deserves a small fraction of a bit, but half a codeword does not exist.
#
# ## Less than a bit
#
# What can take less is a message as a whole. Three equally frequent codes have an entropy of 1.585
# bits and take 2 when packed. But five such codes can be written as **one** number below $3^5 =
# 243$, which fits into a byte:

# %%
few = [2, 0, 1, 1, 2]
number = sum(code * 3**place for place, code in enumerate(few))
again = [number // 3**place % 3 for place in range(5)]
print(f"{few} -> {number} -> {again}: 8 bits for 5 codes, {8 / 5} bits per code")

# %% [markdown]
# Every code multiplies the number by 3, which costs $\log_2 3$ bits, and nothing is rounded up
# until the end. An **entropy coder** does this for unequal shares: a code with the share $p$
# multiplies the number by about $1/p$. (Arithmetic coding is one way, and asymmetric numeral
# systems another one, which we use.) A reader needs the shares, so a table of counts goes first.

# %%
encoded = ql.entropy_encode(fc1.codes)
back = ql.entropy_decode(encoded, count=fc1.codes.size, k=8)
print("the same codes again:", np.array_equal(back, fc1.codes.ravel()))
bound = ql.bound_bytes(fc1.codes)
print(f"{len(encoded):,} bytes with the table; the bound is {bound:,.1f}")

# %% [markdown]
# ## Side by side
#
# Here are all of them, and `zlib`, which is what zip does, at its strongest. The codebook of 32
# bytes is left out, and so are the lengths of Huffman's codewords. Equal distances are equal
# factors.


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
    plots_coding.sizes(all_sizes(quantized, weights), bound=bound, title=title)

# %% [markdown]
# Trained float32 weights hardly shrink under zip, as the course lab says: their last bits are
# noise. Dequantized ones shrink a lot, because whole values repeat, but never so far as their
# codes. On `conv3` Huffman is somewhat above the bound; on `fc1` it is far above, and only the
# entropy coder comes near.
#
# ### Pack *and* compress?
#
# Small codes, packed, then zipped: twice smaller must be better. Take 64 centres on `fc1`. By how
# many per cent is *packed and zipped* larger than *a byte per code, zipped* (negative: smaller)?

# %%
guess_worse = None  # per cent: write your number here

# %%
dense = {k: ql.kmeans_quantize(net.fc1.weight, k) for k in (4, 8, 16, 32, 64, 256)}
worse = {}
for k, quantized in dense.items():
    both = zipped(ql.pack(quantized.codes, quantized.bits))
    alone = zipped(quantized.codes.tobytes())
    worse[k] = 100 * (both / alone - 1)
    print(f"k = {k:3}: {alone:7,} bytes zipped, {both:7,} packed and zipped, {worse[k]:+6.1f} %")
checks.compare_guess(guess_worse, round(worse[64], 1), unit="%")

# %% [markdown]
# zip looks for repeated *bytes*. In codes of 6 bits, packed, a byte holds parts of two codes, and
# the same run of codes looks different wherever it begins at another bit. Only where nearly all
# codes are alike, with few centres here, or where codes do not cross bytes (2, 4 or 8 bits) does
# packing first do no harm. And a coder that knows the shares does better than both, but for one
# case that comes next: **pack or compress**.
#
# ### Below the bound?
#
# With 16 centres something odd happens. Compare with the bound, then shuffle the codes:

# %%
codes = dense[16].codes
shuffled = np.random.default_rng(0).permutation(codes.ravel())
print(f"bound, for both:           {ql.bound_bytes(codes):7,.0f} bytes")
for name, order in [("as they come", codes), ("shuffled", shuffled)]:
    sizes = zipped(ql.pack(order, 4)), len(ql.entropy_encode(order))
    print(f"{name:12} zipped {sizes[0]:7,}, entropy-coded {sizes[1]:7,} bytes")
same = np.mean([np.all(row == row[0]) for row in codes])
print(f"{same:.0%} of the 300 rows of fc1 hold one code only")

# %% [markdown]
# As they come, zip is *below* the bound; shuffled, far above it. The bound holds for coders that
# know how often codes occur, not where. Many neurons of `fc1` are empty, and zip sees whole rows
# repeat. That is a hint for whoever wants the smallest file: leave out what is empty altogether.
#
# ## k-means or equal steps, in bytes
#
# Lesson 03 held the entropy equal, and k-means fell behind a uniform grid with a level at zero.
# Here are the bytes. The k-means codes of `fc1` with 32 centres are entropy-coded, codebook
# included. We look for the uniform grid that is at least as good in SQNR. How many times fewer
# bytes does it take?

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
axes = plots_kmeans.panels(panels, xlabel="bytes of fc1, with overhead", ylabel="SQNR (dB)")
for ax in axes:
    ax.set_xscale("log")
pairs = zip(coded_size["uniform"], quality["uniform"], strict=True)
enough = min(size for size, sqnr in pairs if sqnr >= quality["k-means"][3])
checks.compare_guess(guess_fewer, round(coded_size["k-means"][3] / enough, 1), unit="times fewer")

# %% [markdown]
# Packed, k-means is ahead on this large tensor. Entropy-coded, equal steps are: k-means spreads its
# centres over the crowd near zero, so that its codes say more than they need to; a grid leaves the
# crowd on one level, which then costs next to nothing. Gish and Pierce showed in 1968 that for fine
# grids little can be gained on equal steps and an entropy coder.
#
# ## The file
#
# Now the whole network. 8 centres cost some accuracy; we take **16** for the weights of each layer,
# and leave biases and running statistics float32.
#
# ### Exercise: predict the size of the file
#
# The network has 480,776 weights in 8 tensors (BatchNorm's scales are among them) and 566 other
# numbers. Each of the 8 tensors gets 16 centres and packed codes. How many bytes will the file
# have? 2 % more or less are as good: names and shapes take some bytes, too.

# %% nbgrader={"grade": false, "grade_id": "file-size", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: file-size
# In place of `raise NotImplementedError`, set file_bytes to a number.
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
# This is what the operating system calls the size of the file, not a sum of bits. Where does each
# byte go? The **ledger** reads the file and counts.

# %%
ledger = ql.ledger(folder / "entropy")
print(ledger)
print("adds up to the size on disk:", ledger.file_bytes == size["entropy"])

# %%
ax = plots_storage.ledger_bars(ledger)

# %% [markdown]
# `fc1.weight` was 98 % of the network. Now it is less than half of the file, and what nobody
# counted comes into view: biases, BatchNorm, codebooks, the header. Its payload is below the bound,
# because the package takes the hint from above: it leaves out the rows and columns of a matrix that
# hold nothing but the commonest code, and writes down which ones in the table. Some tensors have
# even grown:

# %%
for row in ledger.rows:
    if row.total_bytes > row.float32_bytes:
        print(f"{row.name}: {row.total_bytes} bytes, {row.float32_bytes} as float32")

# %% [markdown]
# 16 weights with 16 centres each have their own, and the codes come on top.
#
# Here is the ledger of other files of this network. **Predict** before you choose: in which coding
# is `fc1` no longer the largest part? And is the entropy-coded file of 8 centres larger or smaller
# than that of a uniform grid with 8 bits?

# %%
from quantlab_helpers import explorers

explorers.explore_storage(net)

# %% [markdown]
# ## Read it again
#
# A file that nobody has read is a hope. Load it, compare every tensor, and test the network that
# came off the disk:

# %%
loaded = ql.load_quantized(folder / "entropy", device="cpu")
state, saved = loaded.net.state_dict(), sixteen.net.state_dict()
same = [torch.equal(state[name], saved[name]) for name in sixteen.tensors]
print(f"{sum(same)} of {len(same)} tensors are bit for bit what was saved")
for name, network in [("float32", net), ("loaded", loaded.net)]:
    print(f"{name:8}{ql.evaluate(network).accuracy:.2%} of the test images right")

# %% [markdown]
# Every size has its accuracy. **Predict** where the three curves lie before you look: packed
# uniform codes, packed k-means codes, entropy-coded k-means codes. The rings follow the sliders.

# %%
explorers.explore_tradeoff(net)

# %% [markdown]
# The file is many times smaller. How many times as fast as the float32 network is the network that
# was loaded from it?

# %%
guess_speed = None  # write your number here

# %%
images = ql.load_mnist("test", limit=1000, device="cpu")


def seconds(network):
    start = time.perf_counter()
    ql.evaluate(network, images)
    return time.perf_counter() - start


turns = [(seconds(net), seconds(loaded.net)) for _ in range(3)]  # taking turns is fairer
before, after = np.median(turns, axis=0)
print(f"{before:.3f} s and {after:.3f} s for 1,000 images, median of 3")
checks.compare_guess(guess_speed, round(before / after, 2), unit="times as fast")

# %% [markdown]
# As fast as before, up to what else the machine is doing: loading has turned the codes into float32
# again. Small on disk, not faster in use. For that, a processor has to compute with the codes.
#
# ## Why is my file not smaller?
#
# You can now answer for any file:
#
# - it holds **dequantized** float32 numbers: store codes and codebook;
# - each code takes a **whole byte**: pack it, or better, entropy-code it;
# - the **overhead** is counted out: codebooks, ranges, tables, biases, BatchNorm, the header;
# - it was packed *and* zipped, or Huffman met a code that deserves less than a bit.
#
# And you trust a size only when you have asked the disk for it, and an accuracy only when the
# network was read from there.
#
# **Next**: lesson 07 puts everything together and looks for the smallest file that still reads
# digits.
