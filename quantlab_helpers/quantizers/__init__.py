"""Arrays in, `QuantizedTensor` out: uniform grids, k-means codebooks, and their solvers.

Reading order: `tensor`, `uniform`, `kmeans`, `lloyd`, `optimal_kmeans`. The two modules with an
underscore make `optimal_kmeans` fast.
"""

from .kmeans import kmeans_quantize as kmeans_quantize
from .kmeans import sparse_kmeans as sparse_kmeans
from .tensor import QuantizedTensor as QuantizedTensor
from .uniform import uniform_quantize as uniform_quantize
