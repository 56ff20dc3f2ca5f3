# %% slideshow={"slide_type": "skip"}
import zlib

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

import quantlab_helpers as ql
from quantlab_helpers import explorers, plots, plots_kmeans

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
# Every number and figure in these slides is computed by the cells behind them.

# %%
ax = plt.subplots(figsize=(11.5, 3.9), layout="constrained")[1]
title = f"{conv2.size:,} weights and the 8 values that replace them"
_ = plots.weight_histogram(conv2, ql.kmeans_quantize(conv2, 8), title=title, ax=ax)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:01.** Before the lecture: Run All Cells, then click into this slide and choose Start
# Deck. Zoom the browser until the back row can read. Without a kernel, open the exported slides; they
# have the same demos with one slider each. Seven times the audience guesses before a demo. Let them raise hands before you touch the slider:
# people remember what they have guessed wrong.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## After this lecture you can
#
# - **predict** the error and the bytes of a weight stored with b bits, without running anything
# - **explain** why zero should be a level, and what one outlier costs
# - **run** k-means by hand, and say when it beats equal steps
# - **tell** a network that *computes* with few values from one that is *stored* in few bits
# - **retrain** a quantized network without leaving its grid

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:02.** These are also the lessons of the lab, 02 to 05. Say which of them is homework.

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
    f"{total:,} numbers of 32 bits each: **{original:,} bytes**, {fc1.size / total:.0%} of the "
    "numbers in one layer."
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:04.** Three convolutions, each with batch normalisation, then two dense layers. The
# picture is typical: in AlexNet, too, nearly all of its 240 MB are weights of dense layers. Weights
# have to be downloaded, kept in memory, and fetched for every image; fetching costs more energy than
# multiplying.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The task: handwritten digits

# %%
_ = plots.digits(test.images, test.labels, axes=plt.subplots(1, 10, figsize=(11.5, 1.6))[1])

# %%
Markdown(
    f"MNIST: 60,000 training images, {len(test.labels):,} test images, 28 × 28 grey values.\n\n"
    f"The trained float32 network reads **{float32:.2%}** of the test images correctly, "
    f"that is all but {round((1 - float32) * len(test.labels))}."
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:05.** Census workers and high-school students wrote them. All accuracies that follow
# are on these test images unless the slide says otherwise. Chance alone moves an accuracy near
# 98 % by about 0.14 percentage points (one standard deviation for 10,000 images).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: why not simply zip it?
#
# > What share of the weights' bytes is left after zip: 10 %, 50 % or 90 %?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:06.** Hands up for each of the three. Most people think of text files, which shrink to a
# third.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## zip finds nothing to squeeze in floats

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
ax.bar_label(ax.barh(list(contents), left, color=plots.BARS), fmt="%.0f %%", padding=6)
ax.set(xlabel="share of the bytes left after zip (%)", xlim=(0, 112))
ax.invert_yaxis()

# %% [markdown]
# The last bits of a float look random, so a lossless coder must keep them. **We may throw them away,
# if the network does not need them.**

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:07.** Only the byte with sign and exponent repeats itself. Training needs the last
# bits, because it moves a weight by a thousandth at a time. Using the network does not: rounding is
# one more noise, and networks tolerate noise.

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
# **2 minutes, to 0:09.** The penalty adds 0.001 times the sum of all |w| to the loss, so a weight that
# helps little is pushed to zero. Keep the shape in mind: a needle at zero and a few large weights
# far out. Everything that follows is about this shape.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Uniform quantization: a ruler over the weights
#
# With b bits a weight may take only $2^b$ values, the **levels**, at equal distances from the smallest
# weight to the largest:
#
# $$W = \min + \mathrm{step} \cdot \mathrm{code}, \qquad \mathrm{step} = \frac{\max - \min}{2^b - 1}$$
#
# Stored is only the **code** of the nearest level, a number of b bits; and min and max, once per tensor.
#
# - error of a weight: **at most half a step**
# - bytes of n weights: **n · b / 8**, rounded up, **plus 8**

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:11.** Let them say why it is 2^b - 1 and not 2^b: between 4 fence posts there are 3
# gaps. The course lab's arithmetic of storage is wrong; this is the right one: a weight starts with
# 32 bits, so 8 bits are a quarter and 1 bit is a thirty-second, less the 8 bytes.

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
    f"step {snapped.scale:.4f}, half a step **{snapped.scale / 2:.4f}**: no error is larger",
]
Markdown("\n".join(rows))

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:12.** The code is the position, rounded; the level is computed back from the code. Five
# real weights of the second convolution, the smallest and the largest among them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: bits per weight
#
# > Weights of all layers on b bits, from min to max: what is the smallest b that still reads more than
# > 90 % of the digits?
#
# > And does one bit **more** always help?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:13.** Write the two or three most frequent answers on the board.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: bits per weight

