"""Train the baseline that travels with the package, and write it with its recipe.

    python instructor/make_baseline.py

The settings are the course lab's, in float32 on every machine. Nothing is picked by its test
accuracy: the seed is 0.
"""

import platform
from pathlib import Path

import torch

from quantlab_helpers import evaluate, load_mnist, save_net, train

TARGET = Path(__file__).parent.parent / "quantlab_helpers" / "assets" / "baseline.safetensors"


def main() -> None:
    """Train, test, save."""
    result = train(recipe="course", seed=0, precision="float32", device="cpu")
    test = evaluate(result.net, load_mnist("test", device="cpu"))
    metadata = {
        **result.settings,
        "test_accuracy": test.accuracy,
        "training_accuracy": [round(epoch.accuracy, 4) for epoch in result.history],
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    save_net(result.net, TARGET, metadata=metadata)
    print(f"{TARGET.name}: test accuracy {test.accuracy:.2%}, seed 0")


if __name__ == "__main__":
    main()
