# %% [markdown]
# # Train the baseline
#
# After this notebook you can **say** where a network's bytes are, **write** a training step with an
# L1 penalty, and **explain** what this penalty did to the weights. The result decides how hard
# quantization will be.
#
# *Needs*: lesson 00. *Takes*: 25 minutes, on a CPU; training takes seconds.

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn import functional as F

import quantlab_helpers as ql
from quantlab_helpers import checks, plots

# %%
train = ql.load_mnist("train", device="cpu")
test = ql.load_mnist("test", device="cpu")
net = ql.load_baseline(device="cpu")

# %% [markdown]
# ## The images
#
# The digits of MNIST were written on forms by employees of the US Census Bureau and by high-school
# students. Yann LeCun, Corinna Cortes and Christopher Burges scaled them to one size and centred
# them. For many years, new methods of machine learning were tested on MNIST first. Licence: CC
# BY-SA 3.0.
#
# In the file, a pixel is a grey value from 0 to 255. Here it is divided by 255.

# %%
for name, data in [("training", train), ("test", test)]:
    print(f"{name}: {tuple(data.images.shape)}, {len(data.images.unique())} grey values")
row = plots.digits(train.images, train.labels)

# %% [markdown]
# A network must not be tested on the images that it learned from. This is why there are 60,000
# images for training and 10,000 different images for the test.
#
# ## Why handwriting is hard
#
# The baseline turns an image into ten **logits**, one for each digit. Its prediction is the digit
# with the largest logit. How many of the 10,000 test images does it get wrong?

# %%
guess_wrong = None  # write your number here

# %%
with torch.no_grad():
    logits = torch.cat([net(images) for images, _ in ql.batches(test, 200)])
predictions = logits.argmax(dim=1)
wrong = (predictions != test.labels).nonzero().flatten()
checks.compare_guess(guess_wrong, len(wrong), unit="images")

