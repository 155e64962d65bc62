"""What kinds of things people give as topics of such a passage: a network over what both of them mean.

``benchmarks/fit_choice.py`` fits it.
"""

import numpy as np


def width(features: int, dimensions: int) -> int:
    """How many inputs the network has; see ``inputs``."""
    return features + 3 * dimensions


def inputs(features: np.ndarray, vectors: np.ndarray, passage: np.ndarray) -> np.ndarray:
    """What the network is told of the candidates of a passage, float32 [candidates, width].

    Args:
        features: [candidates, features]
        vectors: of the candidates, [candidates, dimensions]
        passage: the passage's vector, [dimensions]
    """
    around = np.broadcast_to(passage, vectors.shape)
    return np.hstack([features, vectors, around, vectors * passage]).astype(np.float32)
