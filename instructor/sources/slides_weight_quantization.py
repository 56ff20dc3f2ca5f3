# %% slideshow={"slide_type": "skip"}
import zlib

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

import quantlab_helpers as ql
from quantlab_helpers import explorers, plots

plt.rcParams.update({"figure.figsize": (11.5, 4.6), "figure.dpi": 100, "font.size": 17})
net = ql.load_baseline(device="cpu")
test = ql.load_mnist("test", device="cpu")
float32 = ql.evaluate(net, test).accuracy
original = ql.float32_bytes(net)
tensors = {name: value.detach().numpy() for name, value in net.named_parameters()}
conv2, fc1 = tensors["conv2.weight"], tensors["fc1.weight"]

# %% [markdown] slideshow={"slide_type": "slide"}
# # How few bits does a weight need?
#
# A lecture on weight quantization, with a network that reads digits
#
# The cells behind these slides compute every number and figure.

# %%
ax = plt.subplots(figsize=(11.5, 3.9), layout="constrained")[1]
title = f"{conv2.size:,} weights and the 8 values that replace them"
_ = plots.weight_histogram(conv2, ql.kmeans_quantize(conv2, 8), title=title, ax=ax)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:01.** Before the lecture: Run All Cells, then click into this slide and choose
# Start Deck. Zoom the browser until people in the back row can read. If you have no kernel, open
# the exported slides. They have the same demos with one slider each. The audience makes a guess
# seven times, mostly before a demo. Let them raise hands before you touch the slider: people
# remember the guesses that were wrong.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## After this lecture you can
#
# - **predict** the error and the bytes of a weight stored with b bits, without running anything
# - **explain** why zero should be a level, and what one outlier costs
# - **run** k-means by hand, and say when it beats equal steps
# - **distinguish** a network that *computes* with few values from one that is *stored* in few
#   bits
# - **retrain** a quantized network without leaving its grid

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:02.** These are also the lessons 02 to 05 of the lab. Say which of them are
# homework.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A network is its weights

# %%
layers = {n: t.size for n, t in tensors.items() if n.endswith("weight") and t.ndim > 1}
_, ax = plt.subplots(figsize=(11.5, 3.6), layout="constrained")
bars = ax.barh(list(layers), list(layers.values()), color=plots.BARS)
ax.bar_label(bars, [f"{n:,}" for n in layers.values()], padding=6)
ax.set(xlabel="number of weights", xlim=(0, 1.2 * max(layers.values())))
ax.invert_yaxis()
ax.xaxis.set_major_formatter("{x:,.0f}")

