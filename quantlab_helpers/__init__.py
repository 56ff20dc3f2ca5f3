"""The names that a notebook uses as ``ql.NAME``: data, training, quantizers, files, experiments.

Reading order: `data`, `model`, `training`, `quantizers/`, `metrics`, `network`, `storage/`,
`compression/`, `experiments/`; then `plots/`, `explorers/` and `checks/`, which notebooks import by
name.
"""

from .compression.finetune import train_codebook as train_codebook
from .compression.finetune import train_quantized as train_quantized
from .compression.folding import fold_batchnorm as fold_batchnorm
from .compression.folding import merge_dense as merge_dense
from .compression.pruning import prune as prune
from .compression.pruning import prune_gradually as prune_gradually
from .data import Dataset as Dataset
from .data import batches as batches
from .data import holdout as holdout
from .data import load_mnist as load_mnist
from .experiments.equal_entropy import equal_entropy as equal_entropy
from .experiments.seeds import over_seeds as over_seeds
from .experiments.seeds import spread as spread
from .experiments.sweeps import bits_sweep as bits_sweep
from .experiments.sweeps import k_sweep as k_sweep
from .experiments.sweeps import sensitivity as sensitivity
from .metrics import entropy_bits as entropy_bits
from .metrics import float32_bytes as float32_bytes
from .metrics import half_step_bound as half_step_bound
from .metrics import sqnr_db as sqnr_db
from .metrics import sse as sse
from .metrics import unique_count as unique_count
from .model import Net as Net
from .model import baseline_metadata as baseline_metadata
from .model import load_baseline as load_baseline
from .model import load_net as load_net
from .model import net_metadata as net_metadata
from .model import reset_model as reset_model
from .model import save_net as save_net
from .network import QuantizedModel as QuantizedModel
from .network import quantize_model as quantize_model
from .quantizers.kmeans import kmeans_quantize as kmeans_quantize
from .quantizers.kmeans import sparse_kmeans as sparse_kmeans
from .quantizers.lloyd import lloyd as lloyd
from .quantizers.optimal_kmeans import assign as assign
from .quantizers.optimal_kmeans import kmeans_1d as kmeans_1d
from .quantizers.tensor import QuantizedTensor as QuantizedTensor
from .quantizers.uniform import uniform_quantize as uniform_quantize
from .storage.bit_packing import pack as pack
from .storage.bit_packing import unpack as unpack
from .storage.entropy_coding import bound_bytes as bound_bytes
from .storage.entropy_coding import entropy_decode as entropy_decode
from .storage.entropy_coding import entropy_encode as entropy_encode
from .storage.file import load_quantized as load_quantized
from .storage.file import save_quantized as save_quantized
from .storage.huffman import huffman_codewords as huffman_codewords
from .storage.huffman import huffman_decode as huffman_decode
from .storage.huffman import huffman_encode as huffman_encode
from .storage.huffman import huffman_lengths as huffman_lengths
from .storage.ledgers import ledger as ledger
from .training import evaluate as evaluate
from .training import l1_penalty as l1_penalty
from .training import train as train

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Give notebooks handed out with an earlier version the modules that they import."""
    if name in ("plots_kmeans", "plots_coding", "plots_storage", "plots_contest"):
        from . import plots

        return plots
    if name == "contest":
        from .compression import contest

        return contest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
