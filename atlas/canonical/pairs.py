"""What two names have in common, in numbers."""

from collections.abc import Hashable, Iterable, Sequence, Sized
from itertools import chain
from typing import Literal, get_args

import numpy as np
from scipy import sparse

from atlas.canonical.opposites import opposed
from atlas.canonical.strings import Strings

# Cosine of the sentence model, and its square; cosine of letter sequences; similarity of the letters in order
# (Indel and Jaro-Winkler distance) and of the sets of words; weight of the shared stems in all, in the shorter name
# and in the longer one; stems that are not shared; equality of the letters, and of the sorted stems; initials, and
# letters in order, of the longer name; numbers that are equal, that differ, that only one has; lengths; equal heads
# and first words; how alike the most similar words are that are not shared, and whether two of them are opposites.
Feature = Literal[
    "meaning", "meaning2", "letters", "indel", "jaro", "word_set", "shared", "shared_of_short", "shared_of_long",
    "unshared", "joined", "stems", "initials", "contracted", "same_number", "other_number", "one_number", "short",
    "long", "words", "head", "first", "unshared_alike", "word_count", "opposed",
]  # fmt: skip
FEATURES: tuple[Feature, ...] = get_args(Feature)
CONTRACTED_MOST = 5  # letters of a contraction such as "k8s", "mgmt"
BLOCK = 4096  # pairs at a time: their vectors then stay in the processor's cache


def features(strings: Strings, rows: np.ndarray) -> np.ndarray:
    """Features of pairs, float32 [pairs, FEATURES]; ``rows`` are pairs of row numbers, int [pairs, 2]."""
    left, right = rows[:, 0], rows[:, 1]
    told = _alike(strings, left, right) | _shared(strings, left, right) | _forms(strings, left, right)
    return np.column_stack([np.asarray(told[name], np.float32) for name in FEATURES])


