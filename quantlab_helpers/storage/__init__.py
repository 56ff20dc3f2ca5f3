"""Write a quantized network to a file, read it back, and count each of its bytes.

Reading order: `bit_packing`, `entropy_coding`, `huffman`, `tensor_record`, `file`, `ledgers`.
"""

from .file import CODINGS as CODINGS
from .file import load_quantized as load_quantized
from .file import save_quantized as save_quantized
from .ledgers import Ledger as Ledger
from .ledgers import LedgerRow as LedgerRow
from .ledgers import ledger as ledger