# %%
figure, axes = plt.subplots(2, 8, figsize=(10, 3.2), layout="constrained")
for ax, image in zip(axes.flat, wrong, strict=False):
    ax.imshow(test.images[image, 0], cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(f"{test.labels[image]} read as {predictions[image]}", fontsize=10)
    ax.set_axis_off()

# %% [markdown]
# Cover the labels and read these digits yourself. Some are badly written. Others are clear, and the
# network still gets them wrong. Which two digits does it confuse most often?

# %%
mixed = np.bincount(10 * test.labels[wrong] + predictions[wrong], minlength=100)
for pair in mixed.argsort()[:-4:-1]:
    print(f"{pair // 10} read as {pair % 10}: {mixed[pair]} times")

# %% [markdown]
# ## The network, layer by layer
#
# | layer | what it does | shape of its output |
# | --- | --- | --- |
# | `conv1`, `bn1` | 16 filters of 5 x 5, BatchNorm, ReLU | 16 x 28 x 28 |
# | `conv2`, `bn2` | 16 filters of 3 x 3, BatchNorm, max-pool, ReLU | 16 x 14 x 14 |
# | `conv3`, `bn3` | 32 filters of 3 x 3, BatchNorm, max-pool, ReLU | 32 x 7 x 7 |
# | `fc1` | dense, 1,568 numbers to 300 | 300 |
# | `fc2` | dense, 300 numbers to 10 logits | 10 |
#
# It is the course lab's network. Training changes its **parameters**: the weights and biases of
# every layer. Guess: what percentage of all parameters is in the largest tensor?

# %%
guess_share = None  # write your number here, in percent

# %%
total = sum(tensor.numel() for tensor in net.parameters())
for name, tensor in net.named_parameters():
    count = tensor.numel()
    print(f"{name:>12} {tuple(tensor.shape)!s:>15} {count:9,} {count / total:7.2%}")
print(f"{'all':>12} {'':>15} {total:9,}")
checks.compare_guess(guess_share, 100 * net.fc1.weight.numel() / total, unit="%")

# %% [markdown]
# One matrix contains nearly everything. To make the file small, you have to shrink `fc1.weight`.
# The biases hardly matter for the number of bytes, but they may matter for the accuracy.

# %% [markdown]
# ### Two dense layers and nothing between them
#
# In the course lab there is no ReLU between `fc1` and `fc2`. So the two layers together are one
# linear map, and its matrix is the product of their matrices. Does a single dense layer from 1568
# to 10 give the same logits?

# %%
with torch.no_grad():
    inputs = torch.rand(100, 1568, generator=torch.Generator().manual_seed(0))
    product = net.fc2.weight @ net.fc1.weight
    bias = net.fc2.weight @ net.fc1.bias + net.fc2.bias
    apart = (net.fc2(net.fc1(inputs)) - F.linear(inputs, product, bias)).abs().max()
print(f"{product.numel() + bias.numel():,} parameters; the logits differ by at most {apart:.0e}")

# %% [markdown]
# We get the same answers, up to rounding, from a small part of the numbers. So this network is far
# larger than it has to be. We keep the course lab's layers, because they show well how quantization
# changes a large matrix. But before you compress a network, ask whether it needs all its layers.

# %% [markdown]
# ### Exercise: count the bytes
#
# A 32-bit float takes 4 bytes. How many bytes do all parameters of a network take?


# %% nbgrader={"grade": false, "grade_id": "count-bytes", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: count-bytes
def count_bytes(net):
    """Return how many bytes the parameters of a network take as 32-bit floats.

    net: a torch.nn.Module. Count all parameters, weights and biases of every layer, trained or
    not. Do not count buffers: BatchNorm's running mean and variance are not parameters.
    Example: torch.nn.Linear(2, 1) has 2 weights and 1 bias, so 12 bytes.
    Hint: net.parameters() gives one tensor after the other; tensor.numel() gives its size.
    """
    ### BEGIN SOLUTION
    return 4 * sum(parameter.numel() for parameter in net.parameters())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-count-bytes", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: count-bytes
checks.check("count-bytes", count_bytes)
### BEGIN HIDDEN TESTS
checks.check("count-bytes", count_bytes, seed=6130)
### END HIDDEN TESTS

# %% [markdown]
# The package's `ql.float32_bytes` gives a slightly larger number. It also counts the statistics
# that BatchNorm has measured: a running mean and a running variance for each channel. They are not
# trained, but the network cannot run without them, so a file must contain them.

# %%
parameters, stored = 4 * total, ql.float32_bytes(net)
channels = net.bn1.num_features + net.bn2.num_features + net.bn3.num_features
print(f"{parameters:,} bytes of parameters, {stored:,} bytes with the running statistics")
print(f"the difference: {stored - parameters} = 4 bytes x 2 statistics x {channels} channels")

# %% [markdown]
# ## The loss: cross-entropy and an L1 penalty
#
# The course lab trains with these settings: 5 epochs (passes over the 60,000 images), batches of
# 100, the Adam optimizer with a learning rate of 0.001, and an **L1 penalty** with β = 0.001:
#
# $$\mathrm{loss} = \mathrm{cross\ entropy} + \beta \sum_w |w|$$
#
# The cross-entropy is small when the right digit gets nearly all of the probability. The penalty is
# small when the weights are small. The derivative of |w| is the sign of w. So the penalty pulls
# every weight towards zero with the same force β, even a weight that is already small. Only weights
# that help to classify resist this pull.

# %% [markdown]
# ### Exercise: the L1 penalty
#
# Write the sum without β. The result must stay a tensor, because training asks torch for its
# gradient.


# %% nbgrader={"grade": false, "grade_id": "l1-penalty", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: l1-penalty
def l1_penalty(net):
    """Return the sum of the absolute values of all parameters of a network.

    net: a torch.nn.Module. Every parameter counts, weights and biases of all layers.
    Returns a tensor with one number, of shape (). Gradients must flow through it to the
    parameters.
    Example: for a layer with the weights -3 and 4 and the bias -0.5 it gives tensor(7.5), and
    after l1_penalty(net).backward() the gradients of these three are -1, 1 and -1.
    Hint: tensors have .abs() and .sum(); .item() would cut the gradient off.
    """
    ### BEGIN SOLUTION
    return sum(parameter.abs().sum() for parameter in net.parameters())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-l1-penalty", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: l1-penalty
checks.check("l1-penalty", l1_penalty)
### BEGIN HIDDEN TESTS
checks.check("l1-penalty", l1_penalty, seed=2954)
### END HIDDEN TESTS

# %% [markdown]
# From here on we use the package's `ql.l1_penalty`.
#
# ## One training step
#
# We start with a fresh network. A step takes a batch of images and has three parts. The forward
# pass computes the loss. The backward pass computes the gradient of the loss for every weight. Then
# Adam moves each weight against its gradient, by about the learning rate.

# %%
fresh = ql.reset_model(seed=0, device="cpu")
adam = torch.optim.Adam(fresh.parameters(), lr=0.001)


def training_step(images, labels, beta=0.001):
    entropy = F.cross_entropy(fresh(images), labels)  # forward
    penalty = beta * ql.l1_penalty(fresh)
    adam.zero_grad()  # forget the gradients of the step before
    (entropy + penalty).backward()
    adam.step()
    return entropy.item(), penalty.item()


# %% [markdown]
# **Before you run it**: which of the two terms is larger at the start?

# %%
few = ql.Dataset(train.images[:4000], train.labels[:4000])
for step, (images, labels) in enumerate(ql.batches(few, 100), start=1):
    entropy, penalty = training_step(images, labels)
    if step in (1, 2, 5, 10, 20, 40):
        print(f"step {step:2}: cross-entropy {entropy:.3f}, beta x penalty {penalty:.3f}")

# %% [markdown]
# At first the penalty is larger than the cross-entropy, because there are so many weights. Then
# both fall: the network learns to read, while the penalty makes most of its weights smaller.

# %% [markdown]
# ## Testing
#
# ### Exercise: the accuracy
#
# The accuracy is the fraction of images whose prediction equals the label.


# %% nbgrader={"grade": false, "grade_id": "accuracy", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: accuracy
def accuracy(logits, labels):
    """Return the fraction of right predictions, a number from 0 to 1.

    logits: tensor of float, shape (n, classes), one row per image.
    labels: tensor of int, shape (n,), the true classes, counted from 0.
    Example: accuracy(torch.tensor([[0.0, 2.0], [3.0, 1.0]]), torch.tensor([1, 1])) gives 0.5:
    the first row is largest at place 1, which is its label. The second is largest at place 0.
    Hint: which axis runs over the classes?
    """
    ### BEGIN SOLUTION
    return (logits.argmax(dim=1) == labels).float().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-accuracy", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# test: accuracy
checks.check("accuracy", accuracy)
### BEGIN HIDDEN TESTS
checks.check("accuracy", accuracy, seed=7718)
### END HIDDEN TESTS

# %% [markdown]
# A test loop goes through the images in batches, to save memory. It counts the right predictions
# and divides once at the end. It differs from training in two points: BatchNorm uses its running
# statistics (`eval`), and torch keeps no gradients (`no_grad`).


# %%
def test_accuracy(net, data):
    net.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in ql.batches(data, 200):
            _, places = net(images).max(dim=1)
            correct += int((places == labels).sum())
    return correct / len(data.labels)


print(f"after 40 steps: {test_accuracy(fresh, test):.2%} of the test images")

# %% [markdown]
# Forty steps and 4,000 images are enough to read most digits. From here on, `ql.evaluate` does the
# same for us.

# %% [markdown]
# ## Training
#
# `ql.train` repeats these steps for all images, in a new order in each epoch. We use its fast
# recipe: one epoch, in which the learning rate rises to 0.005 and falls again. It uses a GPU if
# there is one. On a CPU it takes some seconds. (`ql.train(recipe="course")` repeats the course
# lab's five epochs. Try it when you have time.)

# %%
result = ql.train(recipe="fast")
for epoch in result.history:
    print(f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, training accuracy {epoch.accuracy:.4f}")
print(f"{epoch.seconds:.0f} seconds")

# %%
for name, one in [("fast recipe, now", result.net), ("baseline, 5 epochs", net)]:
    print(f"{name:>18}: {ql.evaluate(one, test).accuracy:.2%} of the test images")
print("training accuracy of the baseline:", ql.baseline_metadata()["training_accuracy"])

# %% [markdown]
# For comparison, here are the numbers that the two editions of the course lab print. Each edition
# was run once, on a GPU:
#
# | | training accuracy, epochs 1 to 5 | test accuracy |
# | --- | --- | --- |
# | original | 0.9522 0.9769 0.9789 0.9804 0.9814 | 98.12% |
# | certification edition | 0.9543 0.9765 0.9798 0.9811 0.9819 | 98.17% |
#
# How much do two runs differ when only the seed changes? As long as you do not know this, a
# difference of 0.1 percentage points proves nothing. Lesson 04 measures it.

# %% [markdown]
# ## What the penalty did to the weights
#
# During training, the penalty pulled every weight of the baseline towards zero, step after step.
#
# ### Exercise: a prediction
#
# How many of its 481,214 parameters are **exactly** 0.0 now? Choose a number before you measure.
# Any number gives the point.

# %% nbgrader={"grade": false, "grade_id": "predict-exact-zeros", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: predict-exact-zeros
# Write a whole number from 0 to 481,214 in place of None, and delete the line that raises.
zeros_guess = None
### BEGIN SOLUTION
zeros_guess = 0
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-predict-exact-zeros", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: predict-exact-zeros
checks.answered("predict-exact-zeros", zeros_guess)
### BEGIN HIDDEN TESTS
checks.check("predict-exact-zeros", zeros_guess)
### END HIDDEN TESTS

# %% [markdown]
# And how many percent are **within 0.001** of zero?

# %%
guess_near = None  # write your number here, in percent


# %%
def flat(net):
    return torch.cat([tensor.detach().flatten() for tensor in net.parameters()])


weights = flat(net)
checks.compare_guess(zeros_guess, int((weights == 0).sum()), unit="exact zeros")
checks.compare_guess(guess_near, 100 * float((weights.abs() < 0.001).float().mean()), unit="%")

# %% [markdown]
# Nearly all weights are close to zero, and none is exactly zero. Here is `fc1.weight` before and
# after training. The count axis is logarithmic: each line upwards means ten times as many weights.

# %%
untrained = ql.reset_model(seed=0, device="cpu")
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", sharex=True, sharey=True)
# 7 bars for the narrow interval, 101 for the wide one, so that all bars have about the same width.
plots.weight_histogram(untrained.fc1.weight, bins=7, title="fc1.weight, untrained", ax=axes[0])
plots.weight_histogram(net.fc1.weight, bins=101, title="fc1.weight, with L1", ax=axes[1])
axes[1].set(ylim=(0, 2e6), ylabel="")
plt.show()

# %% [markdown]
# The untrained weights fill a small interval evenly. After training, almost all of them are in a
# single bar. A few have moved far out, and these do most of the work. A quantizer has to cover the
# whole range, and these few weights set it.
#
# How close to zero is "close"? We draw the size of every weight on a logarithmic axis:

# %%
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
sizes = np.logspace(-8, 0, 81)
ax.hist(weights.abs(), sizes, color=plots.BARS, label="trained with L1")
ax.hist(flat(untrained).abs(), sizes, histtype="step", color="black", ls="--", label="untrained")
ax.axvline(0.001, color="black", lw=1.5)
ax.annotate("learning rate ", (0.001, 0.75), xycoords=("data", "axes fraction"), ha="right")
ax.set(xscale="log", xlabel="size of a weight, |w|", ylabel="number of weights")
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# Almost all of the trained weights are below 0.001, and 0.001 was the learning rate of that
# training. So they are within about one step of zero. This is no accident.

# %% [markdown]
# ## Why L1 gives no exact zeros
#
# "L1 makes weights exactly zero" is true at the **minimum** of the loss. But an optimizer with
# finite steps does not stop exactly there. Take a single weight that starts at 0.0105, and let only
# the penalty act on it. Plain gradient descent moves it by 0.001 in each step. Adam's first steps
# are equally long.
#
# **Before you run the cell**: where is the weight after 120 steps?


# %%
def pull_alone(make_optimizer, steps=120):
    weight = torch.tensor([0.0105], requires_grad=True)
    optimizer, path = make_optimizer([weight]), []
    for _ in range(steps):
        path.append(weight.item())
        optimizer.zero_grad()
        (0.001 * weight.abs().sum()).backward()
        optimizer.step()
    return path


paths = {
    "gradient descent": pull_alone(lambda parameters: torch.optim.SGD(parameters, lr=1.0)),
    "Adam": pull_alone(lambda parameters: torch.optim.Adam(parameters, lr=0.001)),
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained", sharey=True)
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    ax.plot(path, color=plots.BARS, marker=".", lw=1)
    ax.axhline(0, color="black", lw=1)
    ax.set(title=name, xlabel="step")
    last = ", ".join(f"{weight:.5f}" for weight in path[-4:])
    print(f"{name:>16}: ends with {last}; exactly zero {path.count(0.0)} times")
axes[0].set_ylabel("the weight")
plt.show()

# %% [markdown]
# Close to zero, the pull is as strong as far away, and it changes its sign at zero. So gradient
# descent steps over zero and back, again and again. Adam overshoots, swings back, and its swings
# get smaller, but it does not land on zero either. In a real network, each batch also gives the
# weight a small push. So the weights end in a cloud around zero that is about one step wide. With
# shorter steps the cloud is narrower.

# %%
for name, one in [("untrained", untrained), ("fast", result.net), ("baseline", net)]:
    near = [f"{float((flat(one).abs() < size).float().mean()):6.1%}" for size in (1e-3, 1e-4, 1e-5)]
    zeros = int((flat(one) == 0).sum())
    print(f"{name:>9}: {' '.join(near)} within 0.001, 0.0001, 0.00001; {zeros} exactly 0")

# %% [markdown]
# The fast recipe ends with very small steps, so its cloud is narrower than the baseline's. (The
# untrained network has some exact zeros: BatchNorm's biases start at zero, and training moves them
# away.)

# %% [markdown]
# ## Exact zeros need a separate step
#
# To get exact zeros, set them: every weight below a **threshold** becomes 0. This is called
# **pruning**. We choose the threshold 0.001. How will it change the test accuracy?

# %%
guess_pruned = None  # write the accuracy you expect here, in percent

# %%
pruned = copy.deepcopy(net)
with torch.no_grad():
    for tensor in pruned.parameters():
        tensor[tensor.abs() < 0.001] = 0
zeros = int((flat(pruned) == 0).sum())
print(f"{zeros:,} of {total:,} parameters are 0 now, {total - zeros:,} are left")
print(f"before: {ql.evaluate(net, test).accuracy:.2%}")
checks.compare_guess(guess_pruned, 100 * ql.evaluate(pruned, test).accuracy, unit="%")

# %% [markdown]
# The weights in the cloud did nothing for the answers. Keep this in mind for the next lessons: a
# quantizer rounds these weights, too. It matters where it rounds them to, because a grid does not
# always have a level at zero.

# %% [markdown]
# ## What you can do now
#
# - **Say** where the bytes are: 4 bytes for each of 481,214 parameters, nearly all in `fc1.weight`,
#   and a few more for BatchNorm's running statistics.
# - **Write** the training step: forward, cross-entropy + β times the sum of |w|, backward, Adam.
# - **Explain** the weights: L1 pulls every weight with the same force. Weights that the images do
#   not need end in a cloud around zero that is about one step wide, and none of them is exactly
#   zero.
#
# Next: `02_uniform_quantization` puts these weights on equally spaced levels.
