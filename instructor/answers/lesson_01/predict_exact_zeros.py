# %% right, none
zeros_guess = 0

# %% right, nearly all
zeros_guess = 470_000

# %% right, a float without decimals
zeros_guess = 0.97 * 481_200 // 1

# %% right, a numpy number
zeros_guess = np.int64(481_214)

# %% right, a tensor
zeros_guess = torch.tensor(1000)

# %% wrong, a share
# says: this looks like a fraction
zeros_guess = 0.97

# %% wrong, more than there are
# says: no more than 481,214
zeros_guess = 481_215

# %% wrong, negative
# says: a count cannot be negative
zeros_guess = -1

# %% wrong, percent in words
# says: this is not one number
zeros_guess = "97 %"

# %% wrong, an interval
# says: this is not one number
zeros_guess = (0, 1000)

# %% wrong, half a weight
# says: a count is a whole number
zeros_guess = 1000.5

# %% wrong, not a number
# says: this is not a number
zeros_guess = float("nan")

# %% wrong, a truth value
# says: this is not one number
zeros_guess = True

# %% wrong, no commitment
# says: is not answered yet
zeros_guess = None
