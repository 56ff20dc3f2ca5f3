"""Measure whole networks: sweeps, equal entropy, several seeds; results are cached.

Reading order: `sweeps`, `equal_entropy`, `seeds`; `cache` stores the measurements of sweeps.
"""

from .equal_entropy import EntropyPoint as EntropyPoint
from .equal_entropy import equal_entropy as equal_entropy
from .seeds import Spread as Spread
from .seeds import over_seeds as over_seeds
from .seeds import spread as spread
from .sweeps import SensitivityPoint as SensitivityPoint
from .sweeps import SweepPoint as SweepPoint
from .sweeps import bits_sweep as bits_sweep
from .sweeps import k_sweep as k_sweep
from .sweeps import sensitivity as sensitivity
