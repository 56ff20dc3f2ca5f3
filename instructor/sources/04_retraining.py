# %% [markdown]
# # Retraining
#
# After this notebook you can **say** what training after quantization gives back, what it does
# to the grid, and how many runs it takes before you may call one method better than another.
#
# *Needs*: lesson 03. *Takes*: 30 minutes.

# %%
import numpy as np
import torch
from matplotlib import pyplot as plt
from torch.func import functional_call
from torch.nn import functional as F

import quantlab_helpers as ql
from quantlab_helpers import checks, plots

# %% [markdown]
# ## Three sets of images
#
# Retraining takes training images. Wherever we *choose* something (how many centres, how large a
# learning rate), we look at **validation** images. The **test** images only measure what has been
# chosen already: a setting chosen because it does well on the test images fits them, and its test
# accuracy then promises more than new images will keep.
#
# One blemish stays: the baseline was trained on all 60,000 training images, so it has seen the
# validation images below. They can rank two settings; they cannot tell how good a network is.

# %%
net = ql.load_baseline(device="cpu")
images, labels = ql.load_mnist("train", limit=12_000, device="cpu")
validation = ql.Dataset(images[10_000:], labels[10_000:])
test = ql.load_mnist("test", device="cpu")


def draw(seed, count=2_000):
    """Choose `count` of the first 10,000 training images; each seed has its own and their order."""
    order = torch.randperm(10_000, generator=torch.Generator().manual_seed(seed))[:count]
    return ql.Dataset(images[order], labels[order])


# %% [markdown]
# ## The course lab's last step
#
# The lab ends like this: 8 centres per tensor, for weights and for biases, have cost some
# accuracy. So train on, from the quantized weights and without a reset, and **quantize again**.
# The original edition leaves both to its students. The later one trains on and stops there.
#
# First the network with 8 centres. We print for each network how many different values the
# 470,400 weights of `fc1` take: that number tells whether it can be stored in 3 bits each.


# %%
def eight_centres(weights):
    return ql.kmeans_quantize(weights, 8)


def report(step, network):
    accuracy = ql.evaluate(network, test).accuracy
    values = ql.unique_count(network.fc1.weight)
    print(f"{step:24}{accuracy:8.2%} of test images right, {values:8,} different weights in fc1")


quantized = ql.quantize_model(net, weights=eight_centres, biases=eight_centres)
report("baseline", net)
report("8 centres", quantized.net)

# %% [markdown]
# Eight centres cost some accuracy. (The lab speaks of almost 3 per cent; neither of its editions
# prints such a loss.) Now the two missing steps. `ql.train` goes on from the weights it is given,
# with a new Adam, and returns a new network. We take 6,000 images once; the lab takes 60,000
# images five times.

# %%
retrained = ql.train(quantized.net, epochs=1, data=draw(0, 6_000), progress=False).net
again = ql.quantize_model(retrained, weights=eight_centres, biases=eight_centres)
report("8 centres, retrained", retrained)
report("and quantized again", again.net)
print(f"bytes: {ql.float32_bytes(retrained):,} retrained, {again.total_bytes:,} quantized again")

# %% [markdown]
# Retraining gives accuracy back. But the retrained network is as large as the baseline: its weights
# take tens of thousands of values again in `fc1` alone, and 3 bits tell only 8 of them apart. The
# last network is the only one here that is quantized *and* retrained.
#
# The later edition of the lab prints 98.24 % after k-means and 98.45 % after retraining, and there
# it ends. The second number is the accuracy of a float32 network. It says nothing about a network
# with 8 centres.

# %% [markdown]
# ## What free retraining does to the grid
#
# "I quantize, then I train, then I quantize: so training takes the grid into account." Does it?
# Train for a **single step** on 100 images. The 2,304 weights of `conv2` had 8 different values
# before. How many different values do they have after it?

# %%
guess_values = None  # write your number here

# %%
one_step = ql.train(quantized.net, epochs=1, data=draw(0, 100), progress=False).net
values = ql.unique_count(one_step.conv2.weight)
checks.compare_guess(guess_values, values, unit="different values")

# %% [markdown]
# One step is enough to leave the 8 values. The weights that shared a centre connect different
# pixels and neurons, so each has its own gradient and goes its own way. (Adam's first step has
# nearly the same length for all, up or down, so some still agree. That does not last.) And `fc1`?

