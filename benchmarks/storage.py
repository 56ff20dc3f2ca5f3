"""The file's coders: how near the bound, and how fast.

    python benchmarks/storage.py

The bound counts codes as independent draws; everything a file needs beside them is in the ratio.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from _bench import Row, median, table
from _weights import data_sets

import quantlab_helpers as ql

NOTES = (
    "Laplace: 470,400 weights drawn from a Laplace distribution, as spread as fc1 without L1. In "
    "the baseline's own fc1, which L1 has emptied, the file leaves out rows and columns that hold "
    "only one code, so it is smaller than the bound.\n\n"
)


def fc1_ratio(net: ql.Net, k: int, path: Path) -> float:
    """Return the bytes of fc1 with all it needs, against the entropy bound of its codes."""
    rule = {"fc1": lambda weights: ql.kmeans_quantize(weights, k)}
    ql.save_quantized(ql.quantize_model(net, weights=rule, biases=None), path)
    row = next(row for row in ql.ledger(path).rows if row.name == "fc1.weight")
    entry = 35  # its share of the header
    return (row.total_bytes + entry) / row.bound_bytes


def rows() -> list[Row]:
    """Measure."""
    found = []
    laplace = data_sets()["Laplace"]
    net = ql.reset_model(device="cpu")
    with torch.no_grad():
        net.fc1.weight.copy_(torch.from_numpy(laplace).reshape(300, 1568))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        for name, patient in {"Laplace": net, "baseline": ql.load_baseline(device="cpu")}.items():
            ratios = {k: fc1_ratio(patient, k, path) for k in (4, 8, 16)}
            worst = max(ratios.values())
            text = ", ".join(f"k = {k}: {ratio:.4f}" for k, ratio in ratios.items())
            what = f"entropy-coded fc1, all it needs counted, against the bound, {name}"
            found.append(Row(what, text, "at most 1.02", worst <= 1.02, worst / 1.02 - 1))
        model = ql.quantize_model(
            ql.load_baseline(device="cpu"),
            weights=lambda weights: ql.kmeans_quantize(weights, 8),
            biases=lambda biases: ql.kmeans_quantize(biases, 8),
        )
        size = ql.save_quantized(model, path)
        time = median(lambda: ql.load_quantized(path, device="cpu"))
        what = f"load_quantized of the baseline, k = 8, {size:,} bytes"
        found.append(Row(what, f"{time:.3f} s", "under 0.2 s", time < 0.2, time / 0.2 - 1))
    codes = ql.kmeans_quantize(laplace, 8).codes
    encoded = ql.huffman_encode(codes, k=8)
    stream = ql.entropy_encode(codes, k=8)
    packed = ql.pack(codes, 3)
    count = codes.size
    timed = [
        ("Huffman, encode", lambda: ql.huffman_encode(codes, k=8), encoded.payload, 0.1),
        (
            "Huffman, decode",
            lambda: ql.huffman_decode(encoded.payload, encoded.lengths, count=count),
            encoded.payload,
            0.3,
        ),
        ("entropy coder, encode", lambda: ql.entropy_encode(codes, k=8), stream, 0),
        ("entropy coder, decode", lambda: ql.entropy_decode(stream, count=count, k=8), stream, 0),
        ("pack", lambda: ql.pack(codes, 3), packed, 0),
        ("unpack", lambda: ql.unpack(packed, 3, count=count), packed, 0),
    ]
    bound = ql.bound_bytes(codes)
    for name, call, content, most in timed:
        time = median(call)
        what = f"470,400 codes, k-means k = 8, {name} ({len(content) / bound:.3f} of the bound)"
        reached = not most or time < most
        short = time / most - 1 if most else 0.0
        target = f"under {most} s" if most else "-"
        found.append(Row(what, f"{1000 * time:.1f} ms", target, reached, short))
    return found


if __name__ == "__main__":
    print(table(rows()))