# %%
total = sum(value.size for value in tensors.values())
Markdown(
    f"The network has {total:,} numbers of 32 bits each: **{original:,} bytes**. One layer has "
    f"{fc1.size / total:.0%} of the numbers."
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:04.** The network has three convolutions, each with batch normalization, and
# then two dense layers. The picture is typical. AlexNet takes 240 MB, and nearly all of it is
# weights of dense layers. Weights have to be downloaded, kept in memory, and fetched for every
# image. Fetching them costs more energy than multiplying.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The task: handwritten digits

# %%
_ = plots.digits(test.images, test.labels, axes=plt.subplots(1, 10, figsize=(11.5, 1.6))[1])

# %%
Markdown(
    f"MNIST: 60,000 training images, {len(test.labels):,} test images, 28 × 28 grey values.\n\n"
    f"The trained float32 network reads **{float32:.2%}** of the test images correctly: "
    f"all but {round((1 - float32) * len(test.labels))}."
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:05.** Census workers and high-school students wrote these digits. All
# accuracies that follow are on these test images unless the slide says otherwise. Chance alone
# moves an accuracy near 98% by about 0.14 percentage points (one standard deviation for 10,000
# images).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: why not simply zip it?
#
# > What share of the weights' bytes is left after zip: 10%, 50% or 90%?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:06.** Ask for a show of hands for each answer. Most people think of text files,
# which shrink to a third.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## zip can hardly shrink floats

# %%
flat = np.concatenate([value.ravel() for value in tensors.values()])
pixels = (test.images[:2000] * 255).byte().numpy()
first, second, third, fourth = flat.view("uint8").reshape(-1, 4).T[::-1]
contents = {
    "2,000 test images": pixels,
    "all weights": flat,
    "sign and exponent only": first,
    "last 8 bits only": fourth,
}
left = [
    100 * len(zlib.compress(np.ascontiguousarray(c).tobytes())) / c.nbytes
    for c in contents.values()
]
_, ax = plt.subplots(figsize=(11.5, 3.6), layout="constrained")
ax.bar_label(ax.barh(list(contents), left, color=plots.BARS), fmt="%.0f%%", padding=6)
ax.set(xlabel="share of the bytes left after zip (%)", xlim=(0, 112))
ax.invert_yaxis()

# %% [markdown]
# The last bits of a float look random, so a lossless coder must keep them. **We may throw them
# away, if the network does not need them.**

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:07.** Only the byte with sign and exponent repeats itself. Training needs the
# last bits, because it moves a weight by a thousandth at a time. Using the network does not need
# them: rounding is one more kind of noise, and networks tolerate noise.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What trained weights look like

# %%
ax = plots.weight_histogram(fc1, title="fc1.weight of the trained network", ax=plt.subplots()[1])

# %%
Markdown(
    f"Training with an L1 penalty left **{np.mean(np.abs(fc1) < 0.001):.1%}** of these weights within "
    "0.001 of zero. The axis is logarithmic: nearly all weights are in one bar."
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:09.** The penalty adds 0.001 times the sum of all |w| to the loss, so a weight
# that helps little is pushed to zero. Remember the shape: a needle at zero, and a few large
# weights far out. Everything that follows depends on this shape.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Uniform quantization: a ruler over the weights
#
# With b bits, a weight can only take $2^b$ values, the **levels**. They have equal distances from
# the smallest weight to the largest:
#
# $$W = \min + \mathrm{step} \cdot \mathrm{code}, \qquad \mathrm{step} = \frac{\max - \min}{2^b - 1}$$
#
# We store the **code** of the nearest level, a number of b bits, for each weight. We store min
# and max once per tensor.
#
# - error of a weight: **at most half a step**
# - bytes of n weights: **n · b / 8**, rounded up, **plus 8**

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:11.** Ask the audience why it is 2^b - 1 and not 2^b: between 4 fence posts
# there are 3 gaps. The course lab calculates storage wrongly. This is the correct calculation: a
# weight starts with 32 bits, so 8 bits are a quarter and 1 bit is a thirty-second. The 8 bytes
# for min and max come on top.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Five weights on a grid of 3 bits

# %%
picked = np.sort(conv2, axis=None)[[0, 10, 400, -10, -1]]
snapped = ql.uniform_quantize(picked, 3)
rows = [
    "| weight | steps from min | code | stored bits | level | error |",
    "|---|---|---|---|---|---|",
]
for weight, code, level in zip(picked, snapped.codes, snapped.dequantize(), strict=True):
    steps = (weight - picked[0]) / snapped.scale
    rows.append(
        f"| {weight:+.4f} | {steps:.3f} | {code} | {code:03b} | {level:+.4f} | {abs(weight - level):.4f} |"
    )
rows += [
    "",
    f"step {snapped.scale:.4f}, half a step **{snapped.scale / 2:.4f}**. No error is larger than that.",
]
Markdown("\n".join(rows))

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:12.** The code is the rounded position. The level is computed from the code.
# These are five real weights of the second convolution, including the smallest and the largest.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: bits per weight
#
# > We quantize the weights of all layers to b bits, from min to max. What is the smallest b that still reads more than 90% of the digits?
#
# > And does one bit **more** always help?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:13.** Write the two or three most frequent answers on the board.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: bits per weight

# %%
explorers.explore_uniform(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **4 minutes, to 0:17.** Start at 8 bits and go down, one bit at a time. Watch the levels between
# the bars: most of them are where there are no weights. At 3 and 2 bits, look at the level
# nearest to zero, because nearly all weights are rounded to it. If you have a kernel, switch the
# grid to the integer zero point at 3 bits, and go back and forth. The bits and the bytes stay the
# same, but the network changes.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Zero must be a level

# %%
every_tenth = ql.Dataset(test.images[::10], test.labels[::10])


def share(bits, zero_point):
    rounded = ql.quantize_model(
        net, weights=lambda w: ql.uniform_quantize(w, bits, zero_point=zero_point), biases=None
    )
    return 100 * ql.evaluate(rounded.net, every_tenth).accuracy


bits = range(1, 9)
lines = {
    "from min to max": (bits, [share(b, "float") for b in bits]),
    "0 is a level": (bits, [share(b, "int") for b in bits]),
}
ax = plots.curves(
    lines,
    xlabel="bits per weight",
    ylabel="test accuracy (%)",
    ax=plt.subplots(layout="constrained")[1],
)
_ = ax.set(ylim=(0, 105))

# %% [markdown]
# Same bits, same bytes: the grid has only moved by a fraction of a step, so that one level is
# exactly 0.

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:19.** A grid from min to max usually has no level at zero. Then hundreds of
# thousands of small weights all become the same small number, and together they are not small.
# This is why torch and ONNX round the zero point to an integer. The accuracy here is on every
# tenth test image, 1,000 in all. Biases stay float32.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The course lab: 8-bit weights, 1-bit biases

# %%
lab = ql.quantize_model(
    net, weights=lambda w: ql.uniform_quantize(w, 8), biases=lambda b: ql.uniform_quantize(b, 1)
)
unique = {row.name: (row.unique_before, row.unique_after) for row in lab.report}
Markdown(
    f"""
| | float32 | quantized |
|---|---|---|
| distinct values in `conv1.weight` | {unique["conv1.weight"][0]:,} | {unique["conv1.weight"][1]:,} |
| distinct values in `fc1.weight` | {unique["fc1.weight"][0]:,} | {unique["fc1.weight"][1]:,} |
| distinct values in `fc1.bias` | {unique["fc1.bias"][0]:,} | {unique["fc1.bias"][1]:,} |
| bytes | {original:,} | {lab.total_bytes:,} |
| test accuracy | {float32:.2%} | {ql.evaluate(lab.net, test).accuracy:.2%} |

The network is {original / lab.total_bytes:.1f} times smaller, **if we store the codes**. The weights of the
network that we tested are still float32, with few distinct values. This is called *fake-quantized*.
"""
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:21.** The network does not even use all 256 levels. The reason is again the
# needle at zero. Two editions of the lab print 98.30% and 94.59% here, from one run each, and one
# run says little. A file written by torch.save has the same size before and after: we have not
# saved any bytes yet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: one outlier
#
# > One of 2,304 weights grows to 20 standard deviations. 4 bits give 16 levels. How many of them are left for all other weights?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:22.** Ask for a number between 1 and 16.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: the largest weight sets the step for all

# %%
explorers.explore_outlier()

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:24.** Move the outlier out slowly. The step grows with it, for all weights. If
# you have a kernel, show the two remedies. With clipping, the outlier itself gets the error. With
# one grid per channel, only its own channel gets a larger step, and we have to store two more
# numbers per channel.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## k-means: let the weights choose the levels

# %%
_, axes = plt.subplots(1, 2, figsize=(12, 4.5), sharey=True, layout="constrained")
for ax, quantized, title in [
    (axes[0], ql.uniform_quantize(conv2, 3), "8 levels, equal steps"),
    (axes[1], ql.kmeans_quantize(conv2, 8), "8 centres, k-means"),
]:
    sqnr = ql.sqnr_db(conv2, quantized)
    plots.weight_histogram(conv2, quantized, title=f"{title}: SQNR {sqnr:.1f} dB", ax=ax)
_ = axes[1].set_ylabel("")

# %% [markdown]
# $$\mathrm{SSE} = \sum_i \min_j \, (w_i - c_j)^2 \qquad \text{k centres } c_j \text{, one code per weight}$$

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:25.** Both need 3 bits per weight. SQNR compares the weights with the errors.
# 20 dB means that the sum of the squared errors is a hundredth of the sum of the squared weights.
# Gong et al. used k-means for the dense layers of a large image network in 2014. Other names for
# it are weight sharing, clustering, palettization, codebook quantization, and non-uniform
# quantization.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lloyd's algorithm: assign, update, repeat

# %%
few = np.array([-0.8, -0.2, -0.1, 0.0, 0.1, 0.65, 1.2])
with plt.rc_context({"font.size": 15}):
    ax = plots.lloyd_steps(
        few, list(ql.lloyd(few, 3)), ax=plt.subplots(figsize=(11, 5), layout="constrained")[1]
    )

# %% [markdown]
# **Assign** each weight (dot) to its nearest centre (triangle). **Update** each centre to the
# mean of its weights.

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:27.** Ask before you point: which weight changes to another centre after the
# first update? It is 0.65. The sum of squared errors never rises: the nearest centre is the best
# for a weight, and the mean is the best position for a centre. So the algorithm always ends, but
# the result depends on the start.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: centres
#
# > How many centres per layer does this network need to lose less than one percentage point?
#
# > Which is better at equal k, k-means or equal steps? Can it ever be the other way round?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:28.** The answer to the last question: at equal k and in squared error it never
# can, because equal steps are one choice of centres among many. Let the audience find this
# argument.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: k centres

# %%
explorers.explore_kmeans(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **4 minutes, to 0:32.** If you have a kernel, choose k = 8, start again, and press the step
# button while the audience calls "assign" and "update". Then choose another initialization: it
# ends with other centres. Then increase k and compare with equal steps at the same k. The course
# lab says that 8 clusters cost almost 3 percent. Neither of its editions prints such a loss, and
# we do not see it here either.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is k-means always better? It depends on what you keep equal

# %%
conv1 = tensors["conv1.weight"]
kmeans = [ql.kmeans_quantize(conv1, 2**b) for b in range(2, 9)]
uniform = [ql.uniform_quantize(conv1, b) for b in range(2, 11)]
entropy = ql.equal_entropy(conv1)


def cost(quantized):
    return quantized.payload_bytes + quantized.overhead_bytes


_, axes = plt.subplots(1, 3, figsize=(12.3, 4.5), sharey=True, layout="constrained")
views = {
    "bits per code": lambda q: q.bits,
    "bytes, overhead included": cost,
}
for ax, (xlabel, measure) in zip(axes, views.items(), strict=False):
    found = {
        name: ([measure(q) for q in family], [ql.sqnr_db(conv1, q) for q in family])
        for name, family in {"k-means": kmeans, "uniform": uniform}.items()
    }
    plots.curves(found, xlabel=xlabel, ylabel="", ax=ax)
found = {
    "k-means": ([p.kmeans_entropy for p in entropy], [p.kmeans_sqnr for p in entropy]),
    "uniform": ([p.uniform_entropy for p in entropy], [p.uniform_sqnr for p in entropy]),
}
plots.curves(found, xlabel="entropy (bits per weight)", ylabel="", ax=axes[2])
_ = axes[0].set_ylabel("SQNR of conv1 (dB)")

# %% [markdown]
# Equal **bits**: k-means wins. Equal **bytes**: its codebook costs 4 bytes per centre. Equal
# **entropy**: k-means uses its codes more evenly, so a coder saves less, and equal steps win
# narrowly.

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:34.** We compare one small layer of 400 weights in three fair ways, and get
# two winners. Gish and Pierce showed in 1968 that a fine ruler followed by an entropy coder is
# within a quarter of a bit of the best possible method. Choi, El-Khamy and Lee (2017) compressed
# networks in this way.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: a good coder
#
# > With k = 8, a weight of `fc1` is stored as a code of 3 bits. A good coder writes frequent codes with fewer bits. How many bits per weight are left?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:35.** Remind the audience of the needle at zero: nearly all codes are the same
# code.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: which part of the file takes the bytes?

# %%
explorers.explore_storage(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:37.** This is a real file, written to disk and counted: payload, codebooks,
# tables, header. The answer to the guess is far below 1 bit. With the entropy coder, the largest
# layer takes fewer bytes than the third convolution. If you have a kernel, choose that coding,
# and look at the vertical line. It marks the entropy: no coder of single codes can go below it.
# The bar of `fc1` is shorter, because the file leaves out rows and columns that hold only one
# code. Deep Compression (Han et al. 2016) used Huffman's code after pruning, and AlexNet went
# from 240 MB to 6.9 MB.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: the whole file
#
# > At 98% accuracy, how many times smaller than float32 can the file be: 4, 20, 100, or more than 100 times?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:38.** Some of the audience now compute 32/3. This is a good start, but the file
# can be much smaller.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: accuracy against bytes

# %%
explorers.explore_tradeoff(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:39.** Points further left and further up are better. The axis of bytes is
# logarithmic. Ask for the best point at 98%, then at 95%.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: continue training
#
# > 4 centres per layer, then one more epoch of ordinary training. How many distinct values do the 2,304 weights of `conv2` have afterwards?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:40.** "4, because training keeps the clusters" is a frequent answer. Do not
# comment yet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: retraining, free or on the grid

# %%
explorers.explore_retraining()

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:42.** Free training leaves the centres with its first step. Accuracy comes
# back, but the savings are gone until we quantize again. There are two ways to stay on the grid.
# The first is to tie the weights of a centre together and train the centre with the sum of their
# gradients (Deep Compression). The second is to round in the forward pass and to ignore rounding
# in the backward pass (straight-through).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## True or false?
#
# > The k-means quantization of this lecture clusters the input images before training.
#
# > A quantized network runs faster on every machine.
#
# > A smaller error in the weights means a better network.

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:43.** All three are false. k-means clusters trained weights. Fake-quantized
# weights are multiplied as float32, as fast as before. The error counts all weights equally, but
# the network does not: lesson 02 shows a layer with a larger error and a far better network.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What to remember
#
# - **error**: at most half a step, and about 6 dB less for each bit if there are enough levels
# - **bytes**: n·b/8 plus range or codebook, and only if you store the codes
# - **accuracy**: measure it, because range, zero and layer matter more than the error
# - **k-means** wins at equal bits; with an entropy coder, **equal steps** with a level at 0 catch
#   up
# - **retraining** brings accuracy back; only retraining *on the grid* keeps the savings

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:44.** Go back to the five goals of the second slide, and ask the audience which
# of them they could now reach in an exam.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Read more, and try it yourself
#
# The lab: `quantlab lab`, lessons 00 to 07. The whole story in one minute: `quantlab tour`.
#
# - Gong, Liu, Yang, Bourdev: *Compressing Deep Convolutional Networks using Vector Quantization*,
#   2014, [arXiv 1412.6115](https://arxiv.org/abs/1412.6115)
# - Han, Mao, Dally: *Deep Compression*, ICLR 2016, [arXiv
#   1510.00149](https://arxiv.org/abs/1510.00149)
# - Choi, El-Khamy, Lee: *Towards the Limit of Network Quantization*, ICLR 2017, [arXiv
#   1612.01543](https://arxiv.org/abs/1612.01543)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:45.** The exercises check themselves and tell you what went wrong. The last
# lesson is a contest for the smallest file.
