# %% [markdown]
# # Retraining
#
# After this notebook you can **say** how much accuracy training after quantization brings back,
# what it does to the grid, and how many runs you need before you may call one method better than
# another.
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
# Retraining takes training images. When we *choose* something (how many centres, how large a
# learning rate), we look at **validation** images. The **test** images only measure what we have
# already chosen. A setting that was chosen because it does well on the test images fits these
# images, and its test accuracy is then too optimistic.
#
# Our split has one weakness. The baseline was trained on all 60,000 training images, so it has
# already seen the validation images below. They can rank two settings, but they cannot tell how
# good a network is on new images.

# %%
net = ql.load_baseline(device="cpu")
images, labels = ql.load_mnist("train", limit=12_000, device="cpu")
validation = ql.Dataset(images[10_000:], labels[10_000:])
test = ql.load_mnist("test", device="cpu")


def draw(seed, count=2_000):
    """Draw `count` of the first 10,000 training images, in random order; each seed draws others."""
    order = torch.randperm(10_000, generator=torch.Generator().manual_seed(seed))[:count]
    return ql.Dataset(images[order], labels[order])


# %% [markdown]
# ## The course lab's last step
#
# The lab ends like this. With 8 centres per tensor, for weights and for biases, the network has
# lost some accuracy. So continue training, from the quantized weights and without a reset, and
# then **quantize again**. The original edition leaves both steps to its students. The later
# edition continues training and stops there.
#
# We begin with the network with 8 centres. For each network we print how many distinct values the
# 470,400 weights of `fc1` have. This number tells you whether 3 bits per weight are enough to
# store it.


# %%
def eight_centres(weights):
    return ql.kmeans_quantize(weights, 8)


def report(step, network):
    accuracy = ql.evaluate(network, test).accuracy
    values = ql.unique_count(network.fc1.weight)
    print(f"{step:24}{accuracy:8.2%} of test images right, {values:8,} distinct weights in fc1")


quantized = ql.quantize_model(net, weights=eight_centres, biases=eight_centres)
report("baseline", net)
report("8 centres", quantized.net)

# %% [markdown]
# Eight centres cost some accuracy. (The lab speaks of almost 3 percent, but neither of its
# editions prints such a loss.) Now come the two missing steps. `ql.train` continues from the
# weights of the network it gets, with a new Adam, and returns a new network. We use 6,000 images
# once; the lab uses 60,000 images five times.

# %%
retrained = ql.train(quantized.net, epochs=1, data=draw(0, 6_000), progress=False).net
again = ql.quantize_model(retrained, weights=eight_centres, biases=eight_centres)
report("8 centres, retrained", retrained)
report("and quantized again", again.net)
print(f"bytes: {ql.float32_bytes(retrained):,} retrained, {again.total_bytes:,} quantized again")

# %% [markdown]
# Retraining brings accuracy back. But the retrained network is as large as the baseline: in `fc1`
# alone, its weights again have tens of thousands of distinct values, and 3 bits can only
# represent 8. The last network is the only one here that is both quantized *and* retrained.
#
# The later edition of the lab prints 98.24% after k-means and 98.45% after retraining, and it
# ends there. The second number is the accuracy of a float32 network. It does not describe a
# network with 8 centres.

# %% [markdown]
# ## What free retraining does to the grid
#
# "I quantize, then I train, then I quantize again, so training takes the grid into account." Is
# that true? Train for a **single step** on 100 images. The 2,304 weights of `conv2` had 8
# distinct values before this step. How many distinct values do they have after it?

# %%
guess_values = None  # write your number here

# %%
one_step = ql.train(quantized.net, epochs=1, data=draw(0, 100), progress=False).net
values = ql.unique_count(one_step.conv2.weight)
checks.compare_guess(guess_values, values, unit="distinct values")

# %% [markdown]
# One step is enough to leave the 8 values. Weights that shared a centre connect different pixels
# and neurons, so each weight has its own gradient and moves in its own way. (Adam's first step
# has nearly the same length for all weights, up or down, so some of them still agree. After a few
# more steps they no longer do.) What happens in `fc1`?