def cosines(vectors: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosines of pairs of rows of float32 [names, d], L2-normalised: float32 [pairs]."""
    found = np.empty(len(left), np.float32)
    for start in range(0, len(left), BLOCK):
        block = slice(start, start + BLOCK)
        np.einsum("ij,ij->i", vectors[left[block]], vectors[right[block]], out=found[block])
    return found


def gram_cosines(grams: sparse.csr_matrix, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """As ``cosines``, of sparse rows."""
    return grams[left].multiply(grams[right]).sum(axis=1).A1


def _alike(strings: Strings, left: np.ndarray, right: np.ndarray) -> dict[Feature, np.ndarray]:
    """What vectors and letters tell."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import JaroWinkler
    from rapidfuzz.process import cpdist

    meaning = cosines(strings.vectors, left, right)
    forms = _taken(strings.forms, left), _taken(strings.forms, right)
    joined = _taken(strings.joined, left), _taken(strings.joined, right)
    return {
        "meaning": meaning,
        "meaning2": meaning**2,
        "letters": gram_cosines(strings.grams, left, right),
        "indel": cpdist(*joined, scorer=fuzz.ratio, dtype=np.float32, workers=-1) / 100,
        "jaro": cpdist(*forms, scorer=JaroWinkler.similarity, dtype=np.float32, workers=-1),
        "word_set": cpdist(*forms, scorer=fuzz.token_set_ratio, dtype=np.float32, workers=-1) / 100,
    }


def _shared(strings: Strings, left: np.ndarray, right: np.ndarray) -> dict[Feature, np.ndarray]:
    """What the sets of stems tell."""
    one, other = strings.holds[left], strings.holds[right]
    both = one.multiply(other).tocsr()
    weight = both @ strings.rarity
    weights = strings.holds @ strings.rarity
    weights[weights == 0] = 1
    mine, yours = weights[left], weights[right]
    lone, others = _without(one, both), _without(other, both)
    most, opposites = _crossed(strings.vocabulary, lone, others)
    unshared = np.stack([np.diff(lone.indptr), np.diff(others.indptr)])
    return {
        "shared": weight / (mine + yours - weight + 1e-6),
        "shared_of_short": weight / np.minimum(mine, yours),
        "shared_of_long": weight / np.maximum(mine, yours),
        "unshared": unshared.min(axis=0),
        "unshared_alike": np.where(unshared.all(axis=0), most, np.where(unshared.any(axis=0), 0.5, 1.0)),
        "opposed": opposites,
    }


def _without(stems: sparse.csr_matrix, shared: sparse.csr_matrix) -> sparse.csr_matrix:
    rest = (stems - shared).tocsr()
    rest.eliminate_zeros()
    return rest


def _crossed(
    vocabulary: Sequence[str], one: sparse.csr_matrix, other: sparse.csr_matrix
) -> tuple[np.ndarray, np.ndarray]:
    """For each pair, over the stems that only one of its names has: how alike the two most similar are, float32, and
    whether two are opposites, bool; zeros where there are none on a side."""
    from rapidfuzz import fuzz
    from rapidfuzz.process import cpdist

    sizes = np.diff(one.indptr).astype(np.int64), np.diff(other.indptr).astype(np.int64)
    counts = sizes[0] * sizes[1]
    pair = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = one.indices[one.indptr[pair] + within // sizes[1][pair]]
    last = other.indices[other.indptr[pair] + within % sizes[1][pair]]
    keys, place = np.unique(first.astype(np.int64) * len(vocabulary) + last, return_inverse=True)
    words = _taken(vocabulary, keys // len(vocabulary)), _taken(vocabulary, keys % len(vocabulary))
    ratios = cpdist(*words, scorer=fuzz.ratio, dtype=np.float32, workers=-1) / 100
    opposites = np.fromiter(map(opposed, *words), bool, len(keys))
    most, any_opposed = np.zeros(len(counts), np.float32), np.zeros(len(counts), bool)
    np.maximum.at(most, pair, ratios[place])
    np.logical_or.at(any_opposed, pair, opposites[place])
    return most, any_opposed


def _forms(strings: Strings, left: np.ndarray, right: np.ndarray) -> dict[Feature, np.ndarray]:
    """What wholes, ends, numbers and lengths tell."""
    size, words = _lengths(strings.joined), _lengths(strings.words)
    shorter = size[left] < size[right]
    short, long = np.where(shorter, left, right), np.where(shorter, right, left)
    spelt = _codes([*strings.joined, *strings.initials])
    joined, initials = spelt[: len(size)], spelt[len(size) :]
    stems = _codes("".join(sorted(stems)) for stems in strings.stems)
    digits = _codes(frozenset(word for word in listed if word.isdigit()) for listed in chain([()], strings.words))
    numbers, none = digits[1:], digits[0]
    x, y = numbers[left] != none, numbers[right] != none
    equal = numbers[left] == numbers[right]
    ends = [_codes(stems[at] for stems in strings.stems) for at in (-1, 0)]
    return {
        "joined": joined[left] == joined[right],
        "stems": stems[left] == stems[right],
        "initials": (words[long] > 1) & (joined[short] == initials[long]),
        "contracted": _contracted(strings.joined, size, short, long),
        "same_number": x & equal,
        "other_number": x & y & ~equal,
        "one_number": x != y,
        "short": np.minimum(size[left], size[right]),
        "long": np.maximum(size[left], size[right]),
        "words": abs(words[left] - words[right]),
        "head": ends[0][left] == ends[0][right],
        "first": ends[1][left] == ends[1][right],
        "word_count": np.minimum(words[left], words[right]),
    }


def _contracted(joined: Sequence[str], size: np.ndarray, short: np.ndarray, long: np.ndarray) -> np.ndarray:
    """Whether the shorter name of each pair begins as the longer does, and has its letters in order."""
    found = np.zeros(len(short), bool)
    for row in np.flatnonzero((size[short] >= 2) & (size[short] <= CONTRACTED_MOST)).tolist():
        found[row] = in_order(joined[short[row]], joined[long[row]])
    return found


def in_order(letters: str, text: str) -> bool:
    """Whether the text begins with the first letter and holds the others behind it, in order."""
    rest = iter(text)
    return text[:1] == letters[:1] and all(letter in rest for letter in letters)


def _taken(texts: Sequence[str], rows: np.ndarray) -> list[str]:
    return [texts[row] for row in rows.tolist()]


def _lengths(listed: Sequence[Sized]) -> np.ndarray:
    return np.fromiter(map(len, listed), np.int64, len(listed))


def _codes(values: Iterable[Hashable]) -> np.ndarray:
    """Numbers that are equal where the values are, int64."""
    place: dict[Hashable, int] = {}
    return np.fromiter((place.setdefault(value, len(place)) for value in values), np.int64)
