"""The names that notebooks use, those of earlier versions included."""

import subprocess
import sys

import pytest

import quantlab_helpers as ql
from quantlab_helpers import plots
from quantlab_helpers.compression import contest

PUBLIC = """
Dataset Net QuantizedModel QuantizedTensor assign baseline_metadata batches bits_sweep bound_bytes
entropy_bits entropy_decode entropy_encode equal_entropy evaluate float32_bytes fold_batchnorm
half_step_bound holdout huffman_codewords huffman_decode huffman_encode huffman_lengths k_sweep
kmeans_1d kmeans_quantize l1_penalty ledger lloyd load_baseline load_mnist load_net load_quantized
merge_dense net_metadata over_seeds pack prune prune_gradually quantize_model reset_model save_net
save_quantized sensitivity sparse_kmeans spread sqnr_db sse train train_codebook train_quantized
uniform_quantize unique_count unpack
"""
EARLIER_MODULES = {
    "plots_kmeans": plots,
    "plots_coding": plots,
    "plots_storage": plots,
    "plots_contest": plots,
    "contest": contest,
}
EARLIER_NAMES = """
plots_coding.huffman_tree plots_coding.packed_bits plots_coding.sizes plots_contest.tries
plots_kmeans.curves plots_kmeans.lloyd_steps plots_kmeans.panels plots_storage.ledger_bars
contest.STEPS contest.cheapest
"""


def test_public_names_are_complete():
    missing = [name for name in PUBLIC.split() if not hasattr(ql, name)]
    assert missing == []


@pytest.mark.parametrize("name", EARLIER_MODULES)
def test_getattr_gives_earlier_modules(name):
    names = {}
    exec(f"from quantlab_helpers import {name}", names)
    assert names[name] is EARLIER_MODULES[name]
    assert name not in vars(ql) and name not in dir(ql)


@pytest.mark.parametrize("name", EARLIER_NAMES.split())
def test_getattr_modules_have_earlier_names(name):
    module, attribute = name.split(".")
    assert hasattr(getattr(ql, module), attribute)


def test_getattr_names_unknown_attribute():
    with pytest.raises(AttributeError, match=r"'quantlab_helpers' has no attribute 'gone'"):
        _ = ql.gone


@pytest.mark.process
def test_import_loads_no_drawing():
    code = """
import sys
import quantlab_helpers as ql
drawing = ("matplotlib", "quantlab_helpers.plots", "quantlab_helpers.compression.contest")
print([name for name in sys.modules if name.startswith(drawing)])
print([name for name in vars(ql) if name.startswith("plots") or name == "contest"])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n[]\n"