# %%
explorers.explore_uniform(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **4 minutes, to 0:17.** Start at 8 and go down, one bit at a time. Watch the levels between the bars:
# most of them are where no weight is. At 3 and 2 bits look at the level nearest to zero, because that
# is where nearly all weights go. If you are live, switch the grid to the integer zero point at
# 3 bits, and go back and forth: the same bits, the same bytes, another network.

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
ax = plots_kmeans.curves(
    lines,
    xlabel="bits per weight",
    ylabel="test accuracy (%)",
    ax=plt.subplots(layout="constrained")[1],
)
_ = ax.set(ylim=(0, 105))

# %% [markdown]
# Same bits, same bytes: the grid moved by a fraction of a step, until one level lies on 0.

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:19.** A grid from min to max steps over zero, unless by luck. Then hundreds of
# thousands of small weights all become the same small number, and together they are not small. torch
# and ONNX round the zero point to an integer for this reason. Accuracy here is on every tenth test
# image, 1,000 in all; biases stay float32.

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
| different values in `conv1.weight` | {unique["conv1.weight"][0]:,} | {unique["conv1.weight"][1]:,} |
| different values in `fc1.weight` | {unique["fc1.weight"][0]:,} | {unique["fc1.weight"][1]:,} |
| different values in `fc1.bias` | {unique["fc1.bias"][0]:,} | {unique["fc1.bias"][1]:,} |
| bytes | {original:,} | {lab.total_bytes:,} |
| test accuracy | {float32:.2%} | {ql.evaluate(lab.net, test).accuracy:.2%} |

{original / lab.total_bytes:.1f} times smaller, **if somebody stores the codes**. The weights of the network
that we tested are still float32, with few different values: *fake-quantized*.
"""
)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:21.** Not even all 256 levels are used: the needle at zero again. Two editions of the
# lab print 98.30 % and 94.59 % here, one run each; one run says little. A file written by torch.save
# has the same size before and after: nothing was saved yet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: one outlier
#
# > One weight of 2,304 grows to 20 standard deviations. How many of the 16 levels of 4 bits are left to
# > all the others?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:22.** Ask for a number between 1 and 16.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: everybody pays for the largest weight

# %%
explorers.explore_outlier()

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:24.** Move the outlier out slowly. The step grows with it, for everybody. Live: show the
# two cures, clipping (the outlier pays) and one grid per channel (its channel pays, and two more
# numbers per channel have to be stored).

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
# **1 minute, to 0:25.** Both need 3 bits per weight. SQNR compares weights with errors: 20 dB means that
# the squared errors add up to a hundredth of the squared weights. Gong et al. did this to the dense layers of a
# large image network in 2014. Other names: weight sharing, clustering, palettization, codebook or
# non-uniform quantization.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Lloyd's algorithm: assign, update, repeat

# %%
few = np.array([-0.8, -0.2, -0.1, 0.0, 0.1, 0.65, 1.2])
with plt.rc_context({"font.size": 15}):
    ax = plots_kmeans.lloyd_steps(
        few, list(ql.lloyd(few, 3)), ax=plt.subplots(figsize=(11, 5), layout="constrained")[1]
    )

# %% [markdown]
# **Assign** each weight (dot) to its nearest centre (triangle); **update** each centre to the mean of its
# weights.

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:27.** Ask before you point: who changes sides after the first update? 0.65 does. The
# sum of squared errors never rises: the nearest centre is the best for a weight, and the mean is the
# best place for a centre. So it ends, but where it ends depends on where it starts.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: centres
#
# > How many centres per layer does this network need to lose less than one percentage point?
#
# > Which is better at equal k, k-means or equal steps, and can that ever be the other way round?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:28.** Second question: at equal k and in squared error never, since equal steps are one
# choice of centres among many. Let them find that argument themselves.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: k centres

# %%
explorers.explore_kmeans(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **4 minutes, to 0:32.** Live: choose k = 8, start again, and press the step button with the audience
# calling assign and update. Then another initialisation: another end. Then let k run up and compare
# with equal steps at the same k. The course lab says that 8 clusters cost almost 3 %; neither of
# its editions prints such a loss, and here it is not so either.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Always k-means? It depends on what is held equal

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
    plots_kmeans.curves(found, xlabel=xlabel, ylabel="", ax=ax)
found = {
    "k-means": ([p.kmeans_entropy for p in entropy], [p.kmeans_sqnr for p in entropy]),
    "uniform": ([p.uniform_entropy for p in entropy], [p.uniform_sqnr for p in entropy]),
}
plots_kmeans.curves(found, xlabel="entropy (bits per weight)", ylabel="", ax=axes[2])
_ = axes[0].set_ylabel("SQNR of conv1 (dB)")

# %% [markdown]
# Equal **bits**: k-means wins. Equal **bytes**: its codebook costs 4 bytes per centre. Equal **entropy**:
# a coder saves less on its evenly used codes, and equal steps win narrowly.

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:34.** One small layer of 400 weights, three fair comparisons, two winners. Gish and
# Pierce showed in 1968 that a fine ruler with an entropy coder behind it is within a quarter of a bit
# of the best there is; Choi, El-Khamy and Lee (2017) compressed networks that way.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: a good coder
#
# > With k = 8, a weight of `fc1` is stored as a code of 3 bits. How many bits per weight are left if a
# > good coder writes frequent codes with fewer bits?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:35.** Remind them of the needle at zero: nearly all codes are the same code.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: where the bytes of the file are

# %%
explorers.explore_storage(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:37.** A real file, written and counted: payload, codebooks, tables, header. The
# answer to the guess is far below 1 bit: entropy-coded, the largest layer takes fewer bytes than the
# third convolution. Live: choose that coding, and look at the stroke. It is the entropy, below which
# no coder of single codes gets; the bar of `fc1` does, because rows and columns that hold one code
# only are left out before. Deep Compression (Han et al. 2016) used Huffman's code, after pruning:
# AlexNet from 240 MB to 6.9 MB.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: the whole file
#
# > At 98 % accuracy, how many times smaller than float32 can the file be: 4, 20, 100, or more than 100
# > times?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:38.** Some now compute 32/3. That is the right start, and not the end.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: accuracy against bytes

# %%
explorers.explore_tradeoff(net)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:39.** Left and up is better. The axis of bytes is logarithmic. Ask for the best point at 98 %, then at 95 %.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Your guess: training on
#
# > 4 centres per layer, then one more epoch of ordinary training. How many different values do the 2,304
# > weights of `conv2` take afterwards?

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:40.** "4, because training keeps the clusters" is a frequent answer. Do not comment yet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Demo: retraining, free or on the grid

# %%
explorers.explore_retraining()

# %% [markdown] slideshow={"slide_type": "notes"}
# **2 minutes, to 0:42.** Free training leaves the centres at its first step: accuracy comes back, the
# savings are gone, until one quantizes again. Two ways to stay on the grid: tie the weights of a centre together and train the
# centre with the sum of their gradients (Deep Compression), or round in the forward pass and leave
# rounding out of the backward pass (straight-through).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## True or false?
#
# > The k-means quantization of this lecture clusters the input images before training.
#
# > A quantized network runs faster on every machine.
#
# > A smaller error in the weights means a better network.

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:43.** All three are false. It clusters trained weights. Fake-quantized weights are multiplied as
# float32, as fast as before. And the error counts all weights alike, the network does not: lesson
# 02 shows a layer with a larger error and a far better network.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What to take home
#
# - **error** at most half a step; about 6 dB for each bit, once there are enough levels
# - **bytes** n·b/8 plus range or codebook, and only if somebody stores the codes
# - **accuracy** has to be measured: range, zero and layer matter more than the error
# - **k-means** wins at equal bits; behind an entropy coder **equal steps** with a level at 0 catch up
# - **retraining** gives accuracy back; only retraining *on the grid* keeps the savings

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:44.** Go back to the five promises of the second slide, and ask which of them they could
# now do in an exam.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Read on, and do it yourself
#
# The lab: `quantlab lab`, lessons 00 to 07. The whole story in one minute: `quantlab tour`.
#
# - Gong, Liu, Yang, Bourdev: *Compressing Deep Convolutional Networks using Vector Quantization*, 2014,
#   [arXiv 1412.6115](https://arxiv.org/abs/1412.6115)
# - Han, Mao, Dally: *Deep Compression*, ICLR 2016, [arXiv 1510.00149](https://arxiv.org/abs/1510.00149)
# - Choi, El-Khamy, Lee: *Towards the Limit of Network Quantization*, ICLR 2017,
#   [arXiv 1612.01543](https://arxiv.org/abs/1612.01543)

# %% [markdown] slideshow={"slide_type": "notes"}
# **1 minute, to 0:45.** The exercises check themselves and say what went wrong. The last lesson is a contest for the
# smallest file.
