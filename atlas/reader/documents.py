"""Which documents are near-duplicates, and which split a document is in."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from atlas.reader.permutation import mix

WIDTH = 8  # tokens of a shingle
_NOTHING = np.iinfo(np.uint64).max
_FACTORS = mix(np.arange(1, WIDTH + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)


def in_validation(groups: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """Whether documents of these groups are of the validation split, bool like ``groups`` (uint64)."""
    return mix(groups + mix(np.array([seed], np.uint64))) < np.uint64(min(int(share * 2.0**64), _NOTHING))


def shingles(tokens: np.ndarray) -> np.ndarray:
    """A hash of each run of WIDTH tokens, uint64 [len − WIDTH + 1]."""
    count = len(tokens) - WIDTH + 1
    wide = tokens.astype(np.uint64)
    sums = np.zeros(count, np.uint64)
    for place, factor in enumerate(_FACTORS):
        sums += wide[place : place + count] * factor
    return mix(sums)


_CLOSED = (False, np.uint64(_NOTHING), np.empty(0, np.uint32))


class Grouper:
    """The group of each document of a token stream that comes in pieces: the least hash of its shingles.

    Two documents that share a fraction J of their shingles have the same group with probability J (Broder, On the
    resemblance and containment of documents, 1997), and equal ones always. A document shorter than a shingle is
    hashed as a whole. What is kept between pieces is the end of one document.
    """

    def __init__(self) -> None:
        self._open, self._least, self._tail = _CLOSED

    def add(self, tokens: np.ndarray, starts: np.ndarray) -> Iterator[np.uint64]:
        """Groups of the documents that end before the last of ``starts``: where in ``tokens`` documents begin.

        Tokens in front of the first start belong to the document that is still open.
        """
        borders = [0, *starts.tolist(), len(tokens)]
        least = _least_of(tokens, np.array(borders))
        for number, (begin, end) in enumerate(pairwise(borders)):
            if number:
                yield from self.close()
                self._open = True
            if begin < end:
                self._extend(tokens[begin:end], least[number])

    def close(self) -> Iterator[np.uint64]:
        """The group of the document that is still open, where there is one."""
        if self._open:
            yield _whole(self._tail) if self._least == _NOTHING else self._least  # nothing: shorter than a shingle
        self._open, self._least, self._tail = _CLOSED

    def _extend(self, tokens: np.ndarray, least: np.uint64) -> None:
        self._open = True
        self._least = min(self._least, least)
        if len(self._tail):
            bridge = np.concatenate([self._tail, tokens[: WIDTH - 1]])
            if len(bridge) >= WIDTH:
                self._least = min(self._least, shingles(bridge).min())
        self._tail = np.concatenate([self._tail, tokens[-WIDTH + 1 :]])[-WIDTH + 1 :]


def _least_of(tokens: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Least hash of the shingles inside each piece between borders, uint64; the greatest number where there is none."""
    least = np.full(len(borders) - 1, _NOTHING, np.uint64)
    if len(tokens) < WIDTH:
        return least
    hashes = shingles(tokens)
    first, behind = borders[:-1], borders[1:] - WIDTH + 1
    some = np.flatnonzero(behind > first)
    if len(some):
        # Pairs of begin and end; what lies between two pieces is reduced too, and left out.
        pairs = np.stack([first[some], behind[some]], axis=1).ravel()
        hashes = np.append(hashes, np.uint64(_NOTHING))
        least[some] = np.minimum.reduceat(hashes, pairs)[::2]
    return least


def _whole(tokens: np.ndarray) -> np.uint64:
    padded = np.full(WIDTH, 0xFFFFFFFF, np.uint32)
    padded[: len(tokens)] = tokens
    return shingles(padded)[0]