# %%
network = quantized.net
for epoch in range(1, 4):
    network = ql.train(network, epochs=1, data=draw(epoch), progress=False).net
    counts = [ql.unique_count(layer.weight) for layer in (network.conv2, network.fc1)]
    print(f"after epoch {epoch}: {counts[0]:,} of 2,304 in conv2, {counts[1]:,} of 470,400 in fc1")

fc1, fc2 = quantized.net.fc1, quantized.net.fc2
neurons = torch.cat([fc1.weight, fc1.bias[:, None], fc2.weight.T], dim=1)  # one row each
print(f"of the 300 neurons of fc1, {len(torch.unique(neurons, dim=0))} were distinct at the start")

# %% [markdown]
# `fc1` has fewer distinct values than weights. The last line shows the reason: with L1 and 8
# centres, most of its neurons have become **copies** of each other, with the same code in every
# place. Copies get the same gradient in every step, so they stay copies. (On some processors,
# rounding makes them differ.) Multiply the number of different neurons by the 1,568 weights of
# each, and compare. Among these neurons, nearly every weight has a value of its own.
#
# The picture shows `conv2` after three epochs. Before, all its weights were on the dashed lines.

# %%
ax = plt.subplots(figsize=(8, 3.2), layout="constrained")[1]
centres = quantized.tensors["conv2.weight"]
ax = plots.weight_histogram(network.conv2.weight, centres, title="conv2, retrained freely", ax=ax)

# %% [markdown]
# Training does not know the centres. No term of the loss keeps a weight near a centre, so the
# bars fill the space between the lines. When we quantize again, we lose part of what the network
# has learned: we test another network than the one we trained. **Quantization-aware** training is
# different: it uses the grid while it trains. Two ways to do that follow below.

# %% [markdown]
# ## Exercise: retrain and quantize again
#
# Write the loop of the lab's exercise, for any quantizer and any training:
#
# 1. Quantize the network you are given.
# 2. In each round, continue training **from the quantized network**, then quantize again.
# 3. Return the last quantized network.
#
# In this notebook `train_once` could be `lambda n: ql.train(n, epochs=1, data=draw(0)).net`. The
# check uses small replacements for both functions, so it runs quickly.


# %% nbgrader={"grade": false, "grade_id": "retrain-requantize", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: retrain-requantize
def retrain_and_requantize(net, train_once, quantize, rounds):
    """Return the network after `rounds` rounds of training and quantizing again.

    net: a trained float network; do not change it.
    train_once(network), quantize(network): both return a new network and do not change their
    argument.
    rounds: 0 or more; 0 rounds give quantize(net).
    Example: 1 round gives a network that was quantized, trained, quantized.
    Hint: every step of the loop works on the result of the step before. Use one variable for it.
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
# Eight centres cost this network very little, so there is little for retraining to bring back.
# With how many centres does the accuracy really drop? This is a choice, so we look at validation
# images. From here on, biases stay float32: there are few of them, and we want to study the
# weights.

# %%
for k in (2, 4, 8, 16):
    few = ql.quantize_model(net, weights=lambda w, k=k: ql.kmeans_quantize(w, k), biases=None)
    print(f"k = {k:2}: {ql.evaluate(few.net, validation).accuracy:7.2%} of validation images right")


# %% [markdown]
# We take k = 4, which is 2 bits per weight. This leaves enough accuracy to recover.


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
# moves, all weights with code $j$ move with it. By the chain rule, the gradient of a centre is
# therefore the sum of the gradients of its weights (Deep Compression, Han, Mao and Dally 2015,
# equation 3):
#
# $$\frac{\partial L}{\partial c_j} = \sum_{i:\ \mathrm{code}_i = j} \frac{\partial L}{\partial w_i}$$
#
# ## Exercise: the gradient of a centre


# %% nbgrader={"grade": false, "grade_id": "tied-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: tied-gradient
def tied_gradient(gradient, codes, k):
    """Return for each of the k centres the sum of the gradients of its weights, shape (k,).

    gradient: array of float of any shape, the gradient of the loss with respect to each weight.
    codes: array of int in the same shape, 0 .. k - 1: the centre of each weight.
    A centre without weights gets 0.
    Example: tied_gradient(np.array([0.5, -1.0, 2.0]), np.array([0, 1, 0]), 3) gives [2.5, -1, 0].
    Hint: in the example, how many gradients are added for centre 0?
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
# Some labs use the **mean** instead of the sum. What does that change? Look at the centres of
# `fc1`: the mean divides each sum by the number of weights that share the centre. We try three
# steps with each optimizer, once with the sum and once with the mean, at the same learning rate.

