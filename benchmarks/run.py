"""Run every benchmark and write RESULTS.md.

    make bench

One thread, alternating runs, medians; ratios are what to quote, since absolute times follow the
load of the machine.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

# Before numpy and torch are imported: they read it once.
os.environ["OMP_NUM_THREADS"] = "1"

import course_lab
import imports
import kmeans
import uniform
from _bench import table

TARGET = Path(__file__).with_name("RESULTS.md")
LIBRARIES = ("numpy", "torch", "scikit-learn", "scipy", "faiss-cpu", "flash1dkmeans", "kmeans1d")


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    parts = [
        "# Measured results",
        "",
        "Written by `make bench`; do not edit. Ratios come from alternating runs in one process "
        "on one thread, as medians of at least five; a ratio below 2 is within the noise of a "
        "shared machine.",
        "",
        f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; {versions}.",
    ]
    titles = {
        "Import": imports,
        "The course lab's quantizers": course_lab,
        "Uniform quantization, 470,400 weights": uniform,
        "k-means, 470,400 weights": kmeans,
    }
    for title, module in titles.items():
        print(f"\n## {title}\n", flush=True)
        result = table(module.rows())
        print(result, flush=True)
        parts += ["", f"## {title}", "", result]
    TARGET.write_text("\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
