"""What two names have in common, in numbers."""

from typing import Literal, get_args

import numpy as np

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


def features(strings: Strings, rows: np.ndarray) -> np.ndarray:
    """Features of pairs, float32 [pairs, FEATURES]; ``rows`` are pairs of row numbers, int [pairs, 2]."""
    found = np.zeros((len(rows), len(FEATURES)), np.float32)
    left, right = rows[:, 0], rows[:, 1]
    found[:, 0] = np.einsum("ij,ij->i", strings.vectors[left], strings.vectors[right])
    found[:, 1] = found[:, 0] ** 2
    found[:, 2] = np.asarray(strings.grams[left].multiply(strings.grams[right]).sum(axis=1)).ravel()
    sets = [frozenset(stems) for stems in strings.stems]
    weights = [sum(strings.rarity[stem] for stem in stems) or 1.0 for stems in sets]
    numbers = [frozenset(word for word in words if word.isdigit()) for words in strings.words]
    ordered = ["".join(sorted(stems)) for stems in strings.stems]
    for row, (a, b) in enumerate(rows.tolist()):
        found[row, 3:] = _spelt(strings, a, b, sets, weights, numbers, ordered)
    return found


def _spelt(strings, a, b, sets, weights, numbers, ordered):  # type: ignore[no-untyped-def]
    """The features that come of spelling alone. One flat function: it runs millions of times."""
    from rapidfuzz import fuzz
    from rapidfuzz.distance import JaroWinkler

    one, other = strings.joined[a], strings.joined[b]
    shared = sets[a] & sets[b]
    weight = sum([strings.rarity[stem] for stem in shared])
    left, right = sets[a] - shared, sets[b] - shared
    short, long = (a, b) if len(one) < len(other) else (b, a)
    few = strings.joined[short]
    acronym = len(strings.words[long]) > 1 and few == strings.initials[long]
    contracted = 2 <= len(few) <= CONTRACTED_MOST and _in_order(few, strings.joined[long])
    x, y = numbers[a], numbers[b]
    if left and right:
        alike = max([fuzz.ratio(u, v) for u in left for v in right]) / 100
    else:
        alike = 0.5 if left or right else 1.0
    words, more = len(strings.words[a]), len(strings.words[b])
    stems, others = strings.stems[a], strings.stems[b]
    return (
        fuzz.ratio(one, other) / 100,
        JaroWinkler.similarity(strings.forms[a], strings.forms[b]),
        fuzz.token_set_ratio(strings.forms[a], strings.forms[b]) / 100,
        weight / (weights[a] + weights[b] - weight + 1e-6),
        weight / min(weights[a], weights[b]),
        weight / max(weights[a], weights[b]),
        min(len(left), len(right)),
        one == other,
        ordered[a] == ordered[b],
        acronym,
        contracted,
        bool(x) and x == y,
        bool(x) and bool(y) and x != y,
        bool(x) != bool(y),
        min(len(one), len(other)),
        max(len(one), len(other)),
        abs(words - more),
        stems[-1] == others[-1],
        stems[0] == others[0],
        alike,
        min(words, more),
        any(opposed(u, v) for u in left for v in right),
    )


def _in_order(letters: str, text: str) -> bool:
    """Whether the text begins with the first letter and holds the others behind it, in order."""
    rest = iter(text)
    return text[:1] == letters[:1] and all(letter in rest for letter in letters)
