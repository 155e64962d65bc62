"""Which pairs of names are worth comparing: near in meaning or in letters, an acronym and what it stands for, or two
that the lexicon knows."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from atlas.canonical.strings import Strings

EXACT_MOST = 200_000_000  # pairs of vectors that are all compared; more: an inverted file is searched
PROBED, PROBED_FOR_ONE = 48, 24  # of its lists, where several neighbours are asked for or the nearest alone
KEPT, KEPT_FOR_ONE = 3, 12  # times as many as asked for are compared exactly after the rough search
COMMON_GRAM = 600  # a letter sequence in more names than this tells little and costs most, in large sets of names
EXACT_GRAMS = 20_000  # names up to which all letter sequences count
BLOCK = 1024
ACRONYM_MOST = 10  # long forms with the same initials that are considered for one acronym


def pairs(strings: Strings, nearest: int, held: np.ndarray) -> np.ndarray:
    """Pairs (i, j), i < j, int64 [pairs, 2], ascending: each name with its nearest ones in meaning and in letters, and
    those that the lexicon holds for one thing (``lexicon.known_pairs``)."""
    found = [
        held[:, :2],
        _pairs_of(near_in_meaning(strings.vectors, strings.vectors, nearest + 1)),
        _pairs_of(near_in_letters(strings.grams, strings.grams, nearest + 1)),
        np.array(acronyms(strings.joined, strings.initials, strings.words), np.int64).reshape(-1, 2),
    ]
    both = np.sort(np.concatenate(found), axis=1)
    both = both[both[:, 0] != both[:, 1]]
    return np.unique(both, axis=0)


def _pairs_of(found: np.ndarray) -> np.ndarray:
    rows = np.repeat(np.arange(len(found)), found.shape[1])
    return np.stack([rows, found.ravel()], axis=1)[found.ravel() >= 0]


def near_in_meaning(queries: np.ndarray, known: np.ndarray, nearest: int) -> np.ndarray:
    """Rows of the known vectors nearest to each query, int64 [queries, nearest]; −1 where there are fewer."""
    nearest = min(nearest, len(known))
    if not nearest or not len(queries):
        return np.zeros((len(queries), 0), np.int64)
    return _index(known, len(queries), PROBED, KEPT).search(queries, nearest)[1]


def nearest_one(queries: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each query the nearest known vector: rows int64 [queries] (−1: none) and cosines float32 [queries]."""
    if not len(queries) or not len(known):
        return np.full(len(queries), -1, np.int64), np.zeros(len(queries), np.float32)
    cosines, rows = _index(known, len(queries), PROBED_FOR_ONE, KEPT_FOR_ONE).search(queries, 1)
    return rows[:, 0], cosines[:, 0]


def _index(known: np.ndarray, queries: int, probed: int, kept: int):  # type: ignore[no-untyped-def]
    """A FAISS index of vectors that are searched ``queries`` times: exact where that takes seconds."""
    import faiss

    flat = faiss.IndexFlatIP(known.shape[1])
    if len(known) * queries <= EXACT_MOST:
        flat.add(known)
        return flat
    return _rough(known, probed, kept)


def _rough(known: np.ndarray, probed: int, kept: int):  # type: ignore[no-untyped-def]
    """An inverted file of vectors in four bits for four dimensions, whose best are compared exactly.

    Of the 16 nearest among 118,000 names it finds 0.875, where whole vectors in 24 lists, which take six times as
    long to search, find 0.852. Of rare forms that are near enough to one of 113,000 to join it, 0.998 find the nearest,
    in two thirds of the time that 48 lists and a third of the exact comparisons take, which find 0.987.
    """
    import faiss

    dimensions = known.shape[1]
    lists = int(2 * len(known) ** 0.5)
    coded = f"PQ{dimensions // 4}x4fs,RFlat" if dimensions % 4 == 0 else "Flat"
    index = faiss.index_factory(dimensions, f"IVF{lists},{coded}", faiss.METRIC_INNER_PRODUCT)
    inverted = faiss.extract_index_ivf(index)
    inverted.cp.max_points_per_centroid = 64
    inverted.cp.niter = 8
    inverted.nprobe = probed
    if hasattr(index, "k_factor"):
        index.k_factor = kept
    index.train(known)
    index.add(known)
    return index


def near_in_letters(
    queries: sparse.csr_matrix, known: sparse.csr_matrix, nearest: int, common: int = COMMON_GRAM
) -> np.ndarray:
    """Rows of the known names that share most letters with each query, int64 [queries, nearest]; −1 for none.

    In large sets, letter sequences in more than ``common`` known names do not count.
    """
    if known.shape[0] > EXACT_GRAMS:
        seen = np.bincount(known.indices, minlength=known.shape[1])
        telling = np.flatnonzero(seen <= common)
        queries, known = queries[:, telling], known[:, telling]
    columns = known.T.tocsr()
    found = np.full((queries.shape[0], nearest), -1, np.int64)
    for start in range(0, queries.shape[0], BLOCK):
        scores = (queries[start : start + BLOCK] @ columns).tocsr()
        for row in range(scores.shape[0]):
            first, last = scores.indptr[row : row + 2]
            data, names = scores.data[first:last], scores.indices[first:last]
            if len(data) > nearest:
                best = np.argpartition(-data, nearest - 1)[:nearest]
                data, names = data[best], names[best]
            found[start + row, : len(names)] = names[np.lexsort((names, -data))]
    return found


def acronyms(joined: Sequence[str], initials: Sequence[str], words: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Pairs of a name and a longer one whose words begin with its letters."""
    spelt: dict[str, list[int]] = defaultdict(list)
    for number, listed in enumerate(words):
        if len(listed) > 1:
            spelt[initials[number]].append(number)
    return [
        (number, long)
        for number, short in enumerate(joined)
        if len(short) > 1
        for long in spelt.get(short, ())[:ACRONYM_MOST]
        if long != number
    ]
