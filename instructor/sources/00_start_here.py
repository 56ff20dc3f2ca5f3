# %% [markdown]
# # Weight quantization: start here
#
# After this notebook you know that your set-up works. You can **say** why weights are quantized,
# and you have **seen** what quantization does to one layer.
#
# *Needs*: nothing. *Takes*: 10 minutes, on a CPU, offline.
#
# You will meet a small network that reads handwritten digits. You will round its weights in two
# ways: to equally spaced **levels** (uniform quantization), and to **centres**, which k-means
# places where the weights are.

# %% [markdown]
# ## Is the set-up right?
#
# Run each cell with Shift + Enter. The next cell imports what we need. If it fails, run
# `quantlab doctor` in a terminal and follow its advice.

# %%
import copy
import zlib

import torch

import quantlab_helpers as ql
from quantlab_helpers import checks, plots

# %%
images, labels = ql.load_mnist("test", device="cpu")
print(f"quantlab {ql.__version__}, torch {torch.__version__}")
print(f"{len(labels):,} test images of {images.shape[2]} x {images.shape[3]} pixels")

# %% [markdown]
# ## Ten digits
#
# MNIST contains scanned digits, written by census workers and high-school students. A pixel is a
# number from 0 (paper) to 1 (ink). Here is the first image of each digit in the test set.

# %%
row = plots.digits(images, labels)

# %% [markdown]
# ## The trained network
#
# The **baseline** is the course lab's network, already trained: three convolutions and two dense
# layers. How many of the 10,000 test images does it read correctly? Write your guess in place of
# `None`, then run both cells.

# %%
guess_correct = None  # write your number here

# %%
net = ql.load_baseline(device="cpu")
test = ql.evaluate(net, ql.Dataset(images, labels))
print(f"{test.correct:,} of {test.total:,} correct: {test.accuracy:.2%}")
checks.compare_guess(guess_correct, test.correct)

# %% [markdown]
# Our goal: keep this number while we shrink the weights. How few bits can the weights have before
# the accuracy drops? This is the question of the whole lab.

# %% [markdown]
# ## Why quantize?
#
# A network is stored as its weights. The list of its layers takes very little space. Each weight is
# a 32-bit float, so it takes 4 bytes.

# %%
here = ql.float32_bytes(net) // 4
for name, numbers in [("this network", here), ("AlexNet, 2012", 61e6), ("a chatbot", 7e9)]:
    print(f"{name:>14}: {numbers:13,.0f} numbers, {4 * numbers / 1e6:10,.1f} MB")

# %% [markdown]
# AlexNet, which started the deep-learning boom in 2012, needs more than 200 MB. A language model
# with seven billion weights needs more memory than most laptops have. All of this must be
# downloaded, stored, and read again for every answer.
#
# Would zip help? We compress 2,000 of the test images, with one byte per pixel, and then the
# weights. **Before you run the cell**: what fraction of each remains?


# %%
def share_left(content):
    return len(zlib.compress(content)) / len(content)


pixels = (images[:2000] * 255).byte().numpy()
weights = torch.cat([p.detach().flatten() for p in net.parameters()]).numpy()
print(f"images:  {share_left(pixels.tobytes()):.0%} left")
print(f"weights: {share_left(weights.tobytes()):.0%} left")

# %% [markdown]
# The images shrink to a fraction of their size. The weights hardly shrink at all. A float has a
# sign, an exponent (where is the point?) and 23 more bits, and those bits look random. Let us split
# the four bytes of each weight. We compress all first bytes together, then all second bytes, then
# the others:

# %%
columns = weights.view("uint8").reshape(-1, 4)  # least significant byte first
names = ["last 8 bits", "8 bits before", "last exponent bit and 7 more", "sign and exponent"]
for column, name in reversed(list(zip(columns.T, names, strict=True))):
    print(f"{name:>29}: {share_left(column.tobytes()):.0%} left")

# %% [markdown]
# Only the byte with the sign and the exponent contains something that repeats. A lossless
# compressor must keep the other bytes. We may drop them, if the network does not need them.
#
# ## Does a network need its last digits?
#
# Let us add noise. We multiply every weight by a random factor with mean 1 and standard deviation
# 0.05. Here are three such networks:

# %%
for seed in range(3):
    noisy = copy.deepcopy(net)
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in noisy.parameters():
            parameter.mul_(1 + 0.05 * torch.randn(parameter.shape, generator=dice))
    accuracy = ql.evaluate(noisy, ql.Dataset(images, labels)).accuracy
    print(f"noise {seed}: {accuracy:.2%} correct, without noise {test.accuracy:.2%}")

# %% [markdown]
# A network tolerates noise when we **use** it, and rounding is just another kind of noise.
# **Training** is different: it moves a weight by about a thousandth at a time. Imagine a weight
# that may only take multiples of 0.01. We move it by 0.001 a hundred times, and round it after each
# move. Where does it end? Without rounding, it ends at 0.1.

# %%
step, on_grid, free = 0.01, 0.0, 0.0
for _ in range(100):
    free = free + 0.001
    on_grid = step * round((on_grid + 0.001) / step)
