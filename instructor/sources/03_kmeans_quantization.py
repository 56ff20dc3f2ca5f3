# %% [markdown]
# # k-means quantization
#
# After this notebook you can **place** k values where the weights are. You can also **say when**
# this is better than equal steps and when it is not: in error, in bytes, and in test accuracy.
#
# *Needs*: lesson 02. *Takes*: 30 minutes, all on a CPU, offline.

# %%
import matplotlib.pyplot as plt
import numpy as np

import quantlab_helpers as ql
from quantlab_helpers import checks, plots

net = ql.load_baseline(device="cpu")
weights = net.conv2.weight.detach().numpy()

# %% [markdown]
# ## Equal steps waste levels
#
# Training with an L1 penalty has moved nearly all weights close to zero. A uniform grid depends
# only on the smallest weight and the largest weight. The left picture shows its 8 levels (dashed
# lines). The right picture shows 8 values that we may place anywhere.

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
for ax, quantized, title in [
    (axes[0], ql.uniform_quantize(weights, 3), "8 levels, equal steps"),
    (axes[1], ql.kmeans_quantize(weights, 8), "8 centres, k-means"),
]:
    sqnr = ql.sqnr_db(weights, quantized)
    plots.weight_histogram(weights, quantized, title=f"{title}: SQNR {sqnr:.1f} dB", ax=ax)

# %% [markdown]
# The centres are closer together where there are many weights, and the ratio of signal to
# quantization noise (SQNR) is higher. Both need 3 bits per weight.
#
# ## The objective
#
# **k-means** looks for k centres $c_1 \dots c_k$ that make the *sum of squared errors* small:
#
# $$\mathrm{SSE} = \sum_i \min_j \, (w_i - c_j)^2$$
#
# Each weight adds the squared distance to its **nearest** centre. We then store the tensor as one
# small index per weight, its **code**, and a table of the k centres, the **codebook**. Gong, Liu,
# Yang and Bourdev used this on the dense layers of a large image network (*Compressing Deep
# Convolutional Networks using Vector Quantization*, 2014, arXiv 1412.6115). The course lab calls it
# non-uniform quantization. Other names are weight sharing, clustering and palettization.

# %% [markdown]
# ## One step by hand
#
# The textbook way to make the SSE smaller is Lloyd's algorithm (1957). It repeats two steps in
# turn:
#
# 1. **assign**: give every weight the code of its nearest centre;
# 2. **update**: move every centre to the mean of its weights.
#
# Neither step can make the SSE larger. The nearest centre is the best one for a weight. The mean is
# the best place for a centre, because there the derivative of the squared distances is zero.
#
# Take these seven weights and the centres -0.8, 0.2 and 1.2, with pencil and paper. Which weights
# go to the middle centre, and where does it move? Write the number down before you go on.

# %%
few = np.array([-0.8, -0.2, -0.1, 0.0, 0.1, 0.65, 1.2])
guess_middle = None  # the middle centre after the first update: write your number here

# %%
steps = list(ql.lloyd(few, 3))
plots.lloyd_steps(few, steps)
checks.compare_guess(guess_middle, float(steps[1].centres[1]))

# %% [markdown]
# Read the picture from the top. Lines connect the weights (dots) with their centres (triangles).
# The update moves the middle centre to the left. Now the centre on the right is nearer to 0.65, so
# this weight changes its centre in the second assignment. Then both centres move once more. The
# third assignment changes nothing: the algorithm has ended, at a **fixed point**. The SSE has never
# risen.
#
# ## Exercise: assign


