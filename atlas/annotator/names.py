"""Where the names of concepts stand in chunks."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from atlas.annotator.features import Featurizer, Words
from atlas.chunking.tokenizer import tokenizer
from atlas.library.concept import Concept


class NameIndex(NamedTuple):
    """Names as folded words, in the order of their rarest word, by which they are found.

    N names, C concepts, W words of the vocabulary.
    """

    words: np.ndarray  # int32 [words of all names]
    shares: np.ndarray  # float32, beside them: share of the name's idf mass
    starts: np.ndarray  # int64 [N + 1]
    owners: np.ndarray  # int32 [N]: column of the concept
    keys: np.ndarray  # int32 [N]: place within the name of its rarest word
    mass: np.ndarray  # float32 [N]: sum of its words' idf
    word_starts: np.ndarray  # int64 [W + 1]: names of each rarest word


def name_index(concepts: Sequence[Concept], featurizer: Featurizer, idf: np.ndarray) -> NameIndex:
    """Index of all names of concepts. Names that folding would change into others ("C#", "C++") are left out."""
    named = tokenizer(featurizer.tokenizer)
    pairs = [
        (column, name)
        for column, concept in enumerate(concepts)
        for name in dict.fromkeys(concept.names())
        if _survives_folding(name)
    ]
    folded = featurizer.fold([named.encode(" " + name) for _, name in pairs])
    rarest = np.array([own[np.argmax(idf[own])] if len(own) else -1 for own in _each(folded)], dtype=np.int32)
    order = np.argsort(rarest, kind="stable")[np.count_nonzero(rarest < 0) :]
    folded, rarest = folded.take(order), rarest[order]
    owners = np.array([column for column, _ in pairs], dtype=np.int32)[order]
    weights, firsts = idf[folded.flat], folded.starts[:-1]
    total, mass = (np.add.reduceat(part, firsts) if len(firsts) else part for part in (weights**2, weights))
    return NameIndex(
        words=folded.flat,
        shares=(weights**2 / np.repeat(total, np.diff(folded.starts))).astype(np.float32),
        starts=folded.starts,
        owners=owners,
        keys=np.array([int(np.argmax(idf[own])) for own in _each(folded)], dtype=np.int32),
        mass=mass.astype(np.float32),
        word_starts=np.searchsorted(rarest, np.arange(featurizer.words + 1)).astype(np.int64),
    )


def _each(words: Words) -> Iterator[np.ndarray]:
    return (words.flat[a:b] for a, b in pairwise(words.starts))


def _survives_folding(name: str) -> bool:
    """Whether a name is still itself without its marks: "C#" and "C++" would stand wherever a "c" does."""
    bare = name.strip().rstrip(_CLOSING)
    letters = len(bare) > 1 or not bare.isascii()
    return bool(bare) and letters and unicodedata.category(bare[-1])[0] in "LMN"


_CLOSING = ")]}.!?\"'»”’"  # may end a name without being part of it
