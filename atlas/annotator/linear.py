"""Sparse linear models of concepts: centroids of their examples, and one-vs-rest support vector machines."""

import numpy as np
from numba import njit
from scipy import sparse

ITERATIONS = 20
WHOLE = 2  # of them look at every chunk; after that those at rest, nine tenths as a rule, are passed over until the end
# Largest violation of the optimality conditions at which a machine is done, among chunks that are not at rest and then
# among all.
TOLERANCE, TOLERANCE_OF_ALL = 0.02, 0.1


def centroids(features: sparse.csr_matrix, labels: sparse.csc_matrix, kept: int) -> sparse.csr_matrix:
    """The ``kept`` largest components of the mean of each concept's chunks, scaled to length 1; CSR float32 [C, F].

    Args:
        features: float32 [chunks, F], rows of length 1. labels: bool [chunks, C].
    """
    shape = (labels.shape[1], features.shape[1])
    pieces = _centroids(features.data, features.indices, features.indptr, labels.indices, labels.indptr, kept, shape[1])
    return sparse.csr_matrix(pieces, shape=shape)


@njit(cache=True, nogil=True)
def _centroids(data, indices, starts, rows, label_starts, kept, width):  # type: ignore[no-untyped-def]
    concepts = len(label_starts) - 1
    total = np.zeros(width, dtype=np.float32)
    touched = np.empty(width, dtype=np.int32)
    values, columns = np.empty(concepts * kept, np.float32), np.empty(concepts * kept, np.int32)
    ends = np.zeros(concepts + 1, dtype=np.int64)
    end = 0
    for concept in range(concepts):
        count = 0
        for row in rows[label_starts[concept] : label_starts[concept + 1]]:
            for place in range(starts[row], starts[row + 1]):
                if total[indices[place]] == 0:
                    touched[count] = indices[place]
                    count += 1
                total[indices[place]] += data[place]
        own = total[touched[:count]]
        least = np.partition(own, count - kept)[count - kept] if count > kept else np.float32(0)
        begin, squares = end, 0.0
        for equal in (False, True):  # those above the least first, then as many equals as there is room for
            for column in touched[:count]:
                value = total[column]
                if (value == least if equal else value > least) and end - begin < kept:
                    values[end], columns[end] = value, column
                    squares += value**2
                    end += 1
        total[touched[:count]] = 0
        if squares > 0:
            values[begin:end] /= np.float32(np.sqrt(squares))
        ends[concept + 1] = end
    return values[:end].copy(), columns[:end].copy(), ends


def one_vs_rest(
    features: sparse.csr_matrix,
    labels: sparse.csc_matrix,
    *,
    least: int,
    kept: int,
    cost: float,
    absent: float,
    negatives: int,
    seed: int,
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """An L2-regularised support vector machine with squared hinge loss per concept.

    By dual coordinate descent (Hsieh et al., "A dual coordinate descent method for large-scale linear SVM", 2008).
    An absent label is unknown rather than wrong: its cost is ``absent`` times that of a label. A machine looks only at
    features that stand in chunks of its concept: what others have besides tells next to nothing and takes half of the
    time (docs/decisions/0012-annotator-ranker.md).

    Args:
        features: float32 [chunks, F], rows of length 1. labels: bool [chunks, C].
        least: labels from which a concept has a machine. kept: weights that are kept of each, the largest.
        negatives: chunks without the label that a concept is trained on at most, drawn by ``seed``.

    Returns:
        Weights, CSR float32 [C, F], and bias float32 [C]; zero where a concept has no machine.
    """
    shape = (labels.shape[1], features.shape[1])
    pieces, bias = _machines(
        *(features.data, features.indices, features.indptr, labels.indices, labels.indptr),
        *(least, kept, np.float32(cost), np.float32(absent), negatives, shape[1], np.random.default_rng(seed)),
    )
    return sparse.csr_matrix(pieces, shape=shape), bias


@njit(cache=True, nogil=True, fastmath=True)
def _machines(data, indices, starts, rows, label_starts, least, kept, cost, absent, negatives, width, generator):  # type: ignore[no-untyped-def]
    concepts, chunks = len(label_starts) - 1, len(starts) - 1
    place_of = np.full(width, -1, dtype=np.int32)
    truth = np.zeros(chunks, dtype=np.bool_)
    bias = np.zeros(concepts, dtype=np.float32)
    values, columns = [], []
    ends = np.zeros(concepts + 1, dtype=np.int64)
    everything = np.arange(chunks)
    for concept in range(concepts):
        positive = rows[label_starts[concept] : label_starts[concept + 1]]
        ends[concept + 1] = ends[concept]
        if len(positive) < least or len(positive) == chunks:
            continue
        truth[positive] = True
        if chunks - len(positive) <= negatives:
            chosen = everything.copy()
        else:
            drawn = generator.integers(0, chunks, negatives)
            chosen = np.concatenate((positive.astype(np.int64), drawn[~truth[drawn]]))
        own = _numbered(indices, starts, positive, place_of)
        looked_at = _part(data, indices, starts, chosen, place_of)
        weights = np.zeros(len(own), dtype=np.float32)
        bias[concept] = _descend(looked_at, truth[chosen], cost, absent, weights, generator)
        truth[positive] = False
        place_of[own] = -1
        touched = np.flatnonzero(weights)
        if len(touched) > kept:
            touched = touched[np.argsort(-np.abs(weights[touched]), kind="mergesort")[:kept]]
        values.append(weights[touched])
        columns.append(own[touched])
        ends[concept + 1] += len(touched)
    flat_values, flat_columns = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.int32)
    end = 0
    for part in range(len(values)):
        flat_values[end : end + len(values[part])] = values[part]
        flat_columns[end : end + len(values[part])] = columns[part]
        end += len(values[part])
    return (flat_values, flat_columns, ends), bias


