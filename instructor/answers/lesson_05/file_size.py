# %% right, the sum
file_bytes = 480_776 // 2 + 8 * 64 + 4 * 566

# %% right, an eighth of float32
file_bytes = 1_925_368 / 8

# %% right, from the package
model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 16), biases=None)
file_bytes = np.float32(model.total_bytes)

# %% right, a tensor
file_bytes = torch.tensor([244_000])

# %% wrong, float32
# says: that is 4 for every number
file_bytes = 1_925_368

# %% wrong, a byte per code
# says: one byte for every number
file_bytes = 480_776 + 566

# %% wrong, 16 bits per code
# says: 16 is the number of centres
file_bytes = 480_776 * 16 / 8 + 566 * 4

# %% wrong, a sixteenth
# says: a sixteenth of float32
file_bytes = 1_925_368 / 16

# %% wrong, 3 bits
# says: enough for 8 centres
file_bytes = 480_776 * 3 / 8 + 512 + 566 * 4

# %% wrong, 5 bits
# says: codes run from 0 to 15
file_bytes = 480_776 * 5 / 8 + 512 + 566 * 4

# %% wrong, kilobytes
# says: in kilobytes
file_bytes = 243.2

# %% wrong, megabytes
# says: in megabytes
file_bytes = 0.2432

# %% wrong, the ratio
# says: the ratio of the float32 size
file_bytes = 8

# %% wrong, out of thin air
# says: 480,776 weights take 4 bits each
file_bytes = 300_000 - 40_000

# %% wrong, a text
# says: this is not one number
file_bytes = "243164"

# %% wrong, two numbers
# says: this is not one number
file_bytes = 240_388, 2_264

# %% wrong, below zero
# says: a size is a number above 0
file_bytes = -243_164