# %% nbgrader={"grade": false, "grade_id": "assign", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: assign
def assign(weights, centres):
    """Return the index of the nearest centre for every weight.

    weights: float array of any shape; centres: float array of shape (k,), ascending.
    Returns: integers from 0 to k - 1, in the shape of the weights. At a tie, both are right.
    Example: assign(np.array([-0.9, 0.2]), np.array([-1.0, 0.0, 1.0])) gives [0, 1].
    Hint: weights[..., None] - centres has one more axis, with one entry for every centre.
    """
    ### BEGIN SOLUTION
    distance = np.abs(weights[..., None] - centres)
    return distance.argmin(axis=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-assign", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: assign
checks.check("assign", assign)
### BEGIN HIDDEN TESTS
checks.check("assign", assign, seed=3107)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: update
#
# A cluster may be **empty**: no weight has chosen its centre. Then there is no mean. In this lab,
# the centre then stays where it is.


# %% nbgrader={"grade": false, "grade_id": "update", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: update
def update(weights, codes, centres):
    """Return the new centres: the mean of the weights of each cluster.

    weights: float array of any shape; codes: integers of the same shape, the cluster of each
    weight; centres: float array of shape (k,). An empty cluster keeps its centre.
    Returns: a new float array of shape (k,), in the same order as centres.
    Example: update(np.array([0.0, 1.0, 5.0]), np.array([0, 0, 1]), np.array([0.0, 4.0, 9.0]))
    gives [0.5, 5.0, 9.0].
    Hint: weights[codes == j] are the weights of cluster j.
    """
    ### BEGIN SOLUTION
    moved = np.array(centres, dtype=np.float64)
    for j in np.unique(codes):
        moved[j] = weights[codes == j].mean()
    return moved
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-update", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# test: update
checks.check("update", update)
### BEGIN HIDDEN TESTS
checks.check("update", update, seed=3108)
### END HIDDEN TESTS

# %% [markdown]
# ## The start decides the result
#
# From here on we use the package's own functions, so mistakes above do not affect the rest.
#
# Lloyd's algorithm needs centres to start from. **Linear**: equal steps from the smallest to the
# largest weight. **Density**: each centre gets the same number of weights, so most centres start
# near zero. **Random**: k of the weights. Here is the SSE after every step, for 16 centres on
# `conv2.weight`. For comparison you see the smallest SSE, which the package's own k-means finds in
# another way (see Seeds, below).

# %%
starts = {"linear": ("linear", 0), "density": ("density", 0)}
starts |= {f"random, seed {seed}": ("random", seed) for seed in (0, 1)}
traces = {}
for name, (init, seed) in starts.items():
    rng = np.random.default_rng(seed)
    steps = list(ql.lloyd(weights, 16, init=init, rng=rng, max_iter=500))
    traces[name] = (range(1, len(steps) + 1), [step.inertia for step in steps])
    print(f"{name:15} ends after {steps[-1].iteration:3} rounds at SSE {steps[-1].inertia:.5f}")
best = ql.kmeans_1d(weights, 16).inertia
print(f"{'smallest':15} {'':20} at SSE {best:.5f}")

# %%
ax = plots.curves(traces, xlabel="half-steps (assign, update)", ylabel="SSE")
ax.axhline(best, color=plots.LEVELS, lw=1)
ax.annotate("smallest SSE", (1, best), xytext=(0, 4), textcoords="offset points")
_ = ax.set(xscale="log", yscale="log")

# %% [markdown]
# Every curve falls and none rises. But they end at different heights, and all of them end above the
# smallest SSE. A start that is good for one tensor may be worse for the next one:

# %%
for name, tensor in net.named_parameters():
    if tensor.ndim > 1 and tensor.numel() < 5000:
        starts = [list(ql.lloyd(tensor, 8, init=init))[-1] for init in ("linear", "density")]
        linear, density = (step.inertia / ql.kmeans_1d(tensor, 8).inertia for step in starts)
        print(f"{name:13} k = 8, SSE over the smallest: linear {linear:.3f}, density {density:.3f}")

# %% [markdown]
# Try it. Choose a start in the menu, and press "one step" until nothing changes. **Predict** before
# each step: which centres move, and to which side? Does `fc1.weight` need more steps than
# `conv2.weight`? For comparison, the right side shows the same number of levels at equal steps.

# %%
from quantlab_helpers import explorers

explorers.explore_kmeans(net)

# %% [markdown]
# ## Empty clusters
#
# Equal steps put centres where there are no weights. Count them, at the start and at the end.

# %%
for k in (8, 16, 32, 64, 128):
    steps = list(ql.lloyd(weights, k))
    first, last = len(steps[0].empty), len(steps[-1].empty)
    print(f"k = {k:3}: {first:2} empty at the start, {last:2} at the end")

# %% [markdown]
# Where clusters start empty, many stay empty: the centre does not move, so no weight comes closer
# to it. Other rules remove the centre, or move it to the weight with the largest error, as
# scikit-learn does. An empty cluster is not an error, it only wastes an entry of the codebook. But
# dividing by its number of weights, which is zero, is an error.
#
# ## Exercise: the whole loop


# %% nbgrader={"grade": false, "grade_id": "kmeans-quantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: kmeans-quantize
def kmeans_quantize(weights, k):
    """Return a new float array: every weight replaced by its centre after k-means.

    weights: float array of any shape; k: number of centres, at least 1.
    Returns: floats in the shape of the weights, with at most k distinct values.
    Start with k centres at equal steps from the smallest to the largest weight (or elsewhere).
    Assign and update until no code changes (you may stop after 500 rounds). Weights with at
    most k distinct values need no rounding: return a copy of them.
    Example: kmeans_quantize(np.array([0.0, 1.0, 5.0, 6.0, 7.0]), 2) gives [0.5, 0.5, 6, 6, 6].
    Hint: work on weights.ravel(), and use reshape(weights.shape) at the end.
    """
    ### BEGIN SOLUTION
    if len(np.unique(weights)) <= k:
        return weights.copy()
    flat, codes = weights.ravel().astype(np.float64), None
    centres = np.linspace(flat.min(), flat.max(), k)
    for _ in range(500):
        before, codes = codes, np.abs(flat[:, None] - centres).argmin(axis=1)
        if np.array_equal(before, codes):
            break
        for j in np.unique(codes):
            centres[j] = flat[codes == j].mean()
    return centres[codes].reshape(weights.shape)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-kmeans-quantize", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# test: kmeans-quantize
checks.check("kmeans-quantize", kmeans_quantize)
### BEGIN HIDDEN TESTS
checks.check("kmeans-quantize", kmeans_quantize, seed=3109)
### END HIDDEN TESTS

# %% [markdown]
# Any start that ends at a fixed point passes. The check asks that every value is the mean of its
# weights, and that every weight has its nearest value. It cannot ask for one result, because there
# are many.
#
# ## Seeds
#
# The course lab calls scikit-learn's `KMeans` with `random_state=0` and `max_iter=500`. The number
# 0 is the seed: it decides the random start. How many different SSEs will ten seeds give, for 8
# centres on `conv2.weight`?

# %%
guess_results = None  # 1 to 10: write your number here

# %%
from sklearn.cluster import KMeans

column = weights.reshape(-1, 1)
found = [KMeans(8, random_state=s, max_iter=500).fit(column).inertia_ for s in range(10)]
for seed, inertia in enumerate(found):
    print(f"scikit-learn, random_state={seed}: SSE {inertia:.5f}")
exact = ql.kmeans_quantize(weights, 8)
print(f"ql.kmeans_quantize, no seed:    SSE {ql.sse(weights, exact):.5f}")
checks.compare_guess(guess_results, len({f"{inertia:.5f}" for inertia in found}))

# %% [markdown]
# One seed gives one of several possible results. For numbers on a line, no random start is
# necessary. On a line, each cluster is a run of neighbours in the sorted weights. A search over the
# k - 1 cuts between the runs finds the smallest SSE. This is guaranteed for up to 256 distinct
# weights. For more, as here, the result is at most a tiny bit larger. `ql.kmeans_quantize` does
# this search. It has no seed, and it gives the same centres every time.
#
# ## k = 8 over the whole network
#
# As in the course lab, we use 8 centres for the weights and the biases of every layer. Each tensor
# has its own codebook. The course lab's text says that 8 clusters cost almost 3% of accuracy. What
# do you expect, in percentage points of test accuracy?

# %%
guess_drop = None  # percentage points lost: write your number here

# %%
small = ql.quantize_model(
    net,
    weights=lambda w: ql.kmeans_quantize(w, 8),
    biases=lambda b: ql.kmeans_quantize(b, 8),
)
for row in small.report:
    if row.bits < 32:
        before, after = row.unique_before, row.unique_after
        print(f"{row.name:13} {before:7,} unique values before, {after:2} after")

# %%
baseline, accuracy = ql.evaluate(net).accuracy, ql.evaluate(small.net).accuracy
print(f"test accuracy: float32 {baseline:.2%}, k = 8 {accuracy:.2%}")
print(f"bytes: float32 {ql.float32_bytes(net):,}, k = 8 {small.total_bytes:,}")
checks.compare_guess(guess_drop, 100 * (baseline - accuracy), unit="percentage points")

# %% [markdown]
# Compare the measured loss with the claim. The two published runs of the course lab contradict the
# claim, too: their own accuracies before and after are closer together than that. But one run is
# only one sample. Lesson 04 repeats such a measurement over seeds before it calls a difference
# real.
#
# Every tensor here has at least 8 distinct values. What happens if a tensor has fewer than k? The
# bias of the last layer has 10 values:

# %%
bias = net.fc2.bias.detach().numpy()
try:
    KMeans(16, random_state=0, max_iter=500).fit(bias.reshape(-1, 1))
except ValueError as error:
    print("scikit-learn, as in the course lab:", error)
quantized = ql.kmeans_quantize(bias, 16)
print(f"ql.kmeans_quantize: k = 16 requested, k_used = {quantized.k_used}, {quantized.bits} bits")

# %% [markdown]
# `k_used` says how many centres there are. Here each value has its own centre, and nothing is lost.
#
# ## Accuracy against k
#
# The first 2,000 test images are enough for a curve. Chance alone moves each point by some tenths
# of a percentage point.

# %%
images = ql.load_mnist("test", limit=2000, device="cpu")
points = ql.k_sweep(net, ks=(2, 3, 4, 6, 8, 16), data=images, progress=False)
for point in points:
    print(f"k = {point.value:2}: {point.accuracy:7.2%}, {point.bytes:9,} bytes")
reference = ql.evaluate(net, images).accuracy
ax = plots.accuracy_curve(points, xlabel="centres per tensor (k)", baseline=reference)

# %% [markdown]
# The accuracy does not fall evenly. From 16 to 8 centres you lose little. At the low end, each
# smaller k costs much more. We did not choose anything from this curve. To choose k from such a
# curve, draw it on images that are not test images.
#
# ## The size of a code
#
# All codes of a tensor have the same width. With b bits they can represent 2ᵇ centres.
#
# ### Exercise: bits for k


# %% nbgrader={"grade": false, "grade_id": "bits-for-k", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: bits-for-k
def index_bits(k):
    """Return how many bits one packed code takes for k centres.

    k: number of centres, 1 to 65,536. Returns a whole number, at least 1: even the codes of a
    single centre are stored, with 1 bit each.
    Example: index_bits(8) gives 3, for the codes 0 to 7.
    Hint: what is the largest code?
    """
    ### BEGIN SOLUTION
    return max(1, int(k - 1).bit_length())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-bits-for-k", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: bits-for-k
checks.check("bits-for-k", index_bits)
### BEGIN HIDDEN TESTS
checks.check("bits-for-k", index_bits, seed=3110)
### END HIDDEN TESTS

# %% [markdown]
# `conv2.weight` has 2,304 weights. How many **more** bytes does it take with 17 centres than with
# 16, including the codebook?

# %%
guess_more = None  # bytes: write your number here

# %%
costs = {}
for k in (15, 16, 17, 31, 32):
    quantized = ql.kmeans_quantize(weights, k)
    costs[k] = quantized.payload_bytes + quantized.overhead_bytes
    sqnr = ql.sqnr_db(weights, quantized)
    print(f"k = {k}: {quantized.bits} bits, {costs[k]:5,} bytes, {sqnr:.1f} dB")
checks.compare_guess(guess_more, costs[17] - costs[16], unit="bytes more")

# %% [markdown]
# One centre more than a power of two costs one bit for every weight. So k is nearly always 2ᵇ.
#
# ### Is 4 bits eight times smaller?
#
# A float32 has 32 bits, and the code of 16 centres has 4. `conv1.weight` has 400 weights. How many
# times fewer bytes does it take with k = 16, if you count codes (payload) and codebook (overhead)
# together? And with k = 256, where the codes have 8 bits?

# %%
guess_ratio_16 = None  # times smaller: write your numbers here
guess_ratio_256 = None

# %%
conv1, bn1 = (layer.weight.detach().numpy() for layer in (net.conv1, net.bn1))


def times_smaller(tensor, k):
    quantized = ql.kmeans_quantize(tensor, k)
    return 4 * tensor.size / (quantized.payload_bytes + quantized.overhead_bytes)


checks.compare_guess(guess_ratio_16, times_smaller(conv1, 16), unit="times smaller")
checks.compare_guess(guess_ratio_256, times_smaller(conv1, 256), unit="times smaller")

# %%
for name, tensor in [("conv1.weight", conv1), ("bn1.weight", bn1), ("conv2.weight", weights)]:
    ratios = [f"k = {k}: {times_smaller(tensor, k):5.2f}" for k in (4, 16, 256, 300)]
    print(f"{name} ({tensor.size:5,} weights), times smaller: {'   '.join(ratios)}")

# %% [markdown]
# 32/b is the limit for large tensors only. The codebook takes 4 bytes per centre, even if only few
# weights share it. Where the ratio is below 1, the "compressed" tensor is **larger** than float32.
# There the codebook contains nearly one value for every weight, and the codes come on top. Only
# `fc1.weight` is so large that its codebook hardly counts.
#
# ## k-means against uniform
#
# Is k-means always better? It depends on what we keep equal. Take `conv1.weight`. By how many dB is
# k-means better than a uniform grid (negative: worse)
#
# 1. with as many centres as levels, 16 each;
# 2. with as many bytes as the 8-bit uniform grid takes, including the overhead;
# 3. with the same entropy as 16 centres, so that a good coder gives both codes the same size?

# %%
guess_equal_k = None  # dB: write your numbers here
guess_equal_bytes = None
guess_equal_entropy = None

# %% [markdown]
# **Equal k.** A uniform grid is one choice of centres among many. k-means picks the best choice.

# %%
tensors = {"conv1.weight, 400 weights": conv1, "conv2.weight, 2,304 weights": weights}
panels, duels = {}, {}
for name, tensor in tensors.items():
    kmeans = [ql.kmeans_quantize(tensor, 2**bits) for bits in range(2, 9)]
    uniform = [ql.uniform_quantize(tensor, bits) for bits in range(2, 11)]
    duels[name] = {"k-means": kmeans, "uniform": uniform}
    panels[name] = {
        line: ([q.bits for q in found], [ql.sqnr_db(tensor, q) for q in found])
        for line, found in duels[name].items()
    }

# %%
axes = plots.panels(panels, xlabel="bits per code (log2 k)", ylabel="SQNR (dB)")
gap = ql.sqnr_db(conv1, ql.kmeans_quantize(conv1, 16))
gap -= ql.sqnr_db(conv1, ql.uniform_quantize(conv1, 4))
checks.compare_guess(guess_equal_k, gap, unit="dB")

# %% [markdown]
# At equal k, k-means wins everywhere. It cannot lose. But it has to store a codebook of k numbers,
# and a uniform grid stores only two numbers.
#
# **Equal bytes.** Here are the same points, now against their bytes:


# %%
def cost(quantized):
    return quantized.payload_bytes + quantized.overhead_bytes


for name, lines in duels.items():
    for line, found in lines.items():
        panels[name][line] = ([cost(q) for q in found], panels[name][line][1])
axes = plots.panels(panels, xlabel="bytes of codes and overhead", ylabel="SQNR (dB)")

# %%
grid = ql.uniform_quantize(conv1, 8)
tried = [ql.kmeans_quantize(conv1, k) for k in range(20, 50)]
best = max((q for q in tried if cost(q) <= cost(grid)), key=lambda q: ql.sqnr_db(conv1, q))
print(
    f"uniform: 256 levels in {cost(grid)} bytes; k-means: k = {best.k_used} in {cost(best)} bytes"
)
gap = ql.sqnr_db(conv1, best) - ql.sqnr_db(conv1, grid)
checks.compare_guess(guess_equal_bytes, gap, unit="dB")

# %% [markdown]
# The curves cross, early for the small tensor and late for the larger one. On the left, with few
# bits, k-means wins. On the right, its codebook costs more than it gains: the same bytes are better
# spent on a finer grid.
#
# **Equal entropy.** The entropy of the codes is the smallest number of bits per weight that a coder
# of single codes can reach. k-means uses its codes more evenly, so a coder saves less on them. For
# a fair comparison, the uniform grid may have as many levels as it needs, one of them at 0. We
# choose its step so that its codes have the same entropy as the k-means codes:

# %%
pairs = {name: ql.equal_entropy(tensor) for name, tensor in tensors.items()}
panels = {
    name: {
        "k-means": ([p.kmeans_entropy for p in points], [p.kmeans_sqnr for p in points]),
        "uniform": ([p.uniform_entropy for p in points], [p.uniform_sqnr for p in points]),
    }
    for name, points in pairs.items()
}
xlabel = "entropy of the codes (bits per weight)"
axes = plots.panels(panels, xlabel=xlabel, ylabel="SQNR (dB)")

# %%
point = ql.equal_entropy(conv1, ks=[16])[0]
gap = point.kmeans_sqnr - point.uniform_sqnr
checks.compare_guess(guess_equal_entropy, gap, unit="dB")

# %% [markdown]
# At equal entropy the uniform grid is better nearly everywhere, although it was worse at equal k.
# Last, we look at the largest tensor. It has 470,400 weights, so the codebook hardly counts:

# %%
large = net.fc1.weight
kmeans, uniform = ql.kmeans_quantize(large, 16), ql.uniform_quantize(large, 4)
gap = ql.sqnr_db(large, kmeans) - ql.sqnr_db(large, uniform)
print(f"fc1.weight, equal k = 16: k-means minus uniform {gap:+.1f} dB")
print(f"bytes: k-means {cost(kmeans):,}, uniform {cost(uniform):,}")
point = ql.equal_entropy(large, ks=[16])[0]
gap = point.kmeans_sqnr - point.uniform_sqnr
print(f"fc1.weight, equal entropy: k-means minus uniform {gap:+.1f} dB")

# %% [markdown]
# At equal k, the grid has no level close to zero, where nearly all of these weights are. The bytes
# are the same except for the codebook. At equal entropy the winner changes. So an honest answer
# says what is kept equal. Use k-means for fixed-width codes of few bits. Use equal steps where the
# codebook is a large part of the bytes, or where an entropy coder follows. The entropy does not
# include the tables that a coder needs. Only a real file shows the full size.
#
# ## A question of the course lab
#
# True or false? *k-means quantization, as done here, groups the features of the input images into
# clusters before the network is trained.* And why:
#
# - **a**: it groups grey values, so that the images reach the network with fewer of them;
# - **b**: it groups the values in each tensor of a network that has been trained already;
# - **c**: it groups the outputs of a layer for an image, before the next layer reads them;
# - **d**: it groups similar filters, and keeps one filter for each group.

# %% nbgrader={"grade": false, "grade_id": "what-is-clustered", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: what-is-clustered
# In place of `raise NotImplementedError`, write two lines that set
# true_or_false to True or False, and reason to one of the letters "a", "b", "c", "d".
true_or_false = reason = None
### BEGIN SOLUTION
true_or_false = False
reason = "b"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-what-is-clustered", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: what-is-clustered
checks.answered("what-is-clustered", true_or_false, reason)
### BEGIN HIDDEN TESTS
checks.check("what-is-clustered", true_or_false, reason)
### END HIDDEN TESTS

# %% [markdown]
# ## What you can do now
#
# You can place k values by assigning and updating. You know that the result depends on the start,
# unless the search is exact. You know what k centres cost: the bits of a code, rounded up, and a
# codebook that matters for small tensors. And before you prefer k-means to equal steps, you ask
# what is kept equal.
#
# **Next**: lesson 04 trains the quantized network further and recovers the accuracy that rounding
# cost.
