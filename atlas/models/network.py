"""Small networks that are fitted once and applied with numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CLAMP = 6.0  # standard deviations beyond which a feature counts no more


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Layers of weights [in, out] and biases [out], with rectified units between; one output, the log odds."""

    mean: np.ndarray
    scale: np.ndarray
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def log_odds(self, values: np.ndarray) -> np.ndarray:
        """float32 [rows, features] to float32 [rows]."""
        found = np.clip((values - self.mean) / self.scale, -CLAMP, CLAMP)
        for number, (weights, bias) in enumerate(self.layers):
            found = found @ weights + bias
            if number < len(self.layers) - 1:
                found = np.maximum(found, 0)
        return found[:, 0]


def network(told: dict[str, Sequence]) -> Network:
    """A network from its JSON."""
    layers = tuple((np.array(w, np.float32), np.array(b, np.float32)) for w, b in told["layers"])
    return Network(np.array(told["mean"], np.float32), np.array(told["scale"], np.float32), layers)
