"""A small network that says from the views of a pair of chunk and concept how likely the concept holds."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Tensor", "Tensor"], "Tensor"]  # of logits and of what is wanted of them, float32 [pairs] each

TOGETHER = 32  # pairs
EPOCHS, BATCH, RATE, DECAY = 8, 2048, 4e-3, 1.0
CONSTANT = 1e-4  # a view that varies by less, beside its mean, tells nothing
FAR = 8.0  # deviations from the mean, beyond which a view counts no further
FEW = 2_000_000  # pairs seen in training at least, which takes more epochs where pairs are few


class Ranker(NamedTuple):
    """Standardised views through two hidden layers of rectified units."""

    mean: np.ndarray  # float32 [views]
    scale: np.ndarray  # float32 [views]: reciprocal of the standard deviation
    first: np.ndarray  # float32 [views, hidden]
    first_bias: np.ndarray
    second: np.ndarray  # float32 [hidden, hidden]
    second_bias: np.ndarray
    last: np.ndarray  # float32 [hidden]
    last_bias: np.ndarray  # float32 [1]


def logits(ranker: Ranker, views: np.ndarray) -> np.ndarray:
    """Float32 [pairs] of views, float32 [pairs, views].

    Compiled rather than by BLAS, whose rounding depends on the number of threads and of pairs: a chunk has the same
    scores whoever scores it, beside whichever others.
    """
    return _logits(views, *ranker)


@njit(cache=True, nogil=True, fastmath=True)
def _logits(views, mean, scale, first, first_bias, second, second_bias, last, last_bias):  # type: ignore[no-untyped-def]
    """So many pairs at a time that vector instructions work across them. Their sums never meet."""
    found = np.empty(len(views), dtype=np.float32)
    standard = np.empty((len(mean), TOGETHER), np.float32)
    one, two = np.empty((len(first_bias), TOGETHER), np.float32), np.empty((len(second_bias), TOGETHER), np.float32)
    for start in range(0, len(views), TOGETHER):
        there = min(TOGETHER, len(views) - start)
        for pair in range(TOGETHER):
            row = start + min(pair, there - 1)
            for view in range(len(mean)):
                value = (views[row, view] - mean[view]) * scale[view]
                standard[view, pair] = min(max(value, np.float32(-FAR)), np.float32(FAR))
        _layer(standard, first, first_bias, one)
        _layer(one, second, second_bias, two)
        for pair in range(there):
            total = last_bias[0]
            for unit in range(len(two)):
                total += two[unit, pair] * last[unit]
            found[start + pair] = total
    return found


@njit(cache=True, nogil=True, fastmath=True)
def _layer(inputs, weights, bias, found):  # type: ignore[no-untyped-def]
    """Rectified units of ``inputs``, float32 [inputs, TOGETHER]; two of four inputs at a time, for fewer loads and
    stores."""
    fours = len(inputs) // 4 * 4
    for unit in range(0, len(bias), 2):
        for pair in range(TOGETHER):
            found[unit, pair], found[unit + 1, pair] = bias[unit], bias[unit + 1]
        for row in range(0, fours, 4):
            a, b, c, d = (weights[row, unit], weights[row + 1, unit], weights[row + 2, unit], weights[row + 3, unit])
            e, f, g, h = (
                weights[row, unit + 1],
                weights[row + 1, unit + 1],
                weights[row + 2, unit + 1],
                weights[row + 3, unit + 1],
            )
            for pair in range(TOGETHER):
                x, y, z, w = inputs[row, pair], inputs[row + 1, pair], inputs[row + 2, pair], inputs[row + 3, pair]
                found[unit, pair] += x * a + y * b + z * c + w * d
                found[unit + 1, pair] += x * e + y * f + z * g + w * h
        for row in range(fours, len(inputs)):
            a, b = weights[row, unit], weights[row, unit + 1]
            for pair in range(TOGETHER):
                found[unit, pair] += inputs[row, pair] * a
                found[unit + 1, pair] += inputs[row, pair] * b
        for pair in range(TOGETHER):
            found[unit, pair] = max(found[unit, pair], np.float32(0))
            found[unit + 1, pair] = max(found[unit + 1, pair], np.float32(0))


def _standardised(views: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Clipped, as a view that hardly varied in training may be far off later."""
    standardised = (views - mean) * scale
    return np.clip(standardised, -FAR, FAR, out=standardised)


def cross_entropy(logits: "Tensor", holds: "Tensor") -> "Tensor":
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(logits, holds)


def fitted(
    views: np.ndarray, truth: np.ndarray, seed: int, hidden: tuple[int, int], loss: Loss = cross_entropy
) -> Ranker:
    """The ranker of least loss on pairs.

    Args:
        views: float32 [pairs, views]. truth: bool or float32 [pairs]. hidden: units of the two layers, even.
        loss: an absent label is unknown rather than wrong, but no loss that says so was better
            (``benchmarks/annotator_labels.py``).
    """
    import torch

    mean = views.mean(axis=0, dtype=np.float64)
    deviation = views.std(axis=0, dtype=np.float64)
    varies = deviation > CONSTANT * np.maximum(1, np.abs(mean))
    scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0).astype(np.float32)
    mean = mean.astype(np.float32)
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.from_numpy(_standardised(views, mean, scale))
    wanted = torch.from_numpy(truth.astype(np.float32))
    layers = [views.shape[1], *hidden, 1]
    weights = [torch.randn((a, b), generator=generator) * (2 / a) ** 0.5 for a, b in pairwise(layers)]
    weights[-1] *= 0.1
    biases = [torch.zeros(width) for width in layers[1:]]
    share = np.clip(truth.mean(), 1e-4, 1 - 1e-4)
    biases[-1] += float(np.log(share / (1 - share)))
    parameters = [parameter.requires_grad_() for parameter in (*weights, *biases)]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    steps_an_epoch = -(-len(views) // BATCH)
    epochs = min(4 * EPOCHS, max(EPOCHS, FEW // len(views)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps_an_epoch)
    for _ in range(epochs):
        for rows in torch.randperm(len(views), generator=generator).split(BATCH):
            seen = inputs[rows]
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                seen = torch.relu(seen @ weight + bias)
            found = (seen @ weights[-1] + biases[-1])[:, 0]
            optimizer.zero_grad()
            loss(found, wanted[rows]).backward()
            optimizer.step()
            schedule.step()
    first, second, last = (weight.detach().numpy() for weight in weights)
    first_bias, second_bias, last_bias = (bias.detach().numpy() for bias in biases)
    return Ranker(mean, scale, first, first_bias, second, second_bias, last[:, 0].copy(), last_bias)
