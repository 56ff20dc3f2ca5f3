"""Train the run that `explore_retraining` shows, and write it to assets/retraining.json.

    python instructor/make_retraining.py

The baseline is quantized to 4 centres per weight tensor, then trained for six epochs of 6,000
images in two ways: free, as the course lab retrains, and with fixed codes, so that only the centres
move. Test accuracy selects nothing.
"""

import json
from pathlib import Path

import numpy as np

import quantlab_helpers as ql
from quantlab_helpers.compression.finetune import train_codebook

TARGET = Path(__file__).parent.parent / "quantlab_helpers" / "assets" / "retraining.json"
K, EPOCHS, IMAGES, SEED, LAYER = 4, 6, 6_000, 0, "conv2"
BINS = 81


def on_centres(net):
    """Return the network with K centres per weight tensor; biases stay float32."""
    return ql.quantize_model(net, weights=lambda w: ql.kmeans_quantize(w, K), biases=None)


def row(net, test, edges):
    """Return the numbers that the explorer shows for one epoch."""
    weights = getattr(net, LAYER).weight.detach().numpy()
    again = on_centres(net)
    return {
        "accuracy": ql.evaluate(net, test).accuracy,
        "accuracy_again": ql.evaluate(again.net, test).accuracy,
        "unique": {name: ql.unique_count(getattr(net, name).weight) for name in (LAYER, "fc1")},
        "counts": np.histogram(np.clip(weights, edges[0], edges[-1]), edges)[0].tolist(),
        "values": np.unique(weights).tolist() if ql.unique_count(weights) <= K else [],
    }


def main() -> None:
    """Train both ways, test after every epoch, save."""
    train, test = (ql.load_mnist(split, device="cpu") for split in ("train", "test"))
    data = ql.Dataset(train.images[:IMAGES], train.labels[:IMAGES])
    net = ql.load_baseline(device="cpu")
    start = on_centres(net)
    tensor = getattr(net, LAYER).weight
    edges = np.linspace(float(tensor.min().detach()), float(tensor.max().detach()), BINS + 1)
    epochs = {"free": [row(start.net, test, edges)], "tied": [row(start.net, test, edges)]}
    free, tied = start.net, start
    for epoch in range(1, EPOCHS + 1):
        free = ql.train(free, epochs=1, data=data, seed=SEED + epoch, progress=False).net
        settings = {"epochs": 1, "data": data, "seed": SEED + epoch, "progress": False}
        settings["batchnorm"] = "measured"  # as free training does
        tied = train_codebook(tied, update="mean", learning_rate=0.02, **settings).model
        epochs["free"].append(row(free, test, edges))
        epochs["tied"].append(row(tied.net, test, edges))
        print(epoch, *(epochs[way][-1]["accuracy"] for way in epochs), flush=True)
    run = {
        "layer": LAYER,
        "k": K,
        "images": IMAGES,
        "baseline": ql.evaluate(net, test).accuracy,
        "edges": [round(edge, 6) for edge in edges.tolist()],
        "centres": start.tensors[f"{LAYER}.weight"].codebook.tolist(),
        "epochs": epochs,
    }
    TARGET.write_text(json.dumps(run, separators=(",", ":")) + "\n")
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
