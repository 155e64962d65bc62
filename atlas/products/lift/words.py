"""The different words and tokens of chunks, as numbers."""

import unicodedata
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

SEPARATORS = r"[^\p{L}\p{M}\p{N}'’]+"
LONGEST = 40  # characters; longer ones are data, or text that is written without spaces
NO_WORD = -1


def word_of(raw: str) -> str:
    """The word that a run of letters, digits and apostrophes stands for, in one spelling; "" where it is none."""
    word = unicodedata.normalize("NFC", raw.replace("’", "'").strip("'")).casefold()
    return word if len(word) <= LONGEST and any(character.isalpha() for character in word) else ""


@dataclass
class Words:
    """Numbers of words in the order in which they were first seen."""

    numbers: dict[str, int] = field(default_factory=dict)

    def of(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Different words of each text, in order of appearance: numbers end to end, int32, and how many, int64."""
        pieces = pc.split_pattern_regex(texts, SEPARATORS)
        raw = pieces.flatten().dictionary_encode()
        spelled = map(word_of, raw.dictionary.to_pylist())
        known = [self.numbers.setdefault(word, len(self.numbers)) if word else NO_WORD for word in spelled]
        codes = np.array(known, np.int32)[np.asarray(raw.indices)] if len(raw) else np.zeros(0, np.int32)
        return distinct(codes, np.diff(np.asarray(pieces.offsets)).astype(np.int64), len(self.numbers))


def distinct(codes: np.ndarray, sizes: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Each row's numbers once, in order of appearance; negative ones are left out.

    Args:
        codes: int32, below ``most``, row after row. sizes: numbers of each row, int64.
    """
    return _distinct(codes, sizes, np.full(most, -1, np.int64))


@njit(cache=True)
def _distinct(codes: np.ndarray, sizes: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = np.empty_like(codes)
    counts = np.zeros_like(sizes)
    place, size = 0, 0
    for row in range(len(sizes)):
        before = size
        for _ in range(sizes[row]):
            code = codes[place]
            place += 1
            if code >= 0 and seen[code] != row:
                seen[code] = row
                kept[size] = code
                size += 1
        counts[row] = size - before
    return kept[:size].copy(), counts
