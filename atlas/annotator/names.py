"""Where the names of concepts stand in chunks."""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from atlas.annotator.features import Featurizer
from atlas.chunking.tokenizer import tokenizer
from atlas.library.concept import Concept


class NameIndex(NamedTuple):
    """Names as folded words, found by their rarest word; N names, C concepts, W words of the vocabulary."""

    words: np.ndarray  # int32 [words of all names]
    shares: np.ndarray  # float32, beside them: share of the name's idf mass
    starts: np.ndarray  # int64 [N + 1]
    owners: np.ndarray  # int32 [N]: column of the concept
    keys: np.ndarray  # int32 [N]: place within the name of its rarest word
    mass: np.ndarray  # float32 [N]: sum of its words' idf
    by_word: np.ndarray  # int32 [N]: names in the order of their rarest word
    word_starts: np.ndarray  # int64 [W + 1], into by_word


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
    lengths = np.diff(folded.starts)
    kept = lengths > 0
    owners = np.array([column for column, _ in pairs], dtype=np.int32)[kept]
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths[kept])])
    weights = idf[folded.flat]
    squares = weights**2
    firsts = starts[:-1]
    total = np.add.reduceat(squares, firsts) if len(firsts) else squares
    shares = squares / np.repeat(total, lengths[kept])
    keys = np.array([int(np.argmax(weights[a:b])) for a, b in pairwise(starts)], np.int32)
    rarest = folded.flat[firsts + keys] if len(firsts) else np.zeros(0, dtype=np.int32)
    return NameIndex(
        words=folded.flat,
        shares=shares.astype(np.float32),
        starts=starts,
        owners=owners,
        keys=keys,
        mass=(np.add.reduceat(weights, firsts) if len(firsts) else weights).astype(np.float32),
        by_word=np.argsort(rarest, kind="stable").astype(np.int32),
        word_starts=np.searchsorted(np.sort(rarest), np.arange(featurizer.words + 1)).astype(np.int64),
    )


def _survives_folding(name: str) -> bool:
    """Whether a name is still itself without its marks: "C#" and "C++" would stand wherever a "c" does."""
    bare = name.strip().rstrip(_CLOSING)
    letters = len(bare) > 1 or not bare.isascii()
    return bool(bare) and letters and unicodedata.category(bare[-1])[0] in "LMN"


_CLOSING = ")]}.!?\"'»”’"  # may end a name without being part of it