@njit(cache=True, nogil=True)
def _entries(starts, rows):  # type: ignore[no-untyped-def]
    count = 0
    for row in rows:
        count += starts[row + 1] - starts[row]
    return count


@njit(cache=True, nogil=True)
def _numbered(indices, starts, rows, place_of):  # type: ignore[no-untyped-def]
    """Features of some rows, in order of their first occurrence; ``place_of`` then has the place of each, int32."""
    found = np.empty(_entries(starts, rows), dtype=np.int32)
    count = 0
    for row in rows:
        for place in range(starts[row], starts[row + 1]):
            if place_of[indices[place]] < 0:
                place_of[indices[place]] = count
                found[count] = indices[place]
                count += 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def _part(data, indices, starts, rows, place_of):  # type: ignore[no-untyped-def]
    """Some rows with the numbered features alone, by their numbers; and the sum of the squares of each."""
    count = _entries(starts, rows)
    values, columns = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.int32)
    ends = np.zeros(len(rows) + 1, dtype=np.int64)
    squares = np.zeros(len(rows), dtype=np.float32)
    end = 0
    for turn in range(len(rows)):
        for place in range(starts[rows[turn]], starts[rows[turn] + 1]):
            number = place_of[indices[place]]
            values[end], columns[end] = data[place], number  # overwritten by the next unless the feature is numbered
            if number >= 0:
                squares[turn] += data[place] ** 2
                end += 1
        ends[turn + 1] = end
    return values[:end], columns[:end], ends, squares


@njit(cache=True, nogil=True, fastmath=True)
def _descend(part, truth, cost, absent, weights, generator):  # type: ignore[no-untyped-def]
    """Fit one machine into ``weights``, zero before, to rows as of ``_part``; its bias."""
    data, indices, starts, squares = part
    alpha = np.zeros(len(truth), dtype=np.float32)
    bias = np.float32(0)
    turns = np.arange(len(truth))
    for iteration in range(ITERATIONS):
        worst, left, looked_at = np.float32(0), 0, len(turns)
        generator.shuffle(turns)
        for row in turns:
            sign = np.float32(1) if truth[row] else np.float32(-1)
            diagonal = np.float32(0.5) / (cost if truth[row] else cost * absent)
            margin = bias
            for place in range(starts[row], starts[row + 1]):
                margin += weights[indices[place]] * data[place]
            gradient = sign * margin - np.float32(1) + diagonal * alpha[row]
            rests = alpha[row] == 0 and gradient > 0
            if iteration < WHOLE - 1 or not rests:
                turns[left] = row
                left += 1
            if rests:
                continue
            worst = max(worst, abs(gradient))
            after = max(alpha[row] - gradient / (squares[row] + np.float32(1) + diagonal), np.float32(0))
            step = (after - alpha[row]) * sign
            alpha[row] = after
            bias += step
            for place in range(starts[row], starts[row + 1]):
                weights[indices[place]] += step * data[place]
        whole = looked_at == len(truth)
        if worst >= (TOLERANCE_OF_ALL if whole else TOLERANCE):
            turns = turns[:left]
        elif whole:
            break
        else:
            turns = np.arange(len(truth))
    return bias
