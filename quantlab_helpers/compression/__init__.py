"""Smaller networks: fold BatchNorm, prune, fine-tune, and search for the smallest file.

Reading order: `folding`, `pruning`, `finetune`, `search`, `contest`.
"""

from .finetune import train_codebook as train_codebook
from .finetune import train_quantized as train_quantized
from .folding import fold_batchnorm as fold_batchnorm
from .folding import merge_dense as merge_dense
from .pruning import prune as prune
from .pruning import prune_gradually as prune_gradually
from .search import compress as compress
