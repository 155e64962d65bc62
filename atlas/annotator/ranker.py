"""A small network that says from the views of a pair of chunk and concept how likely the concept holds."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit

TOGETHER = 4  # pairs
EPOCHS, BATCH, RATE, DECAY = 8, 2048, 4e-3, 1e-4
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
    """Four pairs at a time, as each weight is then loaded once for all: 2.5 times as fast. Their sums never meet."""
    found = np.empty(len(views), dtype=np.float32)
    standard = np.empty((TOGETHER, len(mean)), np.float32)
    one, two = np.empty((TOGETHER, len(first_bias)), np.float32), np.empty((TOGETHER, len(second_bias)), np.float32)
    zero = np.float32(0)
    for start in range(0, len(views), TOGETHER):
        there = min(TOGETHER, len(views) - start)
        for pair in range(TOGETHER):
            row = start + min(pair, there - 1)
            for view in range(len(mean)):
                value = (views[row, view] - mean[view]) * scale[view]
                standard[pair, view] = min(max(value, np.float32(-FAR)), np.float32(FAR))
            one[pair] = first_bias
            two[pair] = second_bias
        for view in range(len(mean)):
            a, b, c, d = standard[0, view], standard[1, view], standard[2, view], standard[3, view]
            for unit in range(len(first_bias)):
                weight = first[view, unit]
                one[0, unit] += a * weight
                one[1, unit] += b * weight
                one[2, unit] += c * weight
                one[3, unit] += d * weight
        for before in range(len(first_bias)):
            a, b = max(one[0, before], zero), max(one[1, before], zero)
            c, d = max(one[2, before], zero), max(one[3, before], zero)
            for unit in range(len(second_bias)):
                weight = second[before, unit]
                two[0, unit] += a * weight
                two[1, unit] += b * weight
                two[2, unit] += c * weight
                two[3, unit] += d * weight
        for pair in range(there):
            total = last_bias[0]
            for unit in range(len(second_bias)):
                total += max(two[pair, unit], zero) * last[unit]
            found[start + pair] = total
    return found


def _standardised(views: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Clipped, as a view that hardly varied in training may be far off later."""
    standardised = (views - mean) * scale
    return np.clip(standardised, -FAR, FAR, out=standardised)


def fitted(views: np.ndarray, truth: np.ndarray, seed: int, hidden: tuple[int, int]) -> Ranker:
    """The ranker of least cross-entropy on pairs.

    Args:
        views: float32 [pairs, views]. truth: bool [pairs]. hidden: units of the two layers.
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
            loss = torch.nn.functional.binary_cross_entropy_with_logits(found, wanted[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    first, second, last = (weight.detach().numpy() for weight in weights)
    first_bias, second_bias, last_bias = (bias.detach().numpy() for bias in biases)
    return Ranker(mean, scale, first, first_bias, second, second_bias, last[:, 0].copy(), last_bias)
