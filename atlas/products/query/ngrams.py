"""Word n-grams as 64-bit numbers: the same for texts that differ in case, punctuation, spacing or line breaks.

Words as in the contamination study of GPT-3 (Brown et al., 2020, appendix C): lower case, punctuation dropped. In
scripts without spaces each character counts as a word.
"""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no word is lost in multiplying
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
_BETWEEN = r"[^\p{L}\p{N}\p{M}]+"


def words(texts: pa.Array) -> pa.ListArray:
    """The words of each text, list<string>; null counts as nothing to read."""
    text = pc.utf8_lower(pc.utf8_normalize(pc.fill_null(texts, ""), form="NFKC"))
    if pc.any(pc.match_substring_regex(text, _UNSPACED)).as_py():
        text = pc.replace_substring_regex(text, _UNSPACED, r" \1 ")
    spaced = pc.ascii_trim(pc.replace_substring_regex(text, _BETWEEN, " "), " ")
    found = pc.split_pattern(spaced, " ")
    return pc.if_else(pc.equal(spaced, ""), pa.scalar([], found.type), found)


def hashed(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """All words of some texts end to end: a number for each word, uint64, and the text it is in, int64."""
    lists = words(texts)
    coded = lists.flatten().dictionary_encode()
    numbers = [int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little") for word in _kinds(coded)]
    by_kind = np.array(numbers, dtype=np.uint64)
    sizes = np.asarray(pc.list_value_length(lists)).astype(np.int64)
    return by_kind[np.asarray(coded.indices)], np.repeat(np.arange(len(sizes)), sizes)


def _kinds(coded: pa.DictionaryArray) -> list[str]:
    kinds: list[str] = coded.dictionary.to_pylist()
    return kinds


def grams(numbers: np.ndarray, longest: int) -> Iterator[tuple[int, np.ndarray]]:
    """Numbers of all runs of 1, 2, … ``longest`` words, uint64; the i-th begins at word i, whatever text it is in.

    A polynomial in the words' numbers, modulo 2^64.
    """
    rolled = numbers.copy()
    yield 1, rolled
    for length in range(2, longest + 1):
        if len(numbers) < length:
            return
        rolled = rolled[:-1] * MULTIPLIER + numbers[length - 1 :]
        yield length, rolled


class Lookup:
    """A set of numbers, uint64, that millions of others are looked up in.

    Most are turned away by their first bits, in a table of at most 64 MiB.
    """

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = np.unique(numbers)
        bits = int(np.clip(np.ceil(np.log2(max(1, len(self.numbers)) * 16)), 16, 26))
        self._shift = np.uint64(64 - bits)
        self._there = np.zeros(1 << bits, dtype=bool)
        self._there[self.numbers >> self._shift] = True

    def found(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of those that are in the set, and their places in ``self.numbers``; int64 each."""
        maybe = np.flatnonzero(self._there[numbers >> self._shift])
        places = np.searchsorted(self.numbers, numbers[maybe])
        same = self.numbers[np.minimum(places, len(self.numbers) - 1)] == numbers[maybe] if len(self.numbers) else []
        return maybe[same], places[same]
