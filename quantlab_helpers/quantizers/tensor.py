"""A quantized tensor: codes, codebook, and the bytes that they take.

Every quantizer of this package returns one. Read `uniform.py` next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.unsignedinteger[Any]]

FLOAT32_MAX = float(np.finfo(np.float32).max)
BLOCK_SIZE = 32_768  # values; as float64 they fit in a processor's second-level cache


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """A tensor stored as integers that point into a table of levels.

    Attributes
    ----------
    codes : ndarray of uint8 or uint16
        One index per weight, in the shape of the weights; uint16 where `bits` is above 8.
    codebook : ndarray of float32, shape (levels,) or (channels, levels)
        The values the codes stand for, ascending; one row per channel where `axis` is set.
    bits : int
        Bits that a packed code takes, 1..16.
    scale, zero_point : float or ndarray of shape (channels,), optional
        On an affine grid, level ``c`` is ``(c - zero_point) * scale``; None for a learned
        codebook. A constant tensor has scale 0, and every level is that constant. Only a grid with
        all ``2**bits`` levels has them: a file then stores two numbers instead of the levels.
    axis : int, optional
        The axis that has one row of the codebook per index; None means one for all.

    Examples
    --------
    >>> from quantlab_helpers import uniform_quantize
    >>> quantized = uniform_quantize(np.array([-1.0, 0.4, 2.0]), 2)
    >>> quantized.codes.tolist(), quantized.codebook.tolist()
    ([0, 1, 3], [-1.0, 0.0, 1.0, 2.0])
    >>> quantized.dequantize().tolist()
    [-1.0, 0.0, 2.0]
    """

    codes: Codes
    codebook: NDArray[np.float32]
    bits: int
    scale: float | NDArray[np.float64] | None = None
    zero_point: float | NDArray[np.float64] | None = None
    axis: int | None = None

    @property
    def k_used(self) -> int:
        """Number of levels or centres in the codebook (of each channel, if per channel)."""
        return int(self.codebook.shape[-1])

    @property
    def payload_bytes(self) -> int:
        """Bytes of the codes when packed without gaps: ``ceil(n * bits / 8)``."""
        return -(-self.codes.size * self.bits // 8)

    @property
    def overhead_bytes(self) -> int:
        """Bytes of the table or grid that turns codes into values.

        Two float32 numbers (min and max, or scale and zero point) per affine grid; a learned
        codebook costs 4 bytes per centre.
        """
        if self.scale is None:
            return 4 * self.codebook.size
        return 8 * np.size(self.scale)

    def dequantize(self) -> NDArray[np.float32]:
        """Return the float32 values that the codes stand for, in the weights' shape."""
        if self.axis is None:
            values = np.empty(self.codes.shape, np.float32)
            flat, codes = values.reshape(-1), self.codes.reshape(-1)
            for start in range(0, flat.size, BLOCK_SIZE):  # np.take widens the indices to 8 bytes
                block = slice(start, start + BLOCK_SIZE)
                np.take(self.codebook, codes[block], out=flat[block], mode="clip")
            return values
        rows = np.moveaxis(self.codes, self.axis, 0)
        flat = np.take_along_axis(self.codebook, rows.reshape(len(rows), -1), axis=1)
        return np.moveaxis(flat.reshape(rows.shape), 0, self.axis)
