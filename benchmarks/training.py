"""The course lab's training loop against `train`: seconds, accuracy over seeds, memory.

    python benchmarks/training.py            # about 20 minutes on 2 cores
    python benchmarks/training.py cuda       # on a GPU

Every run is a process of its own with as many threads as there are cores; the runs to compare
take turns. The seconds of a run hold everything from reading the images to the trained network.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import torch
from _bench import Row, median, table
from torch import Tensor, nn
from torch.nn import functional as F

import quantlab_helpers as ql
from quantlab_helpers._support.torchvision_import import datasets
from quantlab_helpers.data import data_folder

SEEDS = range(5)
WANTED = 0.982
NOTES = (
    "Training runs on all cores, each run in a process of its own. The course lab's loop is "
    "written out in benchmarks/training.py: a DataLoader that turns image by image into a tensor, "
    "float32, and the penalty built up from zeros through autograd.\n\n"
)


class LabNet(ql.Net):
    """The same network with ReLU before max-pool, and weights laid out as torch does by default."""

    def __init__(self) -> None:
        super().__init__()
        self.to(memory_format=torch.contiguous_format)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.bn3(self.conv3(x))), 2)
        return self.fc2(self.fc1(x.flatten(1)))


def lab_penalty(net: nn.Module, device: str) -> Tensor:
    penalty = torch.zeros(1, device=device)
    for parameter in net.parameters():
        penalty = penalty + torch.sum(torch.abs(parameter))
    return penalty


def lab_loop(seed: int, epochs: int, device: str) -> nn.Module:
    """Train as the course lab's notebook does."""
    mnist = datasets().MNIST  # before transforms: a torchvision of another build needs its guard
    from torchvision.transforms import ToTensor

    torch.manual_seed(seed)
    images = mnist(str(data_folder()), train=True, transform=ToTensor())
    loader = torch.utils.data.DataLoader(images, batch_size=100, shuffle=True)
    net = LabNet().to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    for _ in range(epochs):
        total_loss, accuracies = 0.0, []
        for batch, labels in loader:
            batch, labels = batch.to(device), labels.to(device)
            optimizer.zero_grad()
            outputs = net(batch)
            loss = criterion(outputs, labels) + 0.001 * lab_penalty(net, device)
            loss.backward()
            optimizer.step()
            total_loss += loss.item()
            accuracies.append((outputs.argmax(1) == labels).float().mean().item())
    return net


def work(what: str, seed: int, epochs: int, device: str) -> None:
    """Do one run and print its numbers."""
    ql.load_mnist("test", limit=1)  # unpacks the files where no run did before
    if device == "cuda":
        torch.zeros(1, device=device)  # starting CUDA is nobody's training time
    started = time.perf_counter()
    if what == "lab":
        net = lab_loop(seed, epochs, device)
    else:
        net = ql.train(recipe=what, epochs=epochs, seed=seed, device=device, progress=False).net
    if device == "cuda":
        torch.cuda.synchronize()
    wall = time.perf_counter() - started
    accuracy = ql.evaluate(net).accuracy
    weights = torch.cat([parameter.detach().flatten() for parameter in net.parameters()])
    near_zero = (weights.abs() < 1e-3).double().mean().item()
    found = {"seconds": wall, "accuracy": accuracy, "near_zero": near_zero, "memory": peak_memory()}
    print(json.dumps(found))


def peak_memory() -> int:
    """Return the most bytes this process has held in memory so far."""
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def start(what: str, seed: int, epochs: int, device: str, **threads: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, __file__, "--work", what, str(seed), str(epochs), device]
    return subprocess.Popen(
        command, env=environment | threads, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=3600)
    if process.returncode:
        sys.exit(f"A run ended with status {process.returncode}.")
    return json.loads(output)