# %%
sizes = torch.bincount(codes["fc1.weight"].flatten(), minlength=4)
print("weights per centre:", sizes.tolist())
gradients = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))  # random is fine
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
# With plain SGD, the mean divides the step of each centre by its number of weights. These numbers
# are very different here. The direction of each centre's step stays the same. Adam divides each
# step by the size of the gradients it has seen. A constant factor per centre therefore cancels,
# and hardly anything changes.
#
# Now we write one training loop for the two methods that follow. They differ only in `weights()`:
# this function computes the weights of the network from the numbers that are being learned.
# `functional_call` runs a network with the weights we pass to it. Biases stay as they are.


# %%
def train_through(network, weights, learned, data, rate=0.0003):
    """Train the tensors in `learned`; every step runs the network with weights()."""
    optimizer = torch.optim.Adam(learned, lr=rate)
    network.train()
    for images, labels in ql.batches(data, 100):
        logits = functional_call(network, weights(), (images,))
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        network.load_state_dict(weights(), strict=False)  # we test what we trained
    return network.eval()


# %% [markdown]
# For tied centroids, a weight is `centres[code]`. We need nothing more: PyTorch's derivative of
# this look-up is the sum from the exercise.


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
# Does the network stay on the grid? How many distinct values do you expect in `fc1` after 1, 2
# and 10 steps?

# %%
guess_tied = None  # write your number for 10 steps here

# %%
for steps in (1, 2, 10):
    network = tied(draw(0, 100 * steps))
    values = torch.unique(network.fc1.weight.detach())
    print(f"after {steps:2} steps:", ", ".join(f"{value:.5f}" for value in values.tolist()))
checks.compare_guess(guess_tied, len(values), unit="distinct values")

# %% [markdown]
# The four values move, but there are always four. We do not have to quantize again: the codes
# have not changed, and we only have to store a new codebook of 4 floats per tensor.
#
# Here is such a run over six epochs of 6,000 images. It was computed beforehand, so nothing is
# trained now. **Predict** before you move the slider: which network is the best after three
# epochs, the freely retrained one, the same network quantized again, or the one with tied
# centres? Which of them fit into 2 bits per weight?

# %%
from quantlab_helpers import explorers

explorers.explore_retraining()

# %% [markdown]
# ## Straight-through: the centres stay, the codes change
#
# We can also do the opposite: keep a float weight behind each quantized weight. The forward pass
# rounds it to the nearest centre. Rounding has derivative 0 nearly everywhere, which would stop
# all training. The backward pass therefore ignores the rounding and treats it as the identity.
# This is called a **straight-through estimator**. The float weight collects small steps until it
# crosses the middle between two centres. Then its code changes.


# %%
def nearest(weight, centres):
    """Round each weight to the nearest centre, without a gradient."""
    middles = (centres[1:] + centres[:-1]) / 2
    return centres[torch.bucketize(weight.detach().contiguous(), middles)]


def through(weight, centres):
    """Return the nearest centres, with a gradient that passes unchanged to the weights."""
    return nearest(weight, centres) + (weight - weight.detach())