# %%
network = quantized.net
for epoch in range(1, 4):
    network = ql.train(network, epochs=1, data=draw(epoch), progress=False).net
    counts = [ql.unique_count(layer.weight) for layer in (network.conv2, network.fc1)]
    print(f"after epoch {epoch}: {counts[0]:,} of 2,304 in conv2, {counts[1]:,} of 470,400 in fc1")

fc1, fc2 = quantized.net.fc1, quantized.net.fc2
neurons = torch.cat([fc1.weight, fc1.bias[:, None], fc2.weight.T], dim=1)  # one row each
print(f"of the 300 neurons of fc1, {len(torch.unique(neurons, dim=0))} were different at the start")

# %% [markdown]
# `fc1` has fewer values than weights, and the last line says why. With L1 and 8 centres most of its
# neurons have become **copies** of each other: the same code in every place. Copies get the same
# gradient in every step, so they stay copies (on some processors rounding tells them apart). Multiply
# the number of different neurons by the 1,568 weights of each and compare: among these, nearly every
# weight has a value of its own.
#
# The picture shows `conv2` after three epochs. Before, all its weights lay on the dashed lines.

# %%
ax = plt.subplots(figsize=(8, 3.2), layout="constrained")[1]
centres = quantized.tensors["conv2.weight"]
ax = plots.weight_histogram(network.conv2.weight, centres, title="conv2, retrained freely", ax=ax)

# %% [markdown]
# Training does not know the centres. No term of the loss holds a weight near one, so the bars
# fill the space between the lines. Quantizing again throws away part of what was learned: the network
# that is tested is not the one that was trained. **Quantization-aware** training is something
# else: it keeps the grid in view while it trains. Two ways to do that follow below.

# %% [markdown]
# ## Exercise: retrain and quantize again
#
# The loop of the lab's exercise, for any quantizer and any training:
#
# 1. quantize the network you are given;
# 2. in each round, train on **from there**, then quantize again;
# 3. return the last quantized network.
#
# In this notebook `train_once` could be `lambda n: ql.train(n, epochs=1, data=draw(0)).net`. The
# check passes small stand-ins, so it takes no time.


# %% nbgrader={"grade": false, "grade_id": "retrain-requantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: retrain-requantize
def retrain_and_requantize(net, train_once, quantize, rounds):
    """Return the network after `rounds` rounds of training and quantizing again.

    net: a trained float network; it must stay as it is.
    train_once(network), quantize(network): leave their argument as it is and return a new network.
    rounds: 0 or more; 0 rounds give quantize(net).
    Example: 1 round gives a network that was quantized, trained, quantized.
    Hint: the network in work changes in every line of the loop. Give it one name.
    """
    ### BEGIN SOLUTION
    current = quantize(net)
    for _ in range(rounds):
        current = quantize(train_once(current))
    return current
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-retrain-requantize", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# test: retrain-requantize
checks.check("retrain-requantize", retrain_and_requantize)
### BEGIN HIDDEN TESTS
checks.check("retrain-requantize", retrain_and_requantize, seed=8204)
### END HIDDEN TESTS

# %% [markdown]
# ## Fewer centres
#
# Eight centres are kind to this network, and what costs little cannot give much back. How many
# centres do hurt? This is a choice, so we look at validation images. From here on biases stay
# float32: they are few, and it is the weights that we want to see.

# %%
for k in (2, 4, 8, 16):
    few = ql.quantize_model(net, weights=lambda w, k=k: ql.kmeans_quantize(w, k), biases=None)
    print(f"k = {k:2}: {ql.evaluate(few.net, validation).accuracy:7.2%} of validation images right")


# %% [markdown]
# We take k = 4, which is 2 bits per weight. It leaves enough to win back.


# %%
def four_centres(weights):
    return ql.kmeans_quantize(weights, 4)


four = ql.quantize_model(net, weights=four_centres, biases=None)
tensors = {name: t for name, t in four.tensors.items() if isinstance(t, ql.QuantizedTensor)}
codes = {name: torch.from_numpy(t.codes.astype(np.int64)) for name, t in tensors.items()}
print(", ".join(f"{name}: {t.k_used} centres" for name, t in tensors.items()))

