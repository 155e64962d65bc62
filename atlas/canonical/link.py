"""Which known concept a name means: candidates near in meaning or letters, ranked by the ``link`` network."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from atlas.canonical.neighbours import acronyms, near_in_letters, near_in_meaning
from atlas.canonical.pairs import FEATURES, features
from atlas.canonical.same import shipped
from atlas.canonical.strings import Strings, taken_apart
from atlas.library.names import normal_form

Embed = Callable[[Sequence[str]], np.ndarray]
NEAREST = 40  # candidates of a name by meaning, and as many by letters
MEANING, LETTERS = FEATURES.index("meaning"), FEATURES.index("letters")
WHOLES_MOST = 10  # candidates that hold all of a name's words


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """For each query, candidates best first: rows of the targets int64 [queries, most] (−1 for none), and log odds."""

    rows: np.ndarray
    log_odds: np.ndarray


def candidates(strings: Strings, used: np.ndarray, nearest: int = NEAREST) -> np.ndarray:
    """Pairs (target, query) worth ranking, int64 [pairs, 2], by query.

    The first names of ``strings`` are the targets; ``used`` tells how often each is used, float32 [targets].
    """
    known = len(used)
    meaning = near_in_meaning(strings.vectors[known:], strings.vectors[:known], nearest)
    letters = near_in_letters(strings.grams[known:], strings.grams[:known], nearest)
    found = np.concatenate([meaning, letters], axis=1)
    queries = np.repeat(np.arange(known, len(strings.forms)), found.shape[1])
    pairs = np.stack([found.ravel(), queries], axis=1)[found.ravel() >= 0]
    short = [(a, b) if a < b else (b, a) for a, b in acronyms(strings.joined, strings.initials, strings.words)]
    spelt = [(a, b) for a, b in short if a < known <= b] + _parts(strings, known) + _wholes(strings, used)
    pairs = np.unique(np.concatenate([pairs, np.array(spelt, np.int64).reshape(-1, 2)]), axis=0)
    return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]


def _parts(strings: Strings, known: int) -> list[tuple[int, int]]:
    """Targets that are spelt like a part of the query: css for css-border-image."""
    spelt: dict[str, int] = {}
    for target in range(known):
        spelt.setdefault("".join(strings.stems[target]), target)
    return [
        (spelt[part], query)
        for query in range(known, len(strings.forms))
        for first in range(len(strings.stems[query]))
        for last in range(first + 1, len(strings.stems[query]) + 1)
        if (part := "".join(strings.stems[query][first:last])) in spelt
    ]


def _wholes(strings: Strings, used: np.ndarray) -> list[tuple[int, int]]:
    """The most used targets that hold all words of the query: python-requests for requests."""
    holding: dict[str, list[int]] = defaultdict(list)
    for target in np.argsort(-used, kind="stable").tolist():
        for word in set(strings.stems[target]):
            holding[word].append(target)
    found = []
    for query in range(len(used), len(strings.forms)):
        lists = sorted((holding.get(word, []) for word in set(strings.stems[query])), key=len)
        others = [set(listed) for listed in lists[1:]]
        whole = [target for target in lists[0] if all(target in other for other in others)]
        found += [(target, query) for target in whole[:WHOLES_MOST]]
    return found


def familiarity(counts: Sequence[int]) -> np.ndarray:
    """How often targets are used, as an input of the network: float32, logarithms of one more than the counts."""
    return np.log1p(np.asarray(counts, np.float32))


def inputs(strings: Strings, pairs: np.ndarray, used: np.ndarray) -> np.ndarray:
    """What the network sees of each pair of ``candidates``, float32 [pairs, FEATURES + 7].

    Behind the features of any pair: how often the target is used, and which place that gives it among the query's
    candidates; its places by meaning and by letters (each as 1 / place); whether it is a part of the query, its
    beginning, or its end.
    """
    told = features(strings, pairs)
    popular = used[pairs[:, 0]]
    places = [_places(values, pairs[:, 1]) for values in (popular, told[:, MEANING], told[:, LETTERS])]
    spelt = np.array([_is_part(strings.words[target], strings.words[query]) for target, query in pairs], np.float32)
    return np.column_stack([told, popular, *places, spelt.reshape(-1, 3)]).astype(np.float32)


def _places(values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """One over the place of each value, highest first, among those of its query; ``queries`` is ascending."""
    order = np.lexsort((-values, queries))
    first = np.searchsorted(queries, queries)
    places = np.empty(len(values), np.float32)
    places[order] = 1 / (1 + np.arange(len(values)) - first)
    return places


def _is_part(part: Sequence[str], whole: Sequence[str]) -> tuple[bool, bool, bool]:
    size = len(part)
    if size >= len(whole):
        return False, False, False
    inside = any(list(whole[start : start + size]) == list(part) for start in range(len(whole) - size + 1))
    return inside, list(whole[:size]) == list(part), list(whole[-size:]) == list(part)


def rank(
    queries: Sequence[str], targets: Sequence[str], embed: Embed, counts: Sequence[int] = (), most: int = 10
) -> Ranking:
    """Rank the targets that each query may mean.

    Args:
        counts: how often each target is used; empty where nobody knows.
        embed: texts to float32 [texts, d], L2-normalised.
    """
    texts = [*targets, *queries]
    strings = taken_apart(texts, embed([normal_form(text) for text in texts]))
    used = familiarity(counts or [0] * len(targets))
    pairs = candidates(strings, used)
    odds = shipped()["link"].log_odds(inputs(strings, pairs, used))
    order = np.lexsort((pairs[:, 0], -odds, pairs[:, 1]))
    pairs, odds = pairs[order], odds[order]
    rows = np.full((len(queries), most), -1, np.int64)
    told = np.full((len(queries), most), -np.inf, np.float32)
    starts = np.searchsorted(pairs[:, 1], np.arange(len(targets), len(texts) + 1))
    for query, (first, last) in enumerate(pairwise(starts)):
        last = min(last, first + most)
        rows[query, : last - first] = pairs[first:last, 0]
        told[query, : last - first] = odds[first:last]
    return Ranking(rows, told)
