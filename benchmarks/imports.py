"""What importing the package costs beyond torch.

python benchmarks/imports.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from _bench import Row, table

IMPORT = """
import time, torch
started = time.perf_counter()
import quantlab_helpers
print(time.perf_counter() - started)
"""


def rows(runs: int = 5) -> list[Row]:
    command = [sys.executable, "-c", IMPORT]
    times = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    ]
    took = statistics.median(times)
    return [
        Row("import quantlab_helpers after torch", f"{took:.3f} s", "at most 0.3 s", took <= 0.3)
    ]


if __name__ == "__main__":
    print(table(rows()))