# %% [markdown]
# ## Tied centroids: the codes stay, the centres move
#
# A network with 4 centres per tensor *has* only 4 numbers per tensor to train. If centre $c_j$
# moves, all weights with code $j$ move with it, so by the chain rule its gradient is the sum of
# theirs (Deep Compression, Han, Mao and Dally 2015, equation 3):
#
# $$\frac{\partial L}{\partial c_j} = \sum_{i:\ \mathrm{code}_i = j} \frac{\partial L}{\partial w_i}$$
#
# ## Exercise: the gradient of a centre


# %% nbgrader={"grade": false, "grade_id": "tied-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: tied-gradient
def tied_gradient(gradient, codes, k):
    """Return for each of the k centres the sum of the gradients of its weights, shape (k,).

    gradient: array of float, the gradient of the loss by each weight, in any shape.
    codes: array of int in the same shape, 0 .. k - 1: the centre of each weight.
    A centre without weights gets 0.
    Example: tied_gradient(np.array([0.5, -1.0, 2.0]), np.array([0, 1, 0]), 3) gives [2.5, -1, 0].
    Hint: how often does centre 0 have to be added to?
    """
    ### BEGIN SOLUTION
    return np.bincount(codes.ravel(), weights=gradient.ravel(), minlength=k)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-tied-gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# test: tied-gradient
checks.check("tied-gradient", tied_gradient)
### BEGIN HIDDEN TESTS
checks.check("tied-gradient", tied_gradient, seed=8205)
### END HIDDEN TESTS

# %% [markdown]
# Some labs take the **mean** in place of the sum. What does that change? Take the centres of
# `fc1`: the mean divides each sum by the number of weights that share the centre. We try three
# steps of both optimizers with both, at the same learning rate.

# %%
sizes = torch.bincount(codes["fc1.weight"].flatten(), minlength=4)
print("weights per centre:", sizes.tolist())
gradients = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))  # any will do
for optimizer in (torch.optim.SGD, torch.optim.Adam):
    for name, factor in {"sum": torch.ones(4), "mean": 1 / sizes}.items():
        moving = torch.zeros(4, requires_grad=True)
        steps = optimizer([moving], lr=0.001)
        for gradient in gradients:
            moving.grad = gradient * factor
            steps.step()
        moved = ", ".join(f"{value:9.2g}" for value in moving.tolist())
        print(f"{optimizer.__name__:5}{name:5} moves the centres by {moved}")

# %% [markdown]
# With plain SGD the mean shortens the step of each centre by its own number of weights, here very
# unlike numbers; the direction of each centre stays. Adam divides each step by the size of the
# gradients it has seen, so a constant factor per centre cancels and hardly anything changes.
#
# Now one training loop for both methods that follow. They differ only in `weights()`: how the
# weights that the network computes with are made of what is being learned. `functional_call` runs
# a network with weights that it is handed. Biases stay as they are.


# %%
def train_through(network, weights, learned, data, rate=0.0003):
    """Train the tensors in `learned`; every step computes with what weights() makes of them."""
    optimizer = torch.optim.Adam(learned, lr=rate)
    network.train()
    for images, labels in ql.batches(data, 100):
        logits = functional_call(network, weights(), (images,))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        network.load_state_dict(weights(), strict=False)  # what is tested is what was trained
    return network.eval()


# %% [markdown]
# For tied centroids a weight is `centres[code]`. That is all: PyTorch's derivative of this look-up
# is the sum of the exercise.


# %%
def start():
    """Return a new network with 4 centres per tensor, and the centres."""
    network = ql.quantize_model(net, weights=four_centres, biases=None).net
    return network, {name: torch.tensor(t.codebook) for name, t in tensors.items()}


def tied(data):
    network, centres = start()
    learned = [centre.requires_grad_() for centre in centres.values()]

    def weights():
        return {name: centres[name][codes[name]] for name in centres}

    return train_through(network, weights, learned, data)


# %% [markdown]
# Does the grid survive? How many different values do you expect in `fc1` after 1, 2 and 10 steps?

# %%
guess_tied = None  # write your number for 10 steps here

# %%
for steps in (1, 2, 10):
    network = tied(draw(0, 100 * steps))
    values = torch.unique(network.fc1.weight.detach())
    print(f"after {steps:2} steps:", ", ".join(f"{value:.5f}" for value in values.tolist()))
