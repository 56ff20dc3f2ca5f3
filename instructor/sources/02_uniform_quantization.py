# %% [markdown]
# # Uniform quantization
#
# After this notebook you can **predict** what b bits per weight cost, in error and in bytes, before
# you run anything. You can also say when the error is the wrong measure.
#
# *Needs*: lesson 00. *Takes*: 40 minutes, all on the CPU.

# %%
import io
import time

import matplotlib.pyplot as plt
import numpy as np
import torch

import quantlab_helpers as ql
from quantlab_helpers import checks, plots

# %%
net = ql.load_baseline(device="cpu")
test = ql.load_mnist("test", device="cpu")
weights = net.conv2.weight.detach().numpy()
print(f"conv2.weight: shape {weights.shape}, from {weights.min():.4f} to {weights.max():.4f}")

# %% [markdown]
# ## Levels
#
# A weight is a float32 number. Its 32 bits can represent about 4.3 billion different values. We
# want to write it with only b bits, so it may take only 2ᵇ values. These values are called
# **levels**. **Uniform quantization** spaces them equally. The first level is the smallest weight
# of the tensor, and the last level is exactly the largest weight. Level number *index* is
#
# $$W = \min + \text{step} \cdot \text{index}, \qquad
# \text{step} = \frac{\max - \min}{2^b - 1}, \qquad \text{index} = 0, 1, \dots, 2^b - 1$$
#
# ### Exercise: the levels


# %% nbgrader={"grade": false, "grade_id": "uniform-levels", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: uniform-levels
def uniform_levels(low, high, bits):
    """Return the 2**bits levels from low to high, ascending, in equal steps.

    low, high: the range of the weights, low <= high; bits: 1 to 16.
    Returns a list or array of 2**bits numbers, in the units of the weights.
    Example: uniform_levels(0.0, 3.0, 2) gives [0.0, 1.0, 2.0, 3.0].
    Hint: how many steps are there between 4 levels?
    """
    ### BEGIN SOLUTION
    step = (high - low) / (2**bits - 1)
    return low + step * np.arange(2**bits)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-uniform-levels", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: uniform-levels
checks.check("uniform-levels", uniform_levels)
### BEGIN HIDDEN TESTS
checks.check("uniform-levels", uniform_levels, seed=8201)
### END HIDDEN TESTS

# %% [markdown]
# From here on the notebook uses the package's own functions, so mistakes above do not affect the
# rest. `ql.uniform_quantize(weights, bits)` returns a `QuantizedTensor`. Its `codebook` contains
# the levels.

# %%
quantized = ql.uniform_quantize(weights, 2)
print("levels:", quantized.codebook, " step:", round(quantized.scale, 4))
ax = plots.weight_histogram(weights, quantized, title="conv2.weight and its levels at 2 bits")

# %% [markdown]
# The outer levels are at the two ends of the range, where there is hardly any weight. Nearly all
# weights are close to zero, where the grid has no level. Keep this picture in mind.
#
# ## Codes
#
# We do not store the level itself. We store its number, the index, and call it the **code**: an
# unsigned integer of b bits. To quantize means to find, for every weight, the code of the
# **nearest** level. A weight outside the range takes the first or the last code: it *saturates*.
#
# ### Exercise: from weights to codes


# %% nbgrader={"grade": false, "grade_id": "quantize-to-indices", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: quantize-to-indices
def quantize_to_indices(weights, low, high, bits):
    """Return the code of the nearest level for every weight.

    weights: float array of any shape; low, high: first and last level; bits: 1 to 16.
    Returns integers from 0 to 2**bits - 1, in the shape of the weights. Weights below low get
    code 0, weights above high the last code. Where low equals high, every code is 0.
    Example: quantize_to_indices(np.array([0.0, 1.2, 2.6, 5.0]), 0.0, 3.0, 2) gives [0, 1, 3, 3].
    Hint: how many steps from low is a weight? np.rint rounds, np.clip keeps inside a range.
    """
    ### BEGIN SOLUTION
    if low == high:
        return np.zeros(weights.shape, dtype=int)
    step = (high - low) / (2**bits - 1)
    codes = np.rint((weights - low) / step)
    return np.clip(codes, 0, 2**bits - 1).astype(int)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-quantize-to-indices", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# test: quantize-to-indices
