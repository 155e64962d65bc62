"""What the likely concepts of a chunk say of its other candidates: some come together often, some never do.

Lift is the log of how much more often two concepts stand on the same chunks than by chance. The likeliest candidates of
a chunk speak for, or against, each other one, by their lifts and their chances (as a stacked classifier does; Godbole
and Sarawagi, 2004), and by how near they are in meaning: what a chunk is about is seldom one thing by itself, and of
two that mean nearly the same often one alone is given. All that is compiled stands in this file (see ``kernels``).
"""

import numpy as np
from numba import njit
from scipy import sparse

PASSED = 20  # candidates of a chunk that are looked at again
SPEAKERS = 8  # the likeliest of them, which speak
TOLD = (
    "sieved",  # the pair's own logit
    "lifted",  # lifts, weighed by the speakers' chances
    "near",  # mean of the speakers' cosines of meaning, weighed by their chances
    "nearest",  # highest of these cosines
    "second",  # … of the speakers that are likelier
    "supported",  # sum of the squares of those above zero, weighed by the speakers' chances
)
_SIEVED, _LIFTED, _NEAR, _NEAREST, _SECOND, _SUPPORTED = range(len(TOLD))
FAINT = np.float32(1e-3)  # added to the sum of chances, which may be none
SMOOTH = 0.5  # chunks added to what is seen and to what chance makes expected
RARELY = 0.25  # chunks: of two concepts that chance would let meet on fewer, it tells nothing that they never do
ENTRIES = 4_000_000  # lifts of all concepts together: bounds memory
FEWEST, MOST = 64, 512  # of one, those that chance explains least: bounds the time of a chunk


