"""Which of many known names a name may mean: many are looked at, by meaning, letters and spelling, and few are kept."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from scipy import sparse

from atlas.canonical.neighbours import near_in_letters, near_in_meaning
from atlas.canonical.pairs import cosines, gram_cosines, in_order
from atlas.canonical.strings import Strings
from atlas.models.network import Network

NEAREST = 150  # targets looked at for a name by meaning, and as many by letters
KEPT = 100  # candidates of a name in the end
WHOLES_MOST = 10  # targets that hold all of a name's words
SHORT = (2, 5)  # letters of a name that may stand for a longer one: js, k8s
STANDS_FOR_MOST = 10  # longer targets that a short name may stand for
COMMON_GRAM = 2000  # a letter sequence in more targets than this tells little and costs most
BLOCK = 400_000  # pairs at a time, which bounds the memory
WAYS = (
    "begins",  # the target is how the query begins: css of css3
    "ends",  # or how it ends
    "extends",  # the query is how the target begins
    "initials",  # the query, or a word of it, is the initials of the target's words
    "initials_back",  # the target is the initials of the query's words
    "contracts",  # the query's letters are in the target in order: js of javascript
    "contracts_back",  # the target's are in the query
)
Found = tuple[int, int, int]  # target, query, way


def familiarity(counts: Sequence[int]) -> np.ndarray:
    """How often targets are used against the median, float32, as a difference of logarithms; 0 where nobody knows."""
    told = np.log1p(np.asarray(counts, np.float32))
    known = told > 0
    return np.where(known, told - np.median(told[known]), 0).astype(np.float32) if known.any() else told


def candidates(
    strings: Strings, used: np.ndarray, choice: Network, kept: int = KEPT
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (target, query) worth ranking, int64 [pairs, 2], by query; what ``looked_at`` tells of each; its log odds.

    The first names of ``strings`` are the targets; ``used`` is their ``familiarity``. ``choice`` is a small network
    that says which ``kept`` pairs of a query stay.
    """
    pairs, seen = looked_at(strings, used)
    odds = choice.log_odds(seen)
    stay = best(pairs, odds, kept)
    return pairs[stay], seen[stay], odds[stay]


def best(pairs: np.ndarray, odds: np.ndarray, kept: int) -> np.ndarray:
    """Rows of the ``kept`` likeliest pairs of each query, ascending."""
    order = np.lexsort((-odds, pairs[:, 1]))
    place = np.arange(len(pairs)) - np.searchsorted(pairs[order, 1], pairs[order, 1])
    return np.sort(order[place < kept])


def looked_at(strings: Strings, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (target, query) that any source finds, by query, and what is told of each, float32 [pairs, 14].

    Cosine of the sentence model, and its square; cosines of letter sequences and of stems; how familiar the target is,
    alone and times two of the cosines; then which of the ``WAYS`` they are spelt alike.
    """
    known = len(used)
    many = range(known, len(strings.forms))
    near = [near_in_meaning(strings.vectors[known:], strings.vectors[:known], NEAREST)]
    near.append(near_in_letters(strings.grams[known:], strings.grams[:known], NEAREST, COMMON_GRAM))
    keys = [(np.arange(known, known + len(found))[:, None] * known + found)[found >= 0] for found in near]
    spelt = np.array(list(_spelt(strings, used, many)), np.int64).reshape(-1, 3)
    others = np.array([*_parts(strings, known), *_wholes(strings, used)], np.int64).reshape(-1, 2)
    keys += [listed[:, 1] * known + listed[:, 0] for listed in (spelt, others)]
    key = np.unique(np.concatenate(keys))
    pairs = np.stack([key % known, key // known], axis=1) if known else np.zeros((0, 2), np.int64)
    ways = np.zeros((len(key), len(WAYS)), np.float32)
    ways[np.searchsorted(key, spelt[:, 1] * known + spelt[:, 0]), spelt[:, 2]] = 1
    stems = _stem_weights(strings)
    told = [_near(strings, stems, pairs[start : start + BLOCK], used) for start in range(0, len(pairs), BLOCK)]
    return pairs, np.column_stack([np.concatenate(told) if told else np.zeros((0, 7), np.float32), ways])


def _near(strings: Strings, stems: sparse.csr_matrix, pairs: np.ndarray, used: np.ndarray) -> np.ndarray:
    target, query = pairs[:, 0], pairs[:, 1]
    meaning = cosines(strings.vectors, target, query)
    letters = gram_cosines(strings.grams, target, query)
    known = used[target]
    shared = gram_cosines(stems, target, query)
    told = [meaning, meaning**2, letters, shared, known, meaning * known, letters * known]
    return np.column_stack(told).astype(np.float32)


def _stem_weights(strings: Strings) -> sparse.csr_matrix:
    """The stems of each name by the root of their rarity, rows of length 1."""
    weights = (strings.holds @ sparse.diags(np.sqrt(strings.rarity))).tocsr()
    lengths = np.sqrt(weights.multiply(weights).sum(axis=1).A1)
    return (sparse.diags(1 / np.maximum(lengths, 1e-6)) @ weights).tocsr().astype(np.float32)


def _spelt(strings: Strings, used: np.ndarray, queries: range) -> Iterator[Found]:
    """Targets that are spelt like the beginning or the end of a query, its initials or a contraction, and vice versa;
    the most used ones of each."""
    joined, words = strings.joined, strings.words
    spelt, initials, by_first, short = [defaultdict[str, list[int]](list) for _ in range(4)]
    for target in np.argsort(-used, kind="stable").tolist():
        letters = joined[target]
        spelt[letters].append(target)
        by_first[letters[:1]].append(target)
        if len(words[target]) > 1:
            initials[strings.initials[target]].append(target)
        if SHORT[0] <= len(letters) <= SHORT[1]:
            short[letters[:1]].append(target)
    ordered = sorted(spelt)
    for query in queries:
        mine = joined[query]
        for size in range(2, len(mine)):
            yield from ((target, query, 0) for target in spelt.get(mine[:size], ())[:2])
            yield from ((target, query, 1) for target in spelt.get(mine[-size:], ())[:2])
        first, last = bisect_left(ordered, mine), bisect_left(ordered, mine + "\uffff")
        begun = [spelt[letters][0] for letters in ordered[first:last]]
        yield from ((t, query, 2) for t in sorted(begun, key=lambda t: (-used[t], t))[:STANDS_FOR_MOST])
        yield from ((target, query, 3) for target in initials.get(mine, ())[:STANDS_FOR_MOST])
        if len(words[query]) > 1:
            of_words = (initials.get(word, ())[:3] for word in words[query] if len(word) > 1)
            yield from ((target, query, 3) for listed in of_words for target in listed)
            yield from ((target, query, 4) for target in spelt.get(strings.initials[query], ())[:3])
        if SHORT[0] <= len(mine) <= SHORT[1]:
            longer = (t for t in by_first.get(mine[:1], ()) if _contracts(mine, joined[t]))
            yield from ((target, query, 5) for target in islice(longer, STANDS_FOR_MOST))
        shorter = (t for t in short.get(mine[:1], ()) if _contracts(joined[t], mine))
        yield from ((target, query, 6) for target in islice(shorter, STANDS_FOR_MOST))


def _contracts(short: str, long: str) -> bool:
    return len(short) < len(long) and in_order(short, long)


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