checks.compare_guess(guess_tied, len(values), unit="different values")

# %% [markdown]
# The four values move, and four they stay. There is nothing to quantize again: the codes are those
# from before, and a new codebook of 4 floats per tensor is all that has to be stored.
#
# Here is such a run over six epochs of 6,000 images, made beforehand: nothing is trained now.
# **Predict** before you move the slider: which network is the best after three epochs, the freely
# retrained one, the same quantized again, or the one with tied centres? Which of them fit into
# 2 bits per weight?

# %%
from quantlab_helpers import explorers

explorers.explore_retraining()

# %% [markdown]
# ## Straight-through: the centres stay, the codes change
#
# The other way round: keep a float weight behind each quantized one. The forward pass rounds it to
# the nearest centre. Rounding has derivative 0 nearly everywhere, which would stop all training,
# so the backward pass leaves rounding out, as if it were not there: a **straight-through
# estimator**. The float weight gathers small steps until it crosses the middle between two
# centres; then its code changes.


# %%
def nearest(weight, centres):
    """Round each weight to the nearest centre, without a gradient."""
    middles = (centres[1:] + centres[:-1]) / 2
    return centres[torch.bucketize(weight.detach().contiguous(), middles)]


def through(weight, centres):
    """Return the nearest centres, with a gradient that goes straight to the weights."""
    return nearest(weight, centres) + (weight - weight.detach())


