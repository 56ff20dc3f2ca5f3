# %% right, as asked
true_or_false = False
reason = "b"

# %% right, numpy and a capital letter
true_or_false = np.bool_(False)
reason = "B"

# %% right, words
true_or_false, reason = "false", " b "

# %% wrong, the claim is believed, grey values
# says: no image is clustered
true_or_false = True
reason = "a"

# %% wrong, false because of activations
# says: the outputs of the layers
true_or_false = False
reason = "c"

# %% wrong, false because of filters
# says: the centres are single numbers
true_or_false = False
reason = "d"

# %% wrong, false because of grey values
# says: all their grey values
true_or_false = False
reason = "a"

# %% wrong, the right reason for the wrong word
# says: the reason is right
true_or_false = True
reason = "b"

# %% wrong, no such letter
# says: this is not one of the answers
true_or_false = False
reason = "e"

# %% wrong, no reason
# says: this is not one of the answers
true_or_false = False
reason = None

# %% wrong, the two exchanged
# says: this is not one of the answers
true_or_false = "b"
reason = False
