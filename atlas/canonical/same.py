"""Whether two names mean the same: a small network over what they have in common.

``benchmarks/fit_same.py`` fits it on synonyms that people recorded (Stack Overflow, GitHub, PLOS, OBO, WordNet);
``same.json`` beside this file holds the weights and says what they were fitted on.
"""

import json
from functools import lru_cache
from importlib.resources import files

import numpy as np

from atlas.canonical.lexicon import ALONE, PART, SEVERAL
from atlas.canonical.pairs import FEATURES, cosines, features, gram_cosines
from atlas.canonical.strings import Strings
from atlas.models.network import Network, network

BLOCK = 500_000  # pairs at a time, which bounds the memory
LEAST_MEANING, LEAST_LETTERS = 0.5, 0.4  # cosines below both of which a pair is not looked at
LEXICAL = {ALONE: 0.9, SEVERAL: 0.25, PART: 0.5}  # probability that a pair has at least of which the lexicon holds so
ACRONYM_LETTERS = 5  # shorter names may stand for anything, so they are looked at always


@lru_cache(maxsize=1)
def shipped() -> dict[str, Network]:
    """The networks that ship with Atlas: ``same`` for pairs; for the concept that a name means,
    ``choice`` of candidates and their ranking, ``link``."""
    told = json.loads((files("atlas.canonical") / "same.json").read_text(encoding="utf-8"))
    if told["features"] != list(FEATURES):
        raise ValueError("same.json was fitted for other features; run benchmarks/fit_same.py again")
    return {name: network(told[name]) for name in ("same", "choice", "link")}


def probabilities(strings: Strings, rows: np.ndarray, held: np.ndarray) -> np.ndarray:
    """The probability that each pair of names, int [pairs, 2], means one thing, float32 [pairs].

    What the lexicon holds for one thing (``lexicon.known_pairs``) has a probability of its own, if the network's is
    lower.
    Pairs that are far apart in meaning and in letters are else 0 unseen: 15 to 62 % of the candidates of the five gold
    sets, among them 2 to 11 % of the true pairs.
    """
    judge = shipped()["same"]
    found = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        likely = np.flatnonzero(_likely(strings, block))
        odds = judge.log_odds(features(strings, block[likely]))
        found[start + likely] = 1 / (1 + np.exp(-odds))
    return np.maximum(found, _lexical(held, rows, len(strings.forms)))


def _lexical(held: np.ndarray, rows: np.ndarray, many: int) -> np.ndarray:
    """What the lexicon makes of each pair of so many names at least, float32 [pairs]."""
    found = np.zeros(len(rows), np.float32)
    if len(held) and len(rows):
        least = np.array([LEXICAL[how] for how in held[:, 2].tolist()], np.float32)
        wanted = held[:, 0] * many + held[:, 1]  # ascending
        key = rows[:, 0] * many + rows[:, 1]
        at = np.minimum(np.searchsorted(wanted, key), len(wanted) - 1)
        found = np.where(wanted[at] == key, least[at], 0).astype(np.float32)
    return found


def _likely(strings: Strings, rows: np.ndarray) -> np.ndarray:
    left, right = rows[:, 0], rows[:, 1]
    meaning = cosines(strings.vectors, left, right)
    letters = gram_cosines(strings.grams, left, right)
    short = np.fromiter(map(len, strings.joined), np.int64, len(strings.joined)) <= ACRONYM_LETTERS
    return (meaning >= LEAST_MEANING) | (letters >= LEAST_LETTERS) | short[left] | short[right]