weight = torch.tensor([0.1, 0.4, 0.9], requires_grad=True)
rounded = through(weight, torch.tensor([0.0, 0.5, 1.0]))
(rounded * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
print("forward:", rounded.tolist(), "  backward:", weight.grad.tolist())

# %% [markdown]
# `weight - weight.detach()` is zero, and its derivative by `weight` is one. Forward it adds
# nothing, backward it is all there is.


# %%
def straight_through(data):
    network, centres = start()
    floats = {name: net.get_parameter(name).detach().clone() for name in centres}
    learned = [weight.requires_grad_() for weight in floats.values()]

    def weights():
        return {name: through(floats[name], centres[name]) for name in centres}

    return train_through(network, weights, learned, data)


# %%
network = straight_through(draw(0, 1_000))
print(f"{ql.unique_count(network.fc1.weight)} different values in fc1")
for name in ("conv1", "conv2", "conv3", "fc1", "fc2"):
    pair = [model.get_submodule(name).weight for model in (network, four.net)]
    changed = pair[0] != pair[1]
    print(f"{name}: {int(changed.sum()):,} of {changed.numel():,} weights have another code")

# %% [markdown]
# Still four values, and these are the centres that k-means had placed. What was learned is in the
# codes: a few weights, most of them in the convolutions, have moved to another centre. All others
# are where they were.

# %% [markdown]
# ## Which is best?
#
# Two more for the comparison. *Free*: train all weights freely and place 4 centres anew. And a
# control: BatchNorm keeps a running mean and variance of what it sees, and those were measured
# with float weights. Retraining of any kind measures them again. So one method does only that:
# it shows images to the quantized network and trains **nothing**. (Free retraining may move the
# biases as well. The other methods leave them as they are.)


# %%
def free(data):
    trained = ql.train(
        four.net, epochs=1, data=data, l1_beta=0, precision="float32", progress=False
    ).net
    return ql.quantize_model(trained, weights=four_centres, biases=None).net


def statistics_only(data):
    network = start()[0].train()  # in training mode BatchNorm measures
    with torch.no_grad():
        for images, _ in ql.batches(data, 100):
            network(images)
    return network.eval()


# %% [markdown]
# Everything else is kept equal: 2,000 images once, batches of 100, no L1 penalty, and five seeds
# that draw the images and their order. The learning rates were chosen for each method from 0.0001,
# 0.0003 and 0.001, by the mean on the **validation** images over three other seeds: 0.001 for free
# retraining, which is also the lab's, and 0.0003 for the other two.

# %%
quarter = ql.Dataset(test.images[::4], test.labels[::4])  # 2,500 test images, to save time


def five_runs(method):
    return ql.over_seeds(lambda seed: ql.evaluate(method(draw(seed)), quarter).accuracy, seeds=5)


alone = ql.evaluate(four.net, quarter).accuracy
results = {"k-means only": ql.spread([alone] * 5)}  # no seed in it: the same network each time
results["statistics only"] = five_runs(statistics_only)
for name, run in results.items():
    print(f"{name:20} mean {run.mean:.2%}, standard deviation {run.std:.2%}")

# %% [markdown]
# Without training anything, most of what was lost is back: 4 centres shift what reaches BatchNorm,
# and its old statistics no longer fit. Without this control we would have thanked retraining for it.
#
# What does free retraining reach, with k-means once more at the end? In per cent of test images:

# %%
guess_free = None  # write your number here

# %%
results["free, k-means again"] = five_runs(free)
checks.compare_guess(guess_free, 100 * results["free, k-means again"].mean, unit="%")

# %%
results["tied centroids"] = five_runs(tied)
results["straight-through"] = five_runs(straight_through)
for name, run in results.items():
    single = ", ".join(f"{value:.2%}" for value in run.values)
    print(f"{name:20} mean {run.mean:.2%}, standard deviation {run.std:.2%}; runs: {single}")

# %%
ax = plt.subplots(figsize=(8, 3.4), layout="constrained")[1]
ax.axvline(100 * ql.evaluate(net, quarter).accuracy, color="black", linestyle="--", lw=1.5)
ax.set_title("circles: single runs; diamonds: mean ± standard deviation; dashed: float32", size=10)
ax.set(xlabel="test accuracy with 4 centres per tensor (%)", ylim=(4.6, -0.6))
ax.set_yticks(range(5), list(results))
for row, run in enumerate(results.values()):
    runs = 100 * np.array(run.values)
    ax.plot(runs, np.full(5, row + 0.22), "o", mfc="none", color=plots.BARS)
    ax.errorbar(100 * run.mean, row - 0.08, xerr=100 * run.std, fmt="D", color="black", capsize=5)

# %% [markdown]
# Look at the circles, too. Where k-means cuts after a free training is partly luck: these runs lie
# far apart. The two methods that keep the grid in view gain more, and their runs lie close
# together, because they test the very network that they trained. All saw 2,000 images once. How
# much closer to the dashed line do they come with more? Try `draw(seed, 8_000)`.

# %% [markdown]
# ## What one run can tell
#
# The course lab prints one run per number. It trains its network twice with the same settings, and
# there are two editions of it, so four test accuracies exist that should differ by luck alone (and
# perhaps by the versions of the libraries): 98.12 % and 97.17 % in the original, 98.17 % and
# 98.40 % in the later edition.

# %%
trainings = ql.spread([98.12, 97.17, 98.17, 98.40])
print(f"four trainings: mean {trainings.mean:.2f} %, standard deviation {trainings.std:.2f} points")
print(f"retraining gained {98.45 - 98.24:.2f} points, in one run")
sampling = 100 * (0.98 * 0.02 / 10_000) ** 0.5
print(f"98 % measured on 10,000 images: standard error {sampling:.2f} points")

# %% [markdown]
# Two kinds of luck are at work. Another seed gives another network: that is the first number.
# Other test images would give another accuracy for the same network: that is the last one. The
# gain is smaller than the first and not much larger than the last. Before and after retraining
# share some luck, the same start and the same test images, so the gain's own spread is smaller
# than that. How much smaller, one run cannot tell.
#
# So what does the one run say? It shows that a network *can* have 98.45 % after retraining. It
# does not show that retraining gains 0.21 points, nor that it gains anything on average. It takes
# several runs for that, and a rule.
#
# **The rule.** With the means $\bar a$, $\bar b$, the sample standard deviations $s_a$, $s_b$
# (divide by $n - 1$) and $n_a$, $n_b$ runs, the standard error of the difference is
#
# $$e = \sqrt{\frac{s_a^2}{n_a} + \frac{s_b^2}{n_b}}$$
#
# and a difference counts where it is larger than $2e$. With few runs 2 is too small a factor: for
# 5 runs each, tables of Student's t say 2.3, for 3 runs each 2.8, for 2 runs each 4.3.
#
# ## Exercise: reading error bars


# %% nbgrader={"grade": false, "grade_id": "read-error-bars", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: read-error-bars
def better(accuracies_a, accuracies_b):
    """Return "a", "b" or "cannot tell", by the rule above.

    accuracies_a, accuracies_b: lists of at least two accuracies, one for each run; the two may
    have different lengths. Where the means differ by more than twice the standard error of their
    difference, the method with the higher mean is better; else you cannot tell.
    Example: better([0.97, 0.98, 0.99], [0.91, 0.92, 0.93]) gives "a";
    better([0.97, 0.98, 0.99], [0.96, 0.98, 0.985]) gives "cannot tell".
    Hint: statistics.variance divides by n - 1; np.var needs ddof=1 for that.
    """
    ### BEGIN SOLUTION
    difference = np.mean(accuracies_a) - np.mean(accuracies_b)
    squares = [np.var(runs, ddof=1) / len(runs) for runs in (accuracies_a, accuracies_b)]
    if abs(difference) <= 2 * np.sqrt(sum(squares)):
        return "cannot tell"
    return "a" if difference > 0 else "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-read-error-bars", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: read-error-bars
checks.check("read-error-bars", better)
### BEGIN HIDDEN TESTS
checks.check("read-error-bars", better, seed=8206)
### END HIDDEN TESTS

# %% [markdown]
# Now our own methods, each against the one above it in the picture. Judge each line before you
# read on: does the difference count? And what would two runs of each have said?

# %%
names = list(results)
for runs in (5, 2):
    print(f"from {runs} runs:")
    for one, other in zip(names[1:], names[:-1], strict=True):
        first, second = (ql.spread(results[name].values[:runs]) for name in (one, other))
        gap, error = first.mean - second.mean, np.hypot(first.std, second.std) / runs**0.5
        print(f"  {one} - {other}: {100 * gap:+.2f} points, 2e = {200 * error:.2f}")

# %% [markdown]
# Both tables come from the same runs. With two of each, chance decides how large *e* comes out: the
# rule then hides differences, or calls some sure that are none.
#
# The seeds are not the only luck. All methods are tested on the same 2,500 images, so these errors
# leave out how the images were drawn; and all start from one baseline, so they leave out how that
# was trained. An error bar always answers one question: *what if we did exactly this again?* Say
# what "this" is.

# %% [markdown]
# ## What you can say now
#
# - Training on from quantized weights gives accuracy back, and takes the grid away in one step.
#   Whoever retrains freely has to quantize again, and test *that* network.
# - Tied centroids keep the codes and move the centres; straight-through training keeps the centres
#   and changes codes. Both train the network that will be stored.
# - Part of what looks like training can be something else: here the statistics of BatchNorm.
#   Controls find out.
# - One run shows that a result is possible. To call one method better than another takes as many
#   runs as bring $2e$ below their difference. Report the mean, the standard deviation and the number
#   of runs.
#
# ## The lab in five lines
#
# You trained a small network on MNIST with an L1 penalty; rounded its weights to uniform levels,
# which is simple and cheap; then to centres that k-means places where the weights are, which needs
# fewer bits and a stored codebook; retrained; and quantized again. b bits per weight cost
# n · b / 8 bytes for n weights, and the levels or centres come on top.
#
# The idea to cluster the weights of a trained network with k-means is described in: Y. Gong,
# L. Liu, M. Yang, L. Bourdev, *Compressing Deep Convolutional Networks using Vector Quantization*,
# 2014, arXiv 1412.6115.

# %% [markdown]
# ## Three questions to end with
#
# They give no points, and there is no wrong answer. Edit the cells and submit the notebook, as
# lesson 00 shows. Here the course lab ends: `quantlab tour` in a terminal walks through it once
# more, with every step's accuracy and bytes in one table. What it leaves open, why no file has become
# smaller yet, is lesson 05.

# %% nbgrader={"grade": false, "grade_id": "survey-difficulty", "locked": false, "schema_version": 3, "solution": true, "task": false}
# survey: difficulty
# How difficult was the lab? Choose one: "too simple", "simple", "about right", "difficult",
# "too difficult".
difficulty = None

# %% nbgrader={"grade": false, "grade_id": "survey-concepts", "locked": false, "schema_version": 3, "solution": true, "task": false}
# survey: concepts
# Did you recognise the concepts of the lecture in the lab? Choose "yes" or "no".
recognised = None

# %% nbgrader={"grade": false, "grade_id": "survey-changes", "locked": false, "schema_version": 3, "solution": true, "task": false}
# survey: changes
# What would you add to the lab, or remove from it? Write between the quotation marks.
changes = """

"""