def lifts(labels: sparse.csr_matrix) -> sparse.csr_matrix:
    """Lift of two concepts that meet, or that should and never do; float32 CSR [C, C], 0 for others.

    Args:
        labels: bool CSR [chunks, C].
    """
    own = labels.astype(np.float32)
    counts = np.asarray(own.sum(axis=0)).ravel()
    met = (own.T @ own).tocoo()
    row, col = _expected(counts, own.shape[0])
    first, second = np.concatenate([met.row, row]), np.concatenate([met.col, col])
    times = np.concatenate([met.data, np.zeros(len(first) - met.nnz, np.float32)])
    # A pair that meets may also be expected: its first entry, with the times, is the one that stays.
    _, kept = np.unique(first.astype(np.int64) * len(counts) + second, return_index=True)
    kept = kept[first[kept] != second[kept]]
    first, second, times = first[kept], second[kept], times[kept]
    chance = counts[first] * counts[second] / max(1, own.shape[0])
    surprise = np.abs(times - chance) / np.sqrt(chance + SMOOTH)
    order = np.lexsort((-surprise, first))
    place = np.arange(len(order)) - np.searchsorted(first[order], first[order])
    most = order[place < np.clip(ENTRIES // max(1, len(counts)), FEWEST, MOST)]
    first, second, times, chance = first[most], second[most], times[most], chance[most]
    values = np.log((times + SMOOTH) / (chance + SMOOTH)).astype(np.float32)
    found = sparse.csr_matrix((values, (first, second)), shape=(len(counts), len(counts)))
    found.sort_indices()
    return found


def _expected(counts: np.ndarray, chunks: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of concepts that chance lets meet on ``RARELY`` chunks or more."""
    order = np.argsort(-counts, kind="stable")
    ascending = counts[order][::-1]
    enough = RARELY * chunks / np.maximum(counts, 1e-9)
    partners = len(counts) - np.searchsorted(ascending, enough)
    rows = np.repeat(np.arange(len(counts)), partners)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(partners) - partners, partners)
    return rows, order[places]


@njit(cache=True, nogil=True, fastmath=True)
def heard(starts, columns, views, logits, lifts, meaning):  # type: ignore[no-untyped-def]
    """The best candidates of each chunk, and what the likeliest say of each.

    Args:
        starts, columns, views: as of ``Pairs``. logits: float32 [pairs]. lifts: ``Postings`` [C, C]. meaning:
            ``Vectors`` of the concepts, [C, d].

    Returns:
        Rows of the pairs, int64 [passed], best first within a chunk; views and ``TOLD`` of each, float32
        [passed, views + 6].
    """
    room = 0
    for chunk in range(len(starts) - 1):
        room += min(PASSED, starts[chunk + 1] - starts[chunk])
    seen = views.shape[1]
    rows, told = np.empty(room, np.int64), np.empty((room, seen + len(TOLD)), np.float32)
    total, chances = np.zeros(len(meaning.scales), np.float32), np.zeros(SPEAKERS, np.float32)
    voices, own = (
        np.empty((SPEAKERS, meaning.values.shape[1]), np.float32),
        np.empty(meaning.values.shape[1], np.float32),
    )
    end = 0
    for chunk in range(len(starts) - 1):
        begin, end = end, end + min(PASSED, starts[chunk + 1] - starts[chunk])
        best = rows[begin:end]
        _best(logits, starts[chunk], starts[chunk + 1], best)
        speakers = best[:SPEAKERS]
        for place in range(len(speakers)):
            chances[place] = np.float32(1) / (np.float32(1) + np.exp(-logits[speakers[place]]))
            _add(lifts, columns[speakers[place]], chances[place], total)
            _read(meaning, columns[speakers[place]], voices[place])
        for place in range(len(best)):
            told[begin + place, :seen] = views[best[place]]
            mine = told[begin + place, seen:]
            mine[_SIEVED] = logits[best[place]]
            column = columns[best[place]]
            mine[_LIFTED] = total[column] + _whole(lifts, columns, speakers, chances, column)
            _read(meaning, column, own)
            _near(own, voices, len(speakers), chances, place, mine)
        for speaker in speakers:
            _clear(lifts, columns[speaker], total)
    return rows, told


@njit(cache=True, nogil=True, fastmath=True)
def _read(meaning, column, found):  # type: ignore[no-untyped-def]
    values, scale = meaning.values[column], meaning.scales[column]
    for i in range(len(found)):
        found[i] = scale * np.float32(values[i])


@njit(cache=True, nogil=True, fastmath=True)
def _near(own, voices, speakers, chances, place, mine):  # type: ignore[no-untyped-def]
    """What the meaning of a candidate has of those of the speakers, but for itself."""
    mean, squares, weight = np.float32(0), np.float32(0), FAINT
    nearest, second = np.float32(-1), np.float32(0)
    for other in range(speakers):
        if other == place:
            continue
        voice = voices[other]
        cosine = np.float32(0)
        for i in range(len(own)):
            cosine += own[i] * voice[i]
        mean += chances[other] * cosine
        weight += chances[other]
        squares += chances[other] * max(cosine, np.float32(0)) ** 2
        nearest = max(nearest, cosine)
        if other < place:
            second = max(second, cosine)
    mine[_NEAR], mine[_NEAREST], mine[_SECOND], mine[_SUPPORTED] = mean / weight, nearest, second, squares


@njit(cache=True, nogil=True)
def _best(logits, first, behind, best):  # type: ignore[no-untyped-def]
    """Fill ``best`` with the rows ``first:behind`` of the largest logits, descending; of equal ones the first stays."""
    filled = 0
    for row in range(first, behind):
        if filled == len(best):
            if logits[row] <= logits[best[filled - 1]]:
                continue
            filled -= 1
        place = filled
        while place > 0 and logits[best[place - 1]] < logits[row]:
            best[place] = best[place - 1]
            place -= 1
        best[place] = row
        filled += 1


@njit(cache=True, nogil=True, fastmath=True)
def _add(lifts, row, weight, total):  # type: ignore[no-untyped-def]
    """Add a weighed row of postings to ``total``, if it is kept as a list."""
    begin, count = lifts.rows[row]
    factor = weight * lifts.scales[row]
    for entry in range(begin, begin + max(count, 0)):
        total[lifts.columns[entry]] += factor * np.float32(lifts.values[entry])


@njit(cache=True, nogil=True)
def _clear(lifts, row, total):  # type: ignore[no-untyped-def]
    begin, count = lifts.rows[row]
    for entry in range(begin, begin + max(count, 0)):
        total[lifts.columns[entry]] = 0


@njit(cache=True, nogil=True, fastmath=True)
def _whole(lifts, columns, speakers, chances, column):  # type: ignore[no-untyped-def]
    """What the speakers whose rows are kept whole say of one concept."""
    total = np.float32(0)
    for place in range(len(speakers)):
        row = columns[speakers[place]]
        if lifts.rows[row, 1] < 0:
            factor = chances[place] * lifts.scales[row]
            total += factor * np.float32(lifts.dense[lifts.rows[row, 0], column])
    return total