weight = torch.tensor([0.1, 0.4, 0.9], requires_grad=True)
rounded = through(weight, torch.tensor([0.0, 0.5, 1.0]))
(rounded * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
print("forward:", rounded.tolist(), "  backward:", weight.grad.tolist())

# %% [markdown]
# `weight - weight.detach()` is zero, and its derivative with respect to `weight` is one. In the
# forward pass it adds nothing. In the backward pass it carries the whole gradient.


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
print(f"{ql.unique_count(network.fc1.weight)} distinct values in fc1")
for name in ("conv1", "conv2", "conv3", "fc1", "fc2"):
    pair = [model.get_submodule(name).weight for model in (network, four.net)]
    changed = pair[0] != pair[1]
    print(f"{name}: {int(changed.sum()):,} of {changed.numel():,} weights have another code")

# %% [markdown]
# There are still four values, and they are the centres that k-means had placed. The network has
# learned through its codes: a few weights, most of them in the convolutions, have moved to
# another centre. All other weights are where they were.

# %% [markdown]
# ## Which is best?
#
# We add two more methods to the comparison. The first is *free*: train all weights freely and
# place 4 centres again. The second is a control. BatchNorm keeps a running mean and variance of
# its inputs, and these were measured with float weights. Any kind of retraining measures them
# again. The control does only that: it shows images to the quantized network and trains
# **nothing**. (Free retraining may also move the biases. The other methods leave them as they
# are.)


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
# We keep everything else equal: 2,000 images once, batches of 100, no L1 penalty, and five seeds
# that draw the images and their order. We chose the learning rate of each method from 0.0001,
# 0.0003 and 0.001, by the mean accuracy on the **validation** images over three other seeds. The
# result is 0.001 for free retraining, which is also the lab's learning rate, and 0.0003 for the
# other two.

# %%
quarter = ql.Dataset(test.images[::4], test.labels[::4])  # 2,500 test images, to save time


def five_runs(method):
    return ql.over_seeds(lambda seed: ql.evaluate(method(draw(seed)), quarter).accuracy, seeds=5)


alone = ql.evaluate(four.net, quarter).accuracy
results = {"k-means only": ql.spread([alone] * 5)}  # no seed: the same network each time
results["statistics only"] = five_runs(statistics_only)
for name, run in results.items():
    print(f"{name:20} mean {run.mean:.2%}, standard deviation {run.std:.2%}")

# %% [markdown]
# Most of the loss is back, and we have not trained anything. The 4 centres change the values that
# reach BatchNorm, so its old statistics no longer fit. Without this control, we would have given
# retraining the credit.
#
# How far does free retraining get, with k-means once more at the end? Answer in percent of the
# test images:

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
# Look at the circles, too. After free training, it is partly chance where k-means divides the
# weights, so these runs are far apart. The two methods that use the grid while they train gain
# more. Their runs are close together, because they test exactly the network that they trained.
# All methods saw 2,000 images once. How much closer to the dashed line do they get with more
# images? Try `draw(seed, 8_000)`.

# %% [markdown]
# ## What one run can show
#
# The course lab prints one run per number. It trains its network twice with the same settings,
# and it has two editions. So there are four test accuracies that should differ only by chance
# (and perhaps by the versions of the libraries): 98.12% and 97.17% in the original, 98.17% and
# 98.40% in the later edition.

# %%
trainings = ql.spread([98.12, 97.17, 98.17, 98.40])
print(f"four trainings: mean {trainings.mean:.2f}%, standard deviation {trainings.std:.2f} points")
print(f"retraining gained {98.45 - 98.24:.2f} points, in one run")
sampling = 100 * (0.98 * 0.02 / 10_000) ** 0.5
print(f"98% measured on 10,000 images: standard error {sampling:.2f} points")

# %% [markdown]
# Two kinds of chance are at work. Another seed gives another network: this is the first number.
# Other test images would give another accuracy for the same network: this is the last number. The
# gain is smaller than the first number and not much larger than the last. The networks before and
# after retraining share some of this chance, because they have the same start and the same test
# images. So the gain itself varies less than the first number says. One run cannot show how much
# less.
#
# So what does this one run show? It shows that a network *can* reach 98.45% after retraining. It
# does not show that retraining gains 0.21 points, nor that it gains anything on average. For that
# we need several runs, and a rule.
#
# **The rule.** Take the means $\bar a$, $\bar b$, the sample standard deviations $s_a$, $s_b$
# (divide by $n - 1$) and the numbers of runs $n_a$, $n_b$. The standard error of the difference
# is
#
# $$e = \sqrt{\frac{s_a^2}{n_a} + \frac{s_b^2}{n_b}}$$
#
# We accept a difference if it is larger than $2e$. With few runs the factor 2 is too small.
# Tables of Student's t give 2.3 for 5 runs each, 2.8 for 3 runs each, and 4.3 for 2 runs each.
#
# ## Exercise: reading error bars


# %% nbgrader={"grade": false, "grade_id": "read-error-bars", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: read-error-bars
def better(accuracies_a, accuracies_b):
    """Return "a", "b" or "cannot tell", by the rule above.

    accuracies_a, accuracies_b: lists of at least two accuracies, one for each run; the lengths
    may differ. If the means differ by more than twice the standard error of their difference,
    the method with the higher mean is better; otherwise you cannot tell.
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
# Now we compare our own methods, each with the one above it in the picture. Judge each line
# before you read on: is the difference larger than the rule asks for? And what would two runs of
# each have shown?

# %%
names = list(results)
for runs in (5, 2):
    print(f"from {runs} runs:")
    for one, other in zip(names[1:], names[:-1], strict=True):
        first, second = (ql.spread(results[name].values[:runs]) for name in (one, other))
        gap, error = first.mean - second.mean, np.hypot(first.std, second.std) / runs**0.5
        print(f"  {one} - {other}: {100 * gap:+.2f} points, 2e = {200 * error:.2f}")

# %% [markdown]
# Both tables come from the same runs. With only two runs of each method, chance decides how large
# *e* is. The rule then misses real differences, or accepts differences that are not real.
#
# The seeds are not the only source of chance. All methods are tested on the same 2,500 images, so
# our errors do not include how these images were drawn. All methods start from one baseline, so
# our errors do not include how this baseline was trained. An error bar always answers one
# question: *what would happen if we did exactly this again?* Say what "this" is.

# %% [markdown]
# ## What you can say now
#
# - If you continue training from quantized weights, accuracy comes back, but the weights leave
#   the grid in a single step. After free retraining, quantize again and test *that* network.
# - Tied centroids keep the codes and move the centres. Straight-through training keeps the
#   centres and changes codes. Both train the network that will be stored.
# - Some of the gain may not come from training at all. Here it comes from the statistics of
#   BatchNorm. A control shows this.
# - One run shows that a result is possible. To call one method better than another, make so many
#   runs that their difference is larger than $2e$. Report the mean, the standard deviation and
#   the number of runs.
#
# ## The lab in five lines
#
# You trained a small network on MNIST with an L1 penalty. You rounded its weights to uniform
# levels, which is simple and cheap. Then you rounded them to centres that k-means places where
# the weights are, which needs fewer bits and a stored codebook. You retrained the network and
# quantized it again. With b bits per weight, n weights take n · b / 8 bytes, plus the levels or
# centres.
#
# The idea to cluster the weights of a trained network with k-means is described in: Y. Gong, L.
# Liu, M. Yang, L. Bourdev, *Compressing Deep Convolutional Networks using Vector Quantization*,
# 2014, arXiv 1412.6115.

# %% [markdown]
# ## Three final questions
#
# These questions give no points, and there is no wrong answer. Edit the cells and submit the
# notebook, as lesson 00 shows. The course lab ends here. In a terminal, `quantlab tour` goes
# through it once more and shows the accuracy and the bytes of every step in one table. One
# question is still open: why has no file become smaller yet? Lesson 05 answers it.

# %% nbgrader={"grade": false, "grade_id": "survey-difficulty", "locked": false, "schema_version": 3, "solution": true, "task": false}
# survey: difficulty
# How difficult was the lab? Choose one of "too simple", "simple", "about right", "difficult",
# "too difficult".
difficulty = None

# %% nbgrader={"grade": false, "grade_id": "survey-concepts", "locked": false, "schema_version": 3, "solution": true, "task": false}
# survey: concepts
# Did you recognize the concepts of the lecture in the lab? Choose "yes" or "no".
recognised = None

# %% nbgrader={"grade": false, "grade_id": "survey-changes", "locked": false, "schema_version": 3, "solution": true, "task": false}
# survey: changes
# What would you add to the lab? What would you remove? Write between the quotation marks.
changes = """

"""
