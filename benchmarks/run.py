"""Run every benchmark and write RESULTS.md.

    make bench                   # all, about 45 minutes
    make bench ARGS=uniform      # some again; the others stay as last measured

Alternating runs, medians, one thread except for training; ratios are what to quote, since
absolute times follow the load of the machine.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sys
from pathlib import Path

# Before numpy and torch are imported: they read it once.
os.environ["OMP_NUM_THREADS"] = "1"

import compress
import course_lab
import explorers
import imports
import kmeans
import storage
import training
import uniform
from _bench import table

HERE = Path(__file__).parent
SECTIONS = HERE.parent / "build" / "bench"
LIBRARIES = ("numpy", "torch", "scikit-learn", "scipy", "faiss-cpu", "flash1dkmeans", "kmeans1d")
TITLES = {
    "imports": ("Import", imports),
    "training": ("Training", training),
    "course_lab": ("The course lab's quantizers", course_lab),
    "uniform": ("Uniform quantization, 470,400 weights", uniform),
    "kmeans": ("k-means, 470,400 weights", kmeans),
    "storage": ("The file and its coders", storage),
    "compress": ("The smallest file", compress),
    "explorers": ("Explorers", explorers),
}


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    chosen = sys.argv[1:] or list(TITLES)
    unknown = [name for name in chosen if name not in TITLES]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; choose from {', '.join(TITLES)}.")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    SECTIONS.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        title, module = TITLES[name]
        machine = (
            f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}; {versions}."
        )
        notes = getattr(module, "NOTES", "")
        section = f"## {title}\n\n{table(module.rows())}\n\n{notes}{machine}\n"
        print(section, flush=True)
        (SECTIONS / f"{name}.md").write_text(section)
    parts = [SECTIONS / f"{name}.md" for name in TITLES]
    intro = (
        "# Measured results\n\nWritten by `make bench`; do not edit. Ratios come from alternating "
        "runs in one process on one thread, as medians of at least five where a row names a "
        "required ratio (the slow list loop runs once; training runs on all cores). A ratio below "
        "2 is within the noise of a shared machine.\n"
    )
    (HERE / "RESULTS.md").write_text(
        "\n".join([intro, *(part.read_text() for part in parts if part.exists())])
    )


if __name__ == "__main__":
    main()
