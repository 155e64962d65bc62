"""Texts as a sentence model reads them: in pieces of words, and a long text in several windows.

A model reads so many pieces at a time, MiniLM 256, and what stands beyond them would be passed over in silence.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PIECES_MOST = 256  # of a window, where the model says nothing


class Windows(NamedTuple):
    """Pieces of texts in windows. Text t has the windows from ``starts[t]`` to the next text's first."""

    ids: list[np.ndarray]  # int32 [pieces] of each, with what a model wants to stand around them
    starts: np.ndarray  # int64 [texts]


def cutting(tokenizer: "Tokenizer", pieces: int | None) -> "Tokenizer":
    """A copy of a tokenizer that cuts texts into windows of so many pieces."""
    own = type(tokenizer).from_str(tokenizer.to_str())
    own.no_padding()
    own.enable_truncation(pieces or PIECES_MOST)
    return own


def windows(tokenizer: "Tokenizer", texts: Sequence[str]) -> Windows:
    """Every piece of texts, by a tokenizer of ``cutting``: each text has one window or more."""
    found = [[one, *one.overflowing] for one in tokenizer.encode_batch_fast(list(texts))]
    sizes = np.array([0, *(len(own) for own in found)])
    return Windows([np.array(one.ids, np.int32) for own in found for one in own], np.cumsum(sizes)[:-1])


def batches(ids: Sequence[np.ndarray], most: int) -> Iterator[np.ndarray]:
    """Numbers of windows of about one length, the longest first, at most ``most`` pieces where all are padded alike."""
    lengths = np.array([len(one) for one in ids])
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + max(1, most // lengths[order[start]])
        yield order[start:end]
        start = end


def padded(ids: Sequence[np.ndarray], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows as a matrix, int64 [windows, longest], and 1 where it is not padded, likewise."""
    lengths = np.array([len(one) for one in ids])
    there = np.arange(lengths.max()) < lengths[:, None]
    matrix = np.full(there.shape, pad, np.int64)
    matrix[there] = np.concatenate(ids)
    return matrix, there.astype(np.int64)


def of_texts(vectors: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Vectors of texts, of length 1, float32 [texts, d]: the means of their windows', by pieces.

    Args:
        vectors: float32 [windows, d], each times its pieces. starts: as of ``Windows``.
    """
    sums = np.add.reduceat(vectors, starts) if len(starts) < len(vectors) else vectors
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
