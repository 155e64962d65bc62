"""Which known concept a name means: candidates, ranked by the ``link`` network and by what the lexicon knows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from atlas.canonical.candidates import candidates, familiarity
from atlas.canonical.cover import covered
from atlas.canonical.lexicon import ALONE, PART, SEVERAL, known
from atlas.canonical.pairs import FEATURES, cosines, features
from atlas.canonical.same import shipped
from atlas.canonical.strings import Strings, taken_apart
from atlas.library.names import normal_form

Embed = Callable[[Sequence[str]], np.ndarray]
MEANING, LETTERS = FEATURES.index("meaning"), FEATURES.index("letters")
FAMILIAR, STEMS = 4, 3  # of what ``looked_at`` tells
LEXICAL = {ALONE: 14.0, SEVERAL: 7.0, PART: 6.0}  # log odds that a pair gains of which the lexicon holds so


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """For each query, candidates best first: rows of the targets int64 [queries, most] (−1 for none), and log odds."""

    rows: np.ndarray
    log_odds: np.ndarray


def inputs(strings: Strings, pairs: np.ndarray, seen: np.ndarray, odds: np.ndarray, quick: Embed) -> np.ndarray:
    """What the network sees of each pair of ``candidates``, float32 [pairs, n].

    Behind the features of any pair and what chose it (``seen``, and its ``odds`` there): which words, letters and
    numbers of the one are in the other; how well each covers the other's words, and how near the two are, by ``quick``
    vectors; then how all this stands beside the query's other candidates: behind the best by how much, and which place.
    """
    queries = pairs[:, 1]
    told, cover = features(strings, pairs), covered(strings, pairs, quick)
    rows, at = np.unique(pairs, return_inverse=True)
    near = cosines(quick([strings.forms[row] for row in rows.tolist()]), *at.reshape(pairs.shape).T)
    shared = _shared_of(strings, pairs)
    values = [seen[:, FAMILIAR], told[:, MEANING], told[:, LETTERS], odds, near]
    also = [seen[:, STEMS], shared[:, 1], cover[:, 0], cover[:, 1]]
    beside = [_places(value, queries) for value in values] + [_behind(value, queries) for value in values + also]
    return np.column_stack([told, seen[:, STEMS:], odds, near, cover, shared, _within(strings, pairs), *beside]).astype(
        np.float32
    )


def _with_lexicon(strings: Strings, targets: int, pairs: np.ndarray, odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs, ascending by query, and those that only the lexicon finds; the log odds with what it adds.

    A pair that it alone finds has otherwise as little as the query's unlikeliest candidate. A query that is spelt like
    a target but for number, hyphen or case means that one, and the lexicon is not asked.
    """
    held = known(strings, range(targets, len(strings.forms)), range(targets))
    spelt = defaultdict(set)
    for target in range(targets):
        spelt[strings.joined[target]].add(strings.texts[target])
    held = held[[not spelt[strings.joined[query]] - {strings.texts[query]} for query in held[:, 0].tolist()]]
    if not len(held):
        return pairs, odds
    gain = np.array([LEXICAL[how] for how in held[:, 2].tolist()], np.float32)
    key, wanted = pairs[:, 1] * targets + pairs[:, 0], held[:, 0] * targets + held[:, 1]
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    is_there = key[at] == wanted
    odds = odds.copy()
    odds[at[is_there]] += gain[is_there]
    starts = _starts(pairs[:, 1])
    lowest = dict(zip(pairs[starts, 1].tolist(), np.minimum.reduceat(odds, starts).tolist(), strict=True))
    base = np.array([lowest.get(query, 0.0) for query in held[~is_there, 0].tolist()], np.float32)
    return np.concatenate([pairs, held[~is_there][:, [1, 0]]]), np.concatenate([odds, base + gain[~is_there]])


def _shared_of(strings: Strings, pairs: np.ndarray) -> np.ndarray:
    """Weight of the shared stems in the target's and in the query's, float32 [pairs, 2]."""
    both = strings.holds[pairs[:, 0]].multiply(strings.holds[pairs[:, 1]]).tocsr() @ strings.rarity
    weights = strings.holds @ strings.rarity
    return both[:, None] / np.maximum(weights[pairs], 1e-6)


def _within(strings: Strings, pairs: np.ndarray) -> np.ndarray:
    """Which is a part of the other, in words (inside, as beginning, as end; either way) and in letters; whether they
    are one text; numbers that only one has; how much of each a common beginning or end is; lengths; float32."""
    from rapidfuzz.distance import Postfix, Prefix
    from rapidfuzz.process import cpdist

    spaced = [f" {' '.join(words)} " for words in strings.words]
    numbers = [frozenset(word for word in words if word.isdigit()) for words in strings.words]
    joined, texts = strings.joined, strings.texts
    letters = [[joined[row] for row in pairs[:, side].tolist()] for side in (0, 1)]
    size = np.maximum(np.fromiter(map(len, joined), np.float32, len(joined))[pairs], 1)
    words = np.fromiter(map(len, strings.words), np.float32, len(joined))[pairs]
    flags = [
        (
            (a := spaced[target]) in (b := spaced[query]) and a != b,
            a != b and b.startswith(a),
            a != b and b.endswith(a),
            b in a and a != b,
            a != b and a.startswith(b),
            a != b and a.endswith(b),
            joined[target] in joined[query],
            joined[query] in joined[target],
            texts[target] == texts[query],
            bool(numbers[query] - numbers[target]),
            bool(numbers[target] - numbers[query]),
        )
        for target, query in pairs.tolist()
    ]
    ends = [
        cpdist(*letters, scorer=scorer.similarity, dtype=np.float32)[:, None] / size for scorer in (Prefix, Postfix)
    ]
    return np.column_stack(
        [np.array(flags, np.float32).reshape(-1, 11), *ends, np.log(size), words[:, 0] - words[:, 1]]
    )


def _starts(queries: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.diff(queries, prepend=-1))


def _behind(values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Each value less the highest of its query; ``queries`` is ascending."""
    starts = _starts(queries)
    best = np.maximum.reduceat(values, starts) if len(starts) else values
    return values - np.repeat(best, np.diff(starts, append=len(values)))


def _places(values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """One over the place of each value, highest first, among those of its query; ``queries`` is ascending."""
    order = np.lexsort((-values, queries))
    first = np.searchsorted(queries, queries)
    places = np.empty(len(values), np.float32)
    places[order] = 1 / (1 + np.arange(len(values)) - first)
    return places


def rank(
    queries: Sequence[str],
    targets: Sequence[str],
    embed: Embed,
    quick: Embed,
    counts: Sequence[int] = (),
    most: int = 10,
) -> Ranking:
    """Rank the targets that each query may mean.

    Args:
        embed: texts to float32 [texts, d], L2-normalised.
        quick: as ``embed``, by the static encoder.
        counts: how often each target is used, 0 where nobody knows.
    """
    texts = [*targets, *queries]
    strings = taken_apart(texts, embed([normal_form(text) for text in texts]))
    used = familiarity(counts or [0] * len(targets))
    pairs, seen, odds = candidates(strings, used, shipped()["choice"])
    odds = shipped()["link"].log_odds(inputs(strings, pairs, seen, odds, quick))
    pairs, odds = _with_lexicon(strings, len(targets), pairs, odds)
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
