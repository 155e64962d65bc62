"""How a corpus writes its words: with a capital or without, as a noun or only in front of one."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

READ_MOST = 50_000  # chunks, evenly chosen
SEEN_LEAST = 4  # from so many times on it tells something how a word is written
HEADS_MOST = 0.12  # of the tags of several words with it, in which an adjective comes last
PLURALS_LEAST = 0.05  # as often as the word itself stands the plural of a noun
SHARED_LETTERS = 4  # with which an adjective and its noun begin
# Words within a sentence: behind a letter or a comma, so that a capital is the word's own.
_WITHIN = re.compile(r"(?<=[a-z,] )[^\W\d_]{2,}")
_ADJECTIVAL = re.compile(r"(?:al|ic|ary|ory|ous|ive|ian|ean|ar|less|ful|able|ible)$")
_QUALITY = re.compile(r"^[^ -]+ity$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of words in lower case: how often they stand so within sentences, and how often with a capital; and in
    how many tags of several words they come last, and before that."""

    lower: Mapping[str, int] = field(default_factory=dict)
    capital: Mapping[str, int] = field(default_factory=dict)
    heads: Mapping[str, int] = field(default_factory=dict)
    modifiers: Mapping[str, int] = field(default_factory=dict)

    def cased(self, words: str) -> str:
        """The words, each without the capital that it has only in titles (truecasing, Lita et al., ACL 2003)."""
        return " ".join(word.lower() if self._is_common(word) else word for word in words.split(" "))

    def _is_common(self, word: str) -> bool:
        if not (word[:1].isupper() and word[1:].islower()):
            return False
        lower, capital = self.lower.get(word.lower(), 0), self.capital.get(word.lower(), 0)
        return lower + capital >= SEEN_LEAST and lower > capital

    def is_adjective(self, name: str) -> bool:
        """Whether a name is one word that stands in front of nouns, and for nothing by itself."""
        word = name.lower()
        if not _ADJECTIVAL.search(word):
            return False
        before, last = self.modifiers.get(word, 0), self.heads.get(word, 0)
        seen = self.lower.get(word, 0) + self.capital.get(word, 0)
        plural = self.lower.get(f"{word}s", 0) + self.capital.get(f"{word}s", 0)
        return before >= SEEN_LEAST and last <= HEADS_MOST * (before + last) and plural <= PLURALS_LEAST * seen

    def noun(self, names: Sequence[str]) -> str:
        """The first of the names; where it is an adjective, the first that says as a noun what it means.

        Of "holomorphic, holomorphy, holomorphic maps" it is "holomorphic maps": the phrase, as words with the same
        beginning often mean another thing (federal, federalism); without a phrase, a word that ends as the names of
        qualities do.
        """
        first, *others = names
        if not self.is_adjective(first):
            return first
        start = first.lower()
        phrases = [name for name in others if name.lower().startswith(f"{start} ") and name.count(" ") == 1]
        qualities = [name for name in others if name.lower()[:SHARED_LETTERS] == start[:SHARED_LETTERS]]
        nouns = [*phrases, *filter(_QUALITY.search, qualities)]
        return next((name for name in nouns if not _ADJECTIVAL.search(name.lower())), first)


def usage(tags: pa.Table) -> Usage:
    """How the chunks and content tags of a table of schema TAGS write their words."""
    step = max(1, -(-tags.num_rows // READ_MOST))
    texts = tags.column("text").take(pa.array(np.arange(0, tags.num_rows, step)))
    lower: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in texts.to_pylist():
        for word in _WITHIN.findall(text):
            if word.islower():
                lower[word] += 1
            elif word[1:].islower():
                capital[word.lower()] += 1
    heads, modifiers = _places(pc.value_counts(pc.list_flatten(tags.column("content"))))
    return Usage(lower, capital, heads, modifiers)


def _places(counted: pa.StructArray) -> tuple[Counter[str], Counter[str]]:
    heads: Counter[str] = Counter()
    modifiers: Counter[str] = Counter()
    for tag, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
        *before, last = tag.lower().split() or [""]
        if before:
            heads[last] += count
            for word in dict.fromkeys(before):
                modifiers[word] += count
    return heads, modifiers
