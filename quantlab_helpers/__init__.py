"""Everything a quantlab notebook computes with; drawing lives in `plots`.

Reading order: `data`, `model`, `training`, `checkpoints`, `quantizers`, `kmeans`, `lloyd`,
`network`, `metrics`, `coding`, `huffman`, `storage`, `experiments`, `plots`, `plots_kmeans`, and
for exercises `checks`.
"""

from .checkpoints import baseline_metadata as baseline_metadata
from .checkpoints import load_baseline as load_baseline
from .checkpoints import load_net as load_net
from .checkpoints import net_metadata as net_metadata
from .checkpoints import save_net as save_net
from .coding import bound_bytes as bound_bytes
from .coding import entropy_decode as entropy_decode
from .coding import entropy_encode as entropy_encode
from .coding import pack as pack
from .coding import unpack as unpack
from .compress import holdout as holdout
from .data import Dataset as Dataset
from .data import batches as batches
from .data import load_mnist as load_mnist
from .experiments import bits_sweep as bits_sweep
from .experiments import equal_entropy as equal_entropy
from .experiments import k_sweep as k_sweep
from .experiments import over_seeds as over_seeds
from .experiments import sensitivity as sensitivity
from .experiments import spread as spread
from .finetune import sparse_kmeans as sparse_kmeans
from .finetune import train_codebook as train_codebook
from .finetune import train_quantized as train_quantized
from .folding import fold_batchnorm as fold_batchnorm
from .folding import merge_dense as merge_dense
from .huffman import huffman_codewords as huffman_codewords
from .huffman import huffman_decode as huffman_decode
from .huffman import huffman_encode as huffman_encode
from .huffman import huffman_lengths as huffman_lengths
from .kmeans import assign as assign
from .kmeans import kmeans_1d as kmeans_1d
from .lloyd import lloyd as lloyd
from .metrics import entropy_bits as entropy_bits
from .metrics import float32_bytes as float32_bytes
from .metrics import half_step_bound as half_step_bound
from .metrics import sqnr_db as sqnr_db
from .metrics import sse as sse
from .metrics import unique_count as unique_count
from .model import Net as Net
from .model import reset_model as reset_model
from .network import QuantizedModel as QuantizedModel
from .network import quantize_model as quantize_model
from .pruning import prune as prune
from .pruning import prune_gradually as prune_gradually
from .quantizers import QuantizedTensor as QuantizedTensor
from .quantizers import kmeans_quantize as kmeans_quantize
from .quantizers import uniform_quantize as uniform_quantize
from .storage import ledger as ledger
from .storage import load_quantized as load_quantized
from .storage import save_quantized as save_quantized
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