checks.check("quantize-to-indices", quantize_to_indices)
### BEGIN HIDDEN TESTS
checks.check("quantize-to-indices", quantize_to_indices, seed=2605)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise: and back
#
# To compute with the network again, we turn the codes back into values. We **dequantize** them.


# %% nbgrader={"grade": false, "grade_id": "dequantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: dequantize
def dequantize(codes, low, high, bits):
    """Return the level of each code.

    codes: integer array of any shape, 0 to 2**bits - 1; low, high: first and last level.
    Returns floats in the shape of the codes.
    Example: dequantize(np.array([0, 1, 3]), -1.0, 2.0, 2) gives [-1.0, 0.0, 2.0].
    Hint: the formula at the top of this notebook.
    """
    ### BEGIN SOLUTION
    step = (high - low) / (2**bits - 1)
    return low + step * codes
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-dequantize", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: dequantize
checks.check("dequantize", dequantize)
### BEGIN HIDDEN TESTS
checks.check("dequantize", dequantize, seed=1913)
### END HIDDEN TESTS

# %% [markdown]
# Here we quantize and dequantize five weights of `conv2`, on its grid of 3 bits.

# %%
picked = np.sort(weights, axis=None)[[0, 10, 400, -10, -1]]
quantized = ql.uniform_quantize(picked, 3)  # the smallest and largest are among them: same grid
for weight, code, level in zip(picked, quantized.codes, quantized.dequantize(), strict=True):
    position = (weight - picked[0]) / quantized.scale  # in steps, from the first level
    print(f"{weight:+.4f} at {position:.3f} -> code {code}, level {level:+.4f}, ", end="")
    print(f"off by {abs(weight - level):.4f}")
print(f"step {quantized.scale:.4f}")

# %% [markdown]
# The code is the position on the grid, rounded. No weight moves by more than half a step.
#
# ### Exercise: a whole tensor
#
# Now quantize a whole tensor of any shape. Its own smallest and largest weight give the range. One
# of the inputs has as many weights as `fc1`: 470,400. The course lab's quantizers are slow because
# a Python loop visits every weight, so compute with whole arrays. The check does not measure time.
# It counts the lines of Python that your function runs, and stops it at 100,000. A loop over the
# levels is fine; a loop over the weights is not.


# %% nbgrader={"grade": false, "grade_id": "uniform-quantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: uniform-quantize
def uniform_quantize(weights, bits):
    """Return the weights, each replaced by the nearest of 2**bits levels from min to max.

    weights: float array of any shape, at least one number; it must not be changed.
    Returns floats in the same shape. Weights that are all equal come back as they are.
    Example: uniform_quantize(np.array([0.0, 0.2, 0.7, 1.0]), 1) gives [0.0, 0.0, 1.0, 1.0].
    Hint: what is the step of a tensor whose weights are all equal?
    """
    ### BEGIN SOLUTION
    low, high = weights.min(), weights.max()
    if low == high:
        return weights.copy()
    step = (high - low) / (2**bits - 1)
    return low + step * np.rint((weights - low) / step)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-uniform-quantize", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# test: uniform-quantize
checks.check("uniform-quantize", uniform_quantize)
### BEGIN HIDDEN TESTS
checks.check("uniform-quantize", uniform_quantize, seed=3377)
### END HIDDEN TESTS

# %% [markdown]
# ## The error has a bound
#
# ### Exercise: the largest error


