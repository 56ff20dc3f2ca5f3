"""Interactive figures: move sliders, and see weights, levels, accuracy and bytes change."""

from .explore import explore_kmeans as explore_kmeans
from .explore import explore_outlier as explore_outlier
from .explore import explore_retraining as explore_retraining
from .explore import explore_storage as explore_storage
from .explore import explore_tradeoff as explore_tradeoff
from .explore import explore_uniform as explore_uniform