def compared(device: str) -> dict[str, list[dict[str, Any]]]:
    """Run the loop, "course" and "fast" in turn, once for each seed."""
    found: dict[str, list[dict[str, Any]]] = {"lab": [], "course": [], "fast": []}
    for seed in SEEDS:
        for what, epochs in (("lab", 5), ("course", 5), ("fast", 1)):
            found[what].append(finish(start(what, seed, epochs, device)))
            print(what, seed, found[what][-1], file=sys.stderr, flush=True)
    return found


def together(processes: int) -> float:
    """Return the median seconds of an epoch when so many processes train, one thread each."""
    running = [start("course", n, 1, "cpu", OMP_NUM_THREADS="1") for n in range(processes)]
    return statistics.median(finish(process)["seconds"] for process in running)


def rows(device: str = "cpu") -> list[Row]:
    found = compared(device)

    def middle(what: str, key: str = "seconds") -> float:
        return statistics.median(run[key] for run in found[what])

    def accuracies(what: str) -> list[float]:
        return [run["accuracy"] for run in found[what]]

    def shown(values: list[float]) -> str:
        return f"{100 * statistics.mean(values):.2f} ± {100 * statistics.stdev(values):.2f}%"

    def row(what: str, ratio: float, measured: str, least: float) -> Row:
        short = 0.0 if ratio >= least else 1 - ratio / least
        return Row(what, f"{ratio:.1f}x ({measured})", f"{least:g}x", ratio >= least, short)

    lab, course, fast = middle("lab"), middle("course"), middle("fast")
    lowest, highest = min(accuracies("lab")), max(accuracies("lab"))
    least = min(accuracies("fast"))
    near_zero = f"{100 * middle('fast', 'near_zero'):.1f}%"
    memory = max(run["memory"] for what in ("course", "fast") for run in found[what])
    result = [
        row(
            f'{device}: 5 epochs, the lab\'s loop against recipe="course"',
            lab / course,
            f"{lab:.0f} s, {course:.0f} s",
            2.5,
        ),
        Row(
            f"{device}: test accuracy after 5 epochs, 5 seeds, lab and course",
            f"{shown(accuracies('lab'))} ({100 * lowest:.2f} to {100 * highest:.2f}), "
            f"{shown(accuracies('course'))}",
            "mean of course within the lab's lowest and highest",
            lowest <= statistics.mean(accuracies("course")) <= highest,
        ),
        row(
            f'{device}: trained, the lab\'s 5 epochs against recipe="fast"',
            lab / fast,
            f"{lab:.0f} s, {fast:.1f} s",
            12.0 if device == "cpu" else 20.0,
        ),
        Row(
            f'{device}: lowest test accuracy of recipe="fast" over 5 seeds',
            f"{100 * least:.2f}% ({shown(accuracies('fast'))})",
            f"{100 * WANTED:.1f}%",
            least >= WANTED,
        ),
        Row(
            f"{device}: weights within 0.001 of zero, fast (course, lab)",
            f"{near_zero} ({100 * middle('course', 'near_zero'):.1f}%, "
            f"{100 * middle('lab', 'near_zero'):.1f}%)",
            "97 to 99%",
            0.97 <= middle("fast", "near_zero") <= 0.99,
        ),
    ]
    if device == "cpu":
        size = f"{memory / 1e9:.2f} GB"
        result.append(Row("cpu: peak memory of a training process", size, "1.5 GB", memory < 1.5e9))
        cores = os.cpu_count() or 1
        alone, crowd = together(1), together(cores)
        result.append(
            Row(
                f"{cores} processes at once against one, each with OMP_NUM_THREADS=1",
                f"{crowd / alone:.2f}x slower ({alone:.0f} s, {crowd:.0f} s an epoch)",
                f"{cores}x",
                crowd / alone <= cores,
            )
        )
        torch.set_num_threads(cores)
        net, test = ql.load_baseline("cpu"), ql.load_mnist("test", device="cpu")
        wall = median(lambda: ql.evaluate(net, test), runs=9)
        result.append(Row("evaluate, 10,000 images", f"{wall:.2f} s", "1.5 s", wall < 1.5))
        torch.set_num_threads(1)
    return result


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        print(table(rows(*sys.argv[1:2])))