# %% nbgrader={"grade": false, "grade_id": "error-bound", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: error-bound
def error_bound(low, high, bits):
    """Return the largest error that a weight from low to high can have.

    Returns one number, in the units of the weights.
    Example: error_bound(0.0, 3.0, 2) gives 0.5.
    Hint: which weight is furthest from its nearest level?
    """
    ### BEGIN SOLUTION
    return (high - low) / (2**bits - 1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-error-bound", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: error-bound
checks.check("error-bound", error_bound)
### BEGIN HIDDEN TESTS
checks.check("error-bound", error_bound, seed=5150)
### END HIDDEN TESTS

# %% [markdown]
# **Predict**: by what factor does the largest error shrink from 4 bits to 8 bits?

# %%
guess_factor = None  # write your number here

# %%
largest = {}
for bits in range(1, 9):
    quantized = ql.uniform_quantize(weights, bits)
    largest[bits] = float(np.abs(weights - quantized.dequantize()).max())
    bound, sqnr = ql.half_step_bound(quantized), ql.sqnr_db(weights, quantized)
    print(f"b = {bits}: bound {bound:.5f}, largest error {largest[bits]:.5f}, SQNR {sqnr:5.1f} dB")
checks.compare_guess(guess_factor, round(largest[4] / largest[8], 1), unit="times")

# %% [markdown]
# The largest error stays at its bound. The bound falls with 2ᵇ - 1, the number of steps. From 4 to
# 8 bits this number grows from 15 to 255, so the error becomes 17 times smaller. **SQNR**, the
# signal-to-quantization-noise ratio, compares all weights with all errors, in decibels. At 20 dB,
# the sum of the squared errors is a hundredth of the sum of the squared weights. At 0 dB, the two
# sums are equal. Each additional bit adds about 6 dB, once there are enough levels. With few levels
# the SQNR grows in jumps, and it may even be negative.
#
# ## The course lab's loop, and its mistakes
#
# The course lab goes through the tensor weight by weight. Here is such a loop, mistakes included.


# %%
def loop_quantize(weights, bits):
    step = (weights.max() - weights.min()) / (2**bits - 1)
    levels = [weights.min()]
    while len(levels) < 2**bits:
        levels.append(levels[-1] + step)
    levels = torch.stack(levels)
    flat = weights.view(-1)
    for place, weight in enumerate(flat):
        flat[place] = levels[(levels - weight).abs().argmin()]
    return levels


# %%
part = net.fc2.weight.detach()[0].clone()  # a small copy: the loop is slow
before = part.clone()
levels = loop_quantize(part, 8)
print(f"last level    {levels[-1]:.9f}\nlargest weight {before.max():.9f}")
print("the argument was changed:", not torch.equal(part, before))
constant = torch.full((3,), 0.25)
levels = loop_quantize(constant, 8)
print(f"a constant tensor: {len(levels)} levels, {len(levels.unique())} different value")
positions = (constant - constant.min()) / (levels[1] - levels[0])
print("its positions on the grid:", positions.tolist())

# %% [markdown]
# There are three mistakes. First, the loop **adds the step again and again**: after 255 rounded
# additions the last level misses the largest weight. Second, the function **writes into its
# argument**: the trained weights are gone, and the course lab has to train again before its next
# experiment. Third, a **constant tensor** has step 0, so a position on its grid is 0/0. The package
# computes each level from its code, works on a copy, and returns a constant tensor unchanged.
#
# ## The whole network: 8-bit weights, 1-bit biases
#
# The course lab now quantizes every convolution, batch normalisation and dense layer. Each tensor
# has its own range. Weights get 8 bits, biases get 1 bit.
#
# **Predict**: `fc1.weight` has 470,400 weights, and 8 bits can represent 256 values. How many
# different values will it have afterwards?

# %%
guess_unique = None  # write your number here

# %%
rounded = ql.quantize_model(
    net,
    weights=lambda w: ql.uniform_quantize(w, 8),
    biases=lambda b: ql.uniform_quantize(b, 1),
)
unique = {row.name: row.unique_after for row in rounded.report}
for row in rounded.report:
    if row.bits < 32:  # batch normalisation's running statistics stay float32
        print(f"{row.name:13}{row.unique_before:8,} different values -> {row.unique_after:3}")
checks.compare_guess(guess_unique, unique["fc1.weight"], unit="values")

# %%
before, after = ql.evaluate(net, test), ql.evaluate(rounded.net, test)
print(f"float32:                     {before.accuracy:.2%} of {before.total:,} test images")
print(f"8-bit weights, 1-bit biases: {after.accuracy:.2%}")

# %% [markdown]
# Each bias tensor has only two values left, and no layer's weights use all 256 levels. Yet the
# accuracy hardly changes: for the network, rounding is like a little more noise. The two editions
# of the course lab disagree here. One gains a little, the other loses a few percentage points. One
# run says little; lesson 04 repeats runs. But why are so few levels used?

# %%
fc1 = net.fc1.weight.detach().numpy()
quantized = rounded.tensors["fc1.weight"]
counts = np.bincount(quantized.codes.reshape(-1), minlength=256)
print(f"{np.mean(np.abs(fc1) < 0.001):.1%} of fc1's weights are within 0.001 of zero")
print(f"{counts.max() / counts.sum():.1%} of all of fc1's weights share one level")
print(f"{np.sum(counts == 0)} of the 256 levels have no weight")
ax = plots.weight_histogram(fc1, quantized, title="fc1.weight and its levels at 8 bits")

# %% [markdown]
# The upper row of strokes shows the levels in use, the lower row the unused ones. The L1 penalty
# pushed nearly all weights towards zero, and a few large weights stretch the range. Equal steps
# spend nearly all levels where there are few weights or none.
#
# ## Accuracy against bits
#
# Now we quantize weights *and* biases with 1 to 8 bits. To save time we use only the first 1,000
# test images, so one image is 0.1%.
#
# **Predict**: what is the smallest number of bits that still gets more than 90% right?

# %%
guess_bits = None  # write your number here

# %%
few = ql.Dataset(test.images[:1000], test.labels[:1000])
points = ql.bits_sweep(net, data=few, progress=False)
float32 = ql.evaluate(net, few).accuracy
ax = plots.accuracy_curve(points, xlabel="bits per weight and bias", baseline=float32)
print("  ".join(f"b = {point.value}: {point.accuracy:.1%}" for point in points))
enough = min(point.value for point in points if point.accuracy > 0.9)
checks.compare_guess(guess_bits, enough, unit="bits")

# %% [markdown]
# With few bits the network only guesses. With 8 bits it is nearly as accurate as before. In
# between, the curve does not simply rise: at one place, one bit *more* makes the network worse. So
# the number of bits is not everything. Two other things matter: the range, and zero.
#
# ## The range: one large weight makes all errors larger
#
# With 1 bit there are two levels, the ends of the range.

# %%
for name in ("conv2", "fc1"):
    tensor = getattr(net, name).weight.detach().numpy()
    quantized = ql.uniform_quantize(tensor, 1)
    size = np.abs(tensor).mean()
    print(f"{name}: mean |weight| {size:.4f}, its two levels {quantized.codebook}")

# %% [markdown]
# A weight near zero moves to one of the ends, which is many times its own size. This did no harm to
# the biases, because they are few and matter little here. For the weights it is fatal.
#
# More bits make the step smaller. But a single weight can make it larger again, for all weights. We
# enlarge **one** weight of `conv2` to 20 standard deviations and leave the others as they are.
#
# **Predict**: by how many dB does the SQNR of the *other* weights fall, at 4 bits?

# %%
guess_drop = None  # write your number here

# %%
planted = weights.copy()
planted.flat[0] = 20 * weights.std()


def others_sqnr(quantized):
    error = weights.flat[1:] - quantized.dequantize().flat[1:]
    return 10 * np.log10(np.sum(weights.flat[1:] ** 2) / np.sum(error**2))


# %%
cases = {
    "as trained": ql.uniform_quantize(weights, 4),
    "one outlier": ql.uniform_quantize(planted, 4),
    "clipped": ql.uniform_quantize(planted, 4, clip=99.9),
}
for name, quantized in cases.items():
    used, sqnr = ql.unique_count(quantized), others_sqnr(quantized)
    last = quantized.codebook[-1]
    print(f"{name:12} {used:2} of 16 levels used, last level {last:.3f}, SQNR {sqnr:.1f} dB")
drop = float(others_sqnr(cases["as trained"]) - others_sqnr(cases["one outlier"]))
checks.compare_guess(guess_drop, round(drop, 1), unit="dB")

# %% [markdown]
# One weight in 2,304 makes the step wider for all of them: min and max are **not** a safe range.
# Clipping (here to the central 99.9% of the weights) makes the step small again for the others.
# This has a price. Weights outside the clipped range saturate, and their error can be larger than
# half a step. Whether clipping helps depends on how important the outlier is for the network.
#
# Now move the outlier yourself. The weights below are drawn from a bell curve, except for one.
# **Predict** first: with the outlier at 40 standard deviations and 4 bits, how many of the 16
# levels are left for the other 2,303 weights? And which of the two remedies in the menu gives the
# others a finer step? (The buttons do the same as the slider, one step at a time.)

# %%
from quantlab_helpers import explorers

explorers.explore_outlier()

# %% [markdown]
# ## Zero is not a level
#
# L1 leaves weights near zero, but none exactly at zero. Suppose that we set all weights within
# 0.001 of zero to exactly 0. Then they need no multiplication, and they compress well. After that
# we apply the 8-bit grid.
#
# **Predict**: of those exact zeros, how many are still exactly 0 afterwards?

# %%
guess_zeros = None  # write your number here

# %%
zeroed = np.where(np.abs(fc1) < 0.001, np.float32(0), fc1)
print(f"exact zeros before:        {np.sum(zeroed == 0):,} of {zeroed.size:,}")
quantized = ql.uniform_quantize(zeroed, 8)
kept = int(np.sum(quantized.dequantize() == 0))
nearest = np.abs(quantized.codebook).min()
print(f"exact zeros on the grid:   {kept:,}; the level nearest to 0 is {nearest:.6f} away")
checks.compare_guess(guess_zeros, kept, unit="zeros")

# %% [markdown]
# A grid from min to max usually has no level at zero. Every zero becomes the same small number.
# There are so many of these numbers that together they are not small. With fewer bits the number is
# larger:

# %%
for bits in (2, 3, 4, 5, 6, 8):
    levels = ql.uniform_quantize(fc1, bits).codebook
    print(f"{bits} bits: the level nearest to 0 is {levels[np.abs(levels).argmin()]:+.5f}")

# %% [markdown]
# The distance from 0 to the nearest level, and its sign, depend on chance.
#
# **Two grids.** Write a level as `(code - zero_point) * scale`, where `scale` is the step. On the
# course lab's grid the zero point is `-min/step`, a **floating-point** number. If we round it to an
# **integer**, one code means exactly 0. The quantizers of torch and ONNX use this grid. The ends of
# the range then move by up to half a step.

# %%
for zero_point in ("float", "int"):
    quantized = ql.uniform_quantize(zeroed, 8, zero_point=zero_point)
    ends = quantized.codebook[[0, -1]]
    kept = np.sum(quantized.dequantize() == 0)
    print(
        f"{zero_point:5} zero point {quantized.zero_point:8.4f}, {kept:7,} exact zeros, ends {ends}"
    )

# %% [markdown]
# The integer zero point keeps every zero, and it rounds a few more small weights to zero.
#
# There is also a remedy for the range: **per channel** quantization. Every output channel (here:
# every filter or neuron) gets its own grid, so one large weight harms only one channel. The cost is
# two numbers for each channel instead of two for the tensor. We compare the three grids on all
# weights of the trained network. Here the biases stay float32.

# %%
grids = {
    "min to max": {},
    "zero is a level": {"zero_point": "int"},
    "min to max, per channel": {"granularity": "per_channel"},
}


def quantized_net(bits, **options):
    return ql.quantize_model(
        net, weights=lambda w: ql.uniform_quantize(w, bits, **options), biases=None
    )


# %%
for name, options in grids.items():
    small = [quantized_net(bits, **options) for bits in (3, 4, 5, 8)]
    shares = "  ".join(f"{ql.evaluate(each.net, few).accuracy:6.1%}" for each in small)
    print(f"{name:24} 3, 4, 5, 8 bits: {shares}   bytes at 4 bits: {small[1].total_bytes:,}")

# %% [markdown]
# Compare the first two rows. They have the same number of bits and the same bytes. The grid has
# only moved by a fraction of a step, so that one level is exactly 0. The first network failed at 3
# and 4 bits; the second one reads digits again. The jumps of the curve above are gone. Per channel
# helps, too. Here it helps less, and it costs slightly more bytes.
#
# The next explorer shows all of this in one picture. The weights are at the top, and the rounded
# weights are below. **Predict** before you move a slider: which layer has the most levels that no
# weight uses? Do biases of 1 bit hurt once zero is a level? Where is the SQNR low and the accuracy
# high? You first see the accuracy on 1,000 test images, every tenth one. When the sliders rest, the
# accuracy on all 10,000 follows.

# %%
explorers.explore_uniform(net)

# %% [markdown]
# ## Low error, high accuracy?
#
# So far we assumed that a small error in the weights means a good network. Let us damage
# `fc2.weight` in two ways. (a) We replace every weight by the **mean** of the weights, which
# destroys the layer. (b) We use a 2-bit grid from min to max. Its SQNR is even lower, so its error
# is *larger*.
#
# **Predict**: what percentage of the digits does the network with (b) read correctly?

# %%
guess_share = None  # write your number here

# %%
wiped = ql.load_baseline(device="cpu")
wiped.fc2.weight.data.fill_(net.fc2.weight.mean())
coarse = ql.quantize_model(net, weights={"fc2": lambda w: ql.uniform_quantize(w, 2)}, biases=None)
sqnr = {row.name: row.sqnr_db for row in coarse.report}["fc2.weight"]
fc2 = net.fc2.weight.detach().numpy()
mean_sqnr = 10 * np.log10(np.sum(fc2**2) / np.sum((fc2 - fc2.mean()) ** 2))
share_mean, share = ql.evaluate(wiped, few).accuracy, ql.evaluate(coarse.net, few).accuracy
print(f"(a) mean    SQNR {mean_sqnr:5.1f} dB   accuracy {share_mean:.1%}")
print(f"(b) 2 bits  SQNR {sqnr:5.1f} dB   accuracy {share:.1%}")
checks.compare_guess(guess_share, round(100 * share, 1), unit="%")

# %% [markdown]
# The network with the larger error is far better. Is it the same when we compare layers? We
# quantize one convolution or dense layer at a time: its weights get 2 bits, all other layers stay
# as they are.

# %%
alone = ql.sensitivity(net, values=[2], data=few, progress=False)
rows = {row.name: row.sqnr_db for row in quantized_net(2).report}
_, ax = plt.subplots(layout="constrained")
for point in (point for point in alone if not point.layer.startswith("bn")):
    place = rows[f"{point.layer}.weight"], 100 * point.accuracy
    ax.plot(*place, "o", color=plots.BARS)
    ax.annotate(point.layer, place, xytext=(6, -12), textcoords="offset points")
ax.set(xlabel="SQNR of the layer's weights (dB)", ylabel="test accuracy (%)", ylim=(0, 105))
ax.set_title("One layer at a time on 2 bits")
ax.margins(x=0.15)

# %% [markdown]
# If the error decided, the points would rise from left to right. But `fc2` has a far larger error
# than `conv1`, and it hurts the network much less. The sum of squared errors treats all weights
# alike; the network does not. **Measure the accuracy**, and use the error to understand your
# measurement.
#
# ## Bytes
#
# To store a tensor on a uniform grid, you need its codes, packed without gaps into whole bytes.
# This is the **payload**. You also need min and max as two float32 numbers, 4 bytes each. This is
# the **overhead**.
#
# ### Exercise: the cost in bytes


# %% nbgrader={"grade": false, "grade_id": "cost-in-bytes", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: cost-in-bytes
def cost_in_bytes(count, bits):
    """Return the bytes that a tensor takes on a uniform grid, payload and overhead together.

    count: number of weights; bits: bits per code, 1 to 16. Returns a whole number.
    Example: cost_in_bytes(10, 3) gives 12: 30 bits fill 4 bytes, and min and max take 8.
    Hint: what happens to bits that do not fill a whole byte?
    """
    ### BEGIN SOLUTION
    return -(-count * bits // 8) + 8
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-cost-in-bytes", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: cost-in-bytes
checks.check("cost-in-bytes", cost_in_bytes)
### BEGIN HIDDEN TESTS
checks.check("cost-in-bytes", cost_in_bytes, seed=7092)
### END HIDDEN TESTS

# %%
for name in ("fc1.weight", "conv1.bias"):
    tensor = net.state_dict()[name]
    for bits in (8, 4, 1):
        quantized = ql.uniform_quantize(tensor, bits)
        size = quantized.payload_bytes + quantized.overhead_bytes
        ratio = 4 * tensor.numel() / size
        print(f"{name:10} b = {bits}: {size:9,} bytes, {ratio:5.2f} times smaller than float32")
before, after = ql.float32_bytes(net), rounded.total_bytes
print(f"whole network, 8-bit weights, 1-bit biases: {before:,} -> {after:,} bytes")

# %% [markdown]
# A weight starts with **32** bits, and a code takes b bits. So 8 bits are a quarter of the size,
# and 1 bit is a thirty-second. The overhead comes on top, and it matters for small tensors. The
# course lab computes its saving from the bits alone, and it says that 1 bit takes half the space of
# 8 bits. Count for yourself: it is an eighth.
#
# ## What has been saved so far?
#
# **Predict**: we save the float32 network with `torch.save`, and then the network with 8-bit
# weights and 1-bit biases. By how many percent is the second file smaller?

# %%
guess_smaller = None  # write your number here


# %%
def file_size(network):
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    return file.getbuffer().nbytes


before, after = file_size(net), file_size(rounded.net)
print(f"file before: {before:,} bytes, after: {after:,} bytes; ", end="")
print("weights are", rounded.net.fc1.weight.dtype)
checks.compare_guess(guess_smaller, 100 * (before - after) // before, unit="%")

# %% [markdown]
# Nothing is saved. The quantized network holds *dequantized* values: only a few different ones, but
# each still takes 32 bits. Such weights are called **fake-quantized**. They show how accurate the
# network will be. To save bytes, we have to store the codes and the range instead, as
# `rounded.tensors` does.
#
# **Predict**: how many times as fast as the float32 network is the quantized one?

# %%
guess_speed = None  # write your number here


# %%
def seconds(network):
    start = time.perf_counter()
    ql.evaluate(network, few)
    return time.perf_counter() - start


pairs = [(seconds(net), seconds(rounded.net)) for _ in range(3)]  # taking turns is fairer
before, after = np.median(pairs, axis=0)
print(f"{before:.3f} s and {after:.3f} s for {len(few.labels):,} images, median of 3")
checks.compare_guess(guess_speed, round(before / after, 2), unit="times as fast")

# %% [markdown]
# It is about as fast as before. The small difference comes from the other work of your machine. The
# same multiplications run on the same float32 numbers. Fewer bits are faster only where a processor
# computes with the codes themselves.
#
# ## The promise
#
# What do b bits per weight cost? You can now answer before you run anything:
#
# - **error**: at most half a step, (max - min)/(2ᵇ - 1)/2, inside the range; about 6 dB of SQNR for
#   every bit, once there are enough levels;
# - **bytes**: n·b/8, rounded up, plus 8 for min and max, but only if the codes are stored;
# - **accuracy**: you have to measure it. It depends on the range, on whether zero is a level, and
#   on the layer, more than on the error.
#
# Equal steps waste levels where there are no weights. In lesson 03 the levels follow the weights:
# k-means.
