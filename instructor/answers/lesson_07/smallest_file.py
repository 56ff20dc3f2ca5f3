# %% right, 8 bits with a level at zero, packed: the first point
def smallest_file(net, path):
    model = ql.quantize_model(
        net, weights=lambda w: ql.uniform_quantize(w, 8, zero_point="int"), biases=None
    )
    return ql.save_quantized(model, path, coding="packed")

# %% right, the same codes behind an entropy coder
def smallest_file(net, path):
    rule = lambda w: ql.uniform_quantize(w, 8, zero_point="int")
    ql.save_quantized(ql.quantize_model(net, weights=rule, biases=None), str(path))
    return path

# %% right, another network and a file made beforehand
def smallest_file(net, path):
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        mine = f"{folder}/mine.safetensors"
        other = ql.load_baseline(device="cpu")
        model = ql.quantize_model(
            other, weights=lambda w: ql.kmeans_quantize(w, 64), biases=lambda b: ql.kmeans_quantize(b, 64)
        )
        ql.save_quantized(model, mine, coding="huffman")
        shutil.copy(mine, path)

# %% wrong, 8 centres and nothing else
# says: are needed
def smallest_file(net, path):
    model = ql.quantize_model(
        net, weights=lambda w: ql.kmeans_quantize(w, 8), biases=lambda b: ql.kmeans_quantize(b, 8)
    )
    ql.save_quantized(model, path)

# %% wrong, float32 in the right container
# says: tensors that were not quantized are stored as floats
def smallest_file(net, path):
    ql.save_quantized(ql.quantize_model(net, weights=None, biases=None), path)

# %% wrong, save_net
# says: holds float32 weights that save_net wrote
def smallest_file(net, path):
    ql.save_net(net, path)

# %% wrong, torch.save
# says: your file was written by torch.save or pickle
def smallest_file(net, path):
    torch.save(net.state_dict(), path)

# %% wrong, pickle
# says: your file was written by torch.save or pickle
def smallest_file(net, path):
    import pickle

    with open(path, "wb") as file:
        pickle.dump([parameter.detach().numpy() for parameter in net.parameters()], file)

# %% wrong, returns the bytes
# says: it returned 
def smallest_file(net, path):
    import os
    import tempfile

    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    with tempfile.TemporaryDirectory() as folder:
        ql.save_quantized(model, os.path.join(folder, "x"))
        return open(os.path.join(folder, "x"), "rb").read()

# %% wrong, returns the model
# says: a model in memory has no size on disk
def smallest_file(net, path):
    return ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)

# %% wrong, another name
# says: the check reads exactly the file whose name it passed
def smallest_file(net, path):
    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    ql.save_quantized(model, f"{path}.min")

# %% wrong, zips the file
# says: write it with ql.save_quantized(model, path) at the end
def smallest_file(net, path):
    import gzip

    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    ql.save_quantized(model, path)
    with open(path, "rb") as file:
        content = file.read()
    with gzip.open(path, "wb") as file:
        file.write(content)

# %% wrong, cuts the end off
# says: write it with ql.save_quantized(model, path) at the end
def smallest_file(net, path):
    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    ql.save_quantized(model, path)
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[:3000])

# %% wrong, an empty file
# says: write it with ql.save_quantized(model, path) at the end
def smallest_file(net, path):
    open(path, "wb").close()

# %% wrong, saves the network itself
# says: must be a QuantizedModel
def smallest_file(net, path):
    ql.save_quantized(net, path)

# %% wrong, does nothing
# says: there is no file at `path`
def smallest_file(net, path):
    model = ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, 64), biases=None)
    print(model.total_bytes)
