"""Which tokens are read: stretches of blocks, one behind the other, that windows tile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from atlas.errors import AtlasError
from atlas.reader.block import Corpus
from atlas.reader.documents import in_validation

Split = Literal["train", "validation"]


class Stretch(NamedTuple):
    """Tokens ``start … stop − 1`` of a block."""

    block: int
    start: int
    stop: int


@dataclass(frozen=True)
class Segments:
    """Stretches in the order of the corpus. All arrays int64; ``behind`` is the sum of lengths up to each."""

    block: np.ndarray
    start: np.ndarray
    behind: np.ndarray

    @property
    def tokens(self) -> int:
        return int(self.behind[-1]) if len(self.behind) else 0

    def cut(self, start: int, stop: int) -> Iterator[Stretch]:
        """The stretches that make up tokens ``start … stop − 1`` of all that is read."""
        number = int(self.behind.searchsorted(start, "right"))
        while start < stop:
            behind = int(self.behind[number])
            before = int(self.behind[number - 1]) if number else 0
            end = min(stop, behind)
            first = int(self.start[number]) + start - before
            if end > start:
                yield Stretch(int(self.block[number]), first, first + end - start)
            start = max(start, end)
            number += 1


def whole(corpus: Corpus) -> Segments:
    """All tokens of a corpus."""
    tokens = corpus.block_tokens
    return Segments(np.arange(len(tokens)), np.zeros(len(tokens), np.int64), np.cumsum(tokens))


def of_split(corpus: Corpus, split: Split, validation: float, seed: int) -> Segments:
    """The documents of a split; documents with the same group are in the same.

    Args:
        validation: share of the groups of documents that is for validation, between 0 and 1.

    Raises:
        AtlasError: no such split or share, or no document is in it.
    """
    if split not in ("train", "validation"):
        raise AtlasError(f"split {split!r}: is none; use train, validation, or leave it out for all documents")
    if not 0 < validation < 1:
        raise AtlasError(f"validation {validation}: must be a share between 0 and 1, such as 0.05")
    blocks, starts, lengths = [], [], []
    for number, tokens in enumerate(corpus.block_tokens):
        begin, groups = corpus.documents(number)
        chosen = in_validation(groups, validation, seed) == (split == "validation")
        end = np.append(begin[1:], tokens)
        # Neighbours that are both chosen become one stretch.
        opens = chosen & ~np.append(False, chosen[:-1])
        closes = chosen & ~np.append(chosen[1:], False)
        starts.append(begin[opens])
        lengths.append(end[closes] - begin[opens])
        blocks.append(np.full(int(opens.sum()), number))
    found = np.concatenate([np.empty(0, np.int64), *lengths])
    if not found.sum():
        raise AtlasError(
            f"{corpus.url}: split {split} of validation share {validation} and split_seed {seed} holds no document; "
            "take another share"
        )
    return Segments(np.concatenate(blocks), np.concatenate(starts), np.cumsum(found))