print(f"as a float: {free:.3f}, on the grid: {on_grid:.3f}")

# %% [markdown]
# Each small move is rounded away. This is why the lab goes in this order: first train with floats,
# then quantize, and be careful when you continue training.

# %% [markdown]
# ## One layer on 256 equally spaced levels
#
# `conv2.weight` has 2,304 weights. With 8 bits per weight there are 256 levels, from the smallest
# weight to the largest. Every weight moves to its nearest level. In the picture, the bars count
# weights on a logarithmic axis. The upper row of strokes marks the levels in use. The lower row
# marks the levels that no weight uses.
#
# **Before you run the cell**: will all 256 levels be used?

# %%
weights = net.conv2.weight
uniform = ql.uniform_quantize(weights, 8)
plots.weight_histogram(weights, uniform, title="conv2.weight, 8-bit levels")
print(f"unique values: {ql.unique_count(weights):,} before, {ql.unique_count(uniform)} after")

# %% [markdown]
# The levels are equally spaced, no matter where the weights are. Most weights are close to zero, so
# many levels are not used.
#
# ## The same layer on 8 centres
#
# k-means places k = 8 **centres** where they make the squared error small. Where do you expect
# them?

# %%
kmeans = ql.kmeans_quantize(weights, 8)
plots.weight_histogram(weights, kmeans, title="conv2.weight, k = 8 centres")
print(f"unique values after: {ql.unique_count(kmeans)}")
print(f"bytes as float32: {4 * weights.numel():,}")
for name, small in [("8-bit levels", uniform), ("8 centres", kmeans)]:
    print(f"bytes on {name}: {small.payload_bytes:,} + {small.overhead_bytes}")

# %% [markdown]
# Eight centres need 3 bits instead of 8. They are closer together where there are many weights. The
# last two lines show two numbers of bytes each. The first number is for the codes. The second is
# for what the codes need to be read: the range of the grid, or the table of centres.

# %% [markdown]
# ## How exercises are checked
#
# An exercise is a cell that begins with `# exercise:` and a name. Replace the line that raises
# `NotImplementedError` with your own code, and run the cell. Then run the cell below it. It begins
# with `# test:` and checks what you wrote. Try it:


# %% nbgrader={"grade": false, "grade_id": "levels-of-bits", "locked": false, "schema_version": 3, "solution": true, "task": false}
# exercise: levels-of-bits
def levels_of_bits(bits):
    """Return how many different values a code of this many bits can represent.

    bits: an integer from 1 to 16.
    Example: levels_of_bits(3) gives 8, for the codes 000, 001, 010, 011, 100, 101, 110, 111.
    Hint: how does the length of this list change with one more bit?
    """
    ### BEGIN SOLUTION
    return 2**bits
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-levels-of-bits", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# test: levels-of-bits
checks.check("levels-of-bits", levels_of_bits)
### BEGIN HIDDEN TESTS
checks.check("levels-of-bits", levels_of_bits, seed=4071)
### END HIDDEN TESTS

# %% [markdown]
# A wrong answer is never a problem. The check tells you **what happened**, **why**, and **how to
# fix it**, and you can try again as often as you like. Here is an answer with a mistake; the cell
# catches the message and prints it.


# %%
def with_a_mistake(bits):
    return bits**2


try:
    checks.check("levels-of-bits", with_a_mistake)
except checks.CheckFailed as message:
    print(message)

# %% [markdown]
# - When your work is graded, the same checks run again with other numbers. An answer that is right
#   for every input gets all points. An answer that fits only the example does not.
# - After an exercise, the notebook continues with the package's own function. If you are stuck, go
#   on and come back later: everything below still works.
# - You can call `checks.check("levels-of-bits", levels_of_bits)` in any cell of your own.
# - Cells that ask for a guess give no points. We ask because you remember a result better after a
#   wrong guess.
#
# ## How to submit
#
# 1. Choose *Restart kernel and run all cells*, and look at the cells that begin with `# test:`.
# 2. Save the notebook, and keep its name.
# 3. Hand in the `.ipynb` file as your instructor tells you. In Colab, download it first with
#    *File*, *Download*, *Download .ipynb*. You can also run `quantlab submit NOTEBOOK...` in a
#    terminal. It lists what is still unanswered, and it makes one file to hand in and a receipt to
#    keep.
#
# Please do not rename, delete, copy or split the cells that begin with `# exercise:` or `# test:`,
# and do not change these first lines: grading uses them to find your answers. Everything else is
# yours. Add cells, change figures, write notes. JupyterLab, Notebook, VS Code and Colab all keep
# what grading needs.

# %% [markdown]
# ## What you have now
#
# Your set-up works. You know why weights are quantized: a network is almost all weights, ordinary
# compression hardly shrinks floats, and a trained network does not need their last digits. And you
# have seen one layer on levels and on centres.
#
# Next: `01_train_the_baseline`. There you train this network and see why its weights look as they
# do. To see the result first, run `quantlab tour` in a terminal: it goes through the whole lab.
