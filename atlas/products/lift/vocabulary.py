"""The most frequent words and tokens of a run, out of any number, in bounded memory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_HELD = 1 << 22  # words counted at a time; about 0.5 GiB


@dataclass(frozen=True)
class Vocabulary:
    """Items: words, then token ids; ``chunks`` of each, int64, exact."""

    words: tuple[str, ...]
    tokens: np.ndarray
    chunks: np.ndarray

    @property
    def kinds(self) -> dict[str, slice]:
        """Where the items of each kind are."""
        return {"word": slice(0, len(self.words)), "token": slice(len(self.words), len(self))}

    def __len__(self) -> int:
        return len(self.words) + len(self.tokens)


def vocabulary(files: Callable[[], Iterable[pa.Table]], most: int, least: int, held: int = MOST_HELD) -> Vocabulary:
    """The ``most`` words and the ``most`` tokens with the most chunks, of those on at least ``least``.

    Where more than ``held`` different words turn up, the rarest so far are forgotten (lossy counting: Manku and
    Motwani, Approximate frequency counts over data streams, 2002). That can cost a word near the vocabulary's rare end
    its place; the counts of those that are chosen are made anew, and exact.

    Args:
        files: gives the items of each piece, schema ITEMS; is asked twice.
    """
    words: dict[str, int] = {}
    tokens = np.zeros(0, np.int64)
    for file in files():
        for word, chunks in _words(file):
            words[word] = words.get(word, 0) + chunks
        if len(words) > held:
            words = _frequent(words, held // 2)
        mine = file.filter(pc.equal(file["kind"], "token"))
        ids, counts = mine["token"].to_numpy(), mine["chunks"].to_numpy()
        if len(ids) and ids.max() >= len(tokens):
            tokens = np.append(tokens, np.zeros(int(ids.max()) + 1 - len(tokens), np.int64))
        tokens[ids] += counts
    chosen = sorted(_frequent(words, most))
    places = {word: place for place, word in enumerate(chosen)}
    exact = np.zeros(len(chosen), np.int64)
    for file in files():
        for word, chunks in _words(file):
            if (place := places.get(word)) is not None:
                exact[place] += chunks
    enough = exact >= least
    ranked = np.lexsort((np.arange(len(tokens)), -tokens))[:most]
    kept = np.sort(ranked[tokens[ranked] >= least])
    spelled = tuple(word for word, there in zip(chosen, enough.tolist(), strict=True) if there)
    return Vocabulary(spelled, kept.astype(np.int32), np.concatenate([exact[enough], tokens[kept]]))


def _words(file: pa.Table) -> Iterable[tuple[str, int]]:
    mine = file.filter(pc.equal(file["kind"], "word"))
    return zip(mine["word"].to_pylist(), mine["chunks"].to_pylist(), strict=True)


def _frequent(words: dict[str, int], most: int) -> dict[str, int]:
    if len(words) <= most:
        return words
    return dict(sorted(words.items(), key=lambda item: (-item[1], item[0]))[:most])
