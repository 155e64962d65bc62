"""Compiled scoring: names in chunks, candidates, their views.

All of it stands in one file, as numba's cache of compiled code looks only at the file of each function: a constant or
function from another file could be stale. Arrays come in as named tuples (``views.Tables``).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

ALIKE = 40  # candidates by their examples
AKIN = 16  # candidates by the meaning of words
NAMED = 64  # candidates by their names
READ = 48  # candidates by what a sentence model says of the chunk, where it is heard: every concept is compared
NAMES = 1024  # names found in a chunk at most
OPENING = 24  # words
BLOCK = 32  # scores that are looked at together
STEP = np.float32(1 / 255)  # of a cosine that is kept in a byte
FLOOR = 0.5  # a name of which less than this stands in the chunk, by idf mass, does not count as there
PARTLY, SCATTERED, PHRASE = 1, 2, 3  # how much of a name stands in a chunk: some words, all of them, all in a row
VIEWS = (
    "alike",  # cosine of the chunk and the mean of the concept's examples
    "alike_best",  # … as a share of the best candidate's
    "alike_rank",  # ln(1 + rank) among the best by this, the same for all others
    "machine",  # margin of the concept's support vector machine, 0 without one
    "has_machine",
    "machine_best",  # … less the best candidate's
    "examples",  # ln(1 + training chunks with the concept)
    "no_example",
    "partly",  # best name: only some of its words stand in the chunk
    "scattered",  # … all of them do
    "phrase",  # … in a row
    "covered",  # share of the name's idf mass
    "whole",  # … not only inside a longer name
    "times",  # ln(1 + occurrences)
    "early",  # 1 / (1 + place / OPENING)
    "mass",  # idf of the name's words
    "reliable",  # log odds of the concept where its name stands
    "stood",  # ln(1 + training chunks where the name stands)
    "names_found",  # ln(1 + concepts whose names stand in the chunk)
    "akin",  # sum of what the chunk's words have in common with the concept
    "meaning",  # cosine of the chunk's words and what is said of the concept
    "meaning_opening",  # … of its opening
    "meaning_best",  # … less the best candidate's
    "length",  # ln(1 + words of the chunk)
)
(
    _ALIKE,
    _ALIKE_BEST,
    _ALIKE_RANK,
    _MACHINE,
    _HAS_MACHINE,
    _MACHINE_BEST,
    _EXAMPLES,
    _NO_EXAMPLE,
    _PARTLY,
    _SCATTERED,
    _PHRASE,
    _COVERED,
    _WHOLE,
    _TIMES,
    _EARLY,
    _MASS,
    _RELIABLE,
    _STOOD,
    _NAMES_FOUND,
    _AKIN,
    _MEANING,
    _MEANING_OPENING,
    _MEANING_BEST,
    _LENGTH,
) = range(len(VIEWS))


class Found(NamedTuple):
    """Names found in one chunk, a row for each name; arrays have room for more than ``count``."""

    names: np.ndarray  # int32
    kinds: np.ndarray  # int32: PARTLY, SCATTERED or PHRASE
    covered: np.ndarray  # float32: share of the name's idf mass that stands in the chunk
    firsts: np.ndarray  # int32: word of the chunk at which it stands first
    times: np.ndarray  # int32: how often as a phrase
    whole: np.ndarray  # bool: some time not inside a longer name


@njit(cache=True, nogil=True)
def room(most):  # type: ignore[no-untyped-def]
    return Found(
        np.empty(most, dtype=np.int32),
        np.empty(most, dtype=np.int32),
        np.empty(most, dtype=np.float32),
        np.empty(most, dtype=np.int32),
        np.empty(most, dtype=np.int32),
        np.empty(most, dtype=np.bool_),
    )


@njit(cache=True, nogil=True)
def find(index, own, place_of, longest, found):  # type: ignore[no-untyped-def]
    """Find the names that stand in a chunk; how many there are.

    Args:
        own: the chunk's words, int32. place_of: int32 [W], first place of each word of the chunk and -1 for others.
        longest: int32, at least as long as ``own``; overwritten.
    """
    count = 0
    longest[: len(own)] = 0
    for place in range(len(own)):
        word = own[place]
        if place_of[word] != place:
            continue
        for name in range(index.word_starts[word], index.word_starts[word + 1]):
            if count == len(found.names):
                break
            first, covered, missing = _presence(index, name, place_of)
            if covered < FLOOR:
                continue
            found.names[count], found.covered[count], found.firsts[count] = name, covered, first
            found.kinds[count] = PARTLY if missing else SCATTERED
            found.times[count] = 0
            found.whole[count] = False
            count += 1
    for row in range(count):
        if found.kinds[row] == SCATTERED:
            _phrases(index, own, place_of, longest, found, row)
    for row in range(count):
        if found.kinds[row] == PHRASE:
            found.whole[row] = _outside(index, own, longest, found, row)
    return count


@njit(cache=True, nogil=True)
def _presence(index, name, place_of):  # type: ignore[no-untyped-def]
    """First place of any of a name's words, the share of it that is there, and whether something is missing."""
    first, covered, missing = 1 << 30, np.float32(0), False
    for part in range(index.starts[name], index.starts[name + 1]):
        place = place_of[index.words[part]]
        if place < 0:
            missing = True
        else:
            covered += index.shares[part]
            first = min(first, place)
    return first, covered, missing


@njit(cache=True, nogil=True)
def _stands(index, name, own, start):  # type: ignore[no-untyped-def]
    length = index.starts[name + 1] - index.starts[name]
    if start < 0 or start + length > len(own):
        return False
    for part in range(length):  # noqa: SIM110, as generators are not compiled
        if own[start + part] != index.words[index.starts[name] + part]:
            return False
    return True


@njit(cache=True, nogil=True)
def _phrases(index, own, place_of, longest, found, row):  # type: ignore[no-untyped-def]
    name = found.names[row]
    key = index.words[index.starts[name] + index.keys[name]]
    length = index.starts[name + 1] - index.starts[name]
    for place in range(place_of[key], len(own)):
        start = place - index.keys[name]
        if own[place] != key or not _stands(index, name, own, start):
            continue
        if found.times[row] == 0:
            found.firsts[row] = start
            found.kinds[row] = PHRASE
        found.times[row] += 1
        for inside in range(start, start + length):
            longest[inside] = max(longest[inside], length)


@njit(cache=True, nogil=True)
def _outside(index, own, longest, found, row):  # type: ignore[no-untyped-def]
    """Whether a phrase stands somewhere where longer ones do not cover all of it."""
    name = found.names[row]
    length = index.starts[name + 1] - index.starts[name]
    for start in range(found.firsts[row], len(own) - length + 1):
        if own[start] == index.words[index.starts[name]] and _stands(index, name, own, start):
            for place in range(start, start + length):
                if longest[place] == length:
                    return True
    return False


@njit(cache=True, nogil=True)
def standings(index, flat, starts, label_starts, labels, words):  # type: ignore[no-untyped-def]
    """In how many chunks each name stands as a phrase, and how many of them have its concept. float32 [N] each.

    Args:
        flat, starts: words of the chunks. label_starts, labels: CSR of the chunks' concepts, columns ascending.
        words: size of the vocabulary.
    """
    stood = np.zeros(len(index.owners), dtype=np.float32)
    right = np.zeros(len(index.owners), dtype=np.float32)
    place_of = np.full(words, -1, dtype=np.int32)
    found = room(NAMES)
    for chunk in range(len(starts) - 1):
        own = flat[starts[chunk] : starts[chunk + 1]]
        longest = np.empty(len(own), dtype=np.int32)
        note_places(own, place_of)
        truth = labels[label_starts[chunk] : label_starts[chunk + 1]]
        for row in range(find(index, own, place_of, longest, found)):
            if found.kinds[row] == PHRASE:
                name = found.names[row]
                stood[name] += 1
                at = np.searchsorted(truth, index.owners[name])
                right[name] += at < len(truth) and truth[at] == index.owners[name]
        place_of[own] = -1
    return stood, right


@njit(cache=True, nogil=True)
def note_places(own, place_of):  # type: ignore[no-untyped-def]
    """Write down where each word of a chunk stands first."""
    for place in range(len(own)):
        if place_of[own[place]] < 0:
            place_of[own[place]] = place


@njit(cache=True, nogil=True, fastmath=True)
def pairs(flat, starts, weighed, t, read):  # type: ignore[no-untyped-def]
    chunks, concepts = len(starts) - 1, len(t.positives)
    most = min(concepts, ALIKE + AKIN + NAMED + (READ if len(read) else 0))
    columns = np.empty(chunks * most, dtype=np.int32)
    views = np.empty((chunks * most, len(VIEWS)), dtype=np.float32)
    ends = np.zeros(chunks + 1, dtype=np.int64)
    place_of = np.full(len(t.akin.columns), -1, dtype=np.int32)
    alike, akin, machine = np.zeros(concepts, np.float32), np.zeros(concepts, np.float32), t.bias.copy()
    row_of = np.full(concepts, -1, dtype=np.int64)
    found = room(NAMES)
    touched, keys = np.empty(concepts, np.int32), np.empty(concepts, np.int64)
    longest = np.empty(max(1, np.diff(starts).max() if chunks else 1), dtype=np.int32)
    whole, opening = np.empty(len(t.centre), np.float32), np.empty(len(t.centre), np.float32)
    near = np.empty(concepts if len(read) else 0, dtype=np.float32)
    end = 0
    for chunk in range(chunks):
        own = flat[starts[chunk] : starts[chunk + 1]]
        features = slice(weighed.starts[chunk], weighed.starts[chunk + 1])
        indices, weights = weighed.indices[features], weighed.data[features]
        floor = t.skipped[0] * weights.max() if len(weights) else np.float32(0)
        in_words = np.searchsorted(indices, len(place_of))
        note_places(own, place_of)
        begin = end
        _add_rows(t.centroids, indices, weights, floor, alike)
        end = _add_best(_largest(alike, ALIKE, keys), ALIKE, columns, row_of, end)
        ranked = end - begin
        count = _add_near(t.akin, indices[:in_words], weights[:in_words], floor, akin, touched)
        end = _add_best(_positive(akin, touched[:count], keys), AKIN, columns, row_of, end)
        if len(read) and len(own):
            whole[:], opening[:] = read[chunk, 0], read[chunk, 1]
            _cosines(t.meaning, whole + opening, near)
            end = _add_best(_largest(near, READ, keys), READ, columns, row_of, end)
        names = find(t.names, own, place_of, longest, found)
        end = _add_named(t.names.owners, found.names[:names], columns, row_of, end, begin + most)
        if end > begin:
            _add_rows(t.machines, indices, weights, np.float32(0), machine)
            mine = views[begin:end]
            mine[:] = 0
            _view_examples(t, columns[begin:end], ranked, alike, machine, mine)
            _view_names(t, found, names, row_of, begin, mine)
            if not len(read):
                _vectors_of(t, indices[:in_words], weights[:in_words], place_of, whole, opening)
            _view_meaning(t, columns[begin:end], whole, opening, akin, mine)
            mine[:, _LENGTH] = np.log(np.float32(1 + len(own)))
        machine[:] = t.bias
        alike[:] = 0
        akin[touched[:count]] = 0
        row_of[columns[begin:end]] = -1
        place_of[own] = -1
        ends[chunk + 1] = end
    return ends, columns[:end].copy(), views[:end].copy()


@njit(cache=True, nogil=True, fastmath=True)
def _add_rows(matrix, indices, weights, floor, total):  # type: ignore[no-untyped-def]
    """Add weighed rows of postings to ``total``; features that weigh less than ``floor`` are passed over."""
    for place in range(len(indices)):
        weight = weights[place]
        feature = indices[place]
        count = matrix.rows[feature, 1]
        if weight < floor or count == 0:
            continue
        factor = weight * matrix.scales[feature]
        begin = matrix.rows[feature, 0]
        if count < 0:
            row = matrix.dense[begin]
            for column in range(len(total)):
                total[column] += factor * np.float32(row[column])
        else:
            values, columns = matrix.values[begin : begin + count], matrix.columns[begin : begin + count]
            for entry in range(count):
                total[columns[entry]] += factor * np.float32(values[entry])


@njit(cache=True, nogil=True, fastmath=True)
def _add_near(near, indices, weights, floor, total, touched):  # type: ignore[no-untyped-def]
    """Add each word's nearest concepts to ``total``; how many concepts were touched, which are noted."""
    count = 0
    for place in range(len(indices)):
        weight = weights[place]
        if weight < floor:
            continue
        factor = weight * STEP
        columns, values = near.columns[indices[place]], near.values[indices[place]]
        for entry in range(len(columns)):
            if values[entry]:
                column = columns[entry]
                if total[column] == 0:
                    touched[count] = column
                    count += 1
                total[column] += factor * np.float32(values[entry])
    return count


@njit(cache=True, nogil=True, fastmath=True)
def _cosines(vectors, own, found):  # type: ignore[no-untyped-def]
    """Product of one vector and each row of ``vectors``."""
    for row in range(len(found)):
        total = np.float32(0)
        for i in range(len(own)):
            total += own[i] * vectors.values[row, i]
        found[row] = total * vectors.scales[row]


@njit(cache=True, nogil=True)
def _largest(scores, most, keys):  # type: ignore[no-untyped-def]
    """Keys of the positive scores that may be among the ``most`` largest; score and column in one number.

    The largest of each block tells how large a score is at least that is among the most: few are left to choose from.
    """
    bits = scores.view(np.int32)  # floats above zero are in the order of their bits
    blocks = max(1, min(8 * most, len(bits) // BLOCK))
    size = -(-len(bits) // blocks)
    count = 0
    for begin in range(0, len(bits), size):
        block = bits[begin : begin + size]
        top = np.int32(0)
        for column in range(len(block)):
            top = max(top, block[column])
        keys[count] = (np.int64(top) << 32) | begin
        count += 1
    tops = keys[:count].copy()
    least = np.int32(0)
    if count > most:
        least = np.int32(np.partition(tops, count - most)[count - most] >> 32)
    left = 0
    for key in tops:
        if (key >> 32) < max(least, 1):
            continue
        begin = key & 0xFFFFFFFF
        for column in range(begin, min(begin + size, len(bits))):
            if bits[column] >= max(least, 1):
                keys[left] = (np.int64(bits[column]) << 32) | (0xFFFFFFFF - column)
                left += 1
    return keys[:left]


@njit(cache=True, nogil=True)
def _positive(scores, touched, keys):  # type: ignore[no-untyped-def]
    """Keys of the touched scores, as of ``_largest``."""
    bits = scores.view(np.int32)
    for place in range(len(touched)):
        keys[place] = (np.int64(bits[touched[place]]) << 32) | (0xFFFFFFFF - touched[place])
    return keys[: len(touched)]


@njit(cache=True, nogil=True)
def _add_best(keys, most, columns, row_of, end):  # type: ignore[no-untyped-def]
    """Add the candidates of the largest keys that are none yet, best first; the new end."""
    best = np.zeros(most, dtype=np.int64)  # descending
    for key in keys:
        if key > best[most - 1]:
            place = most - 1
            while place > 0 and best[place - 1] < key:
                best[place] = best[place - 1]
                place -= 1
            best[place] = key
    for key in best[: min(most, len(keys))]:
        column = 0xFFFFFFFF - (key & 0xFFFFFFFF)
        if row_of[column] < 0:
            row_of[column] = end
            columns[end] = column
            end += 1
    return end


@njit(cache=True, nogil=True)
def _add_named(owners, names, columns, row_of, end, limit):  # type: ignore[no-untyped-def]
    for name in names:
        column = owners[name]
        if row_of[column] < 0 and end < limit:
            row_of[column] = end
            columns[end] = column
            end += 1
    return end


@njit(cache=True, nogil=True, fastmath=True)
def _view_examples(t, columns, ranked, alike, machine, mine):  # type: ignore[no-untyped-def]
    best, best_machine = np.float32(1e-6), np.float32(-1e6)
    for column in columns:
        best = max(best, alike[column])
        if t.machine_of[column] >= 0:
            best_machine = max(best_machine, machine[t.machine_of[column]])
    for row in range(len(columns)):
        column = columns[row]
        mine[row, _ALIKE] = alike[column]
        mine[row, _ALIKE_BEST] = alike[column] / best
        mine[row, _ALIKE_RANK] = np.log(np.float32(1 + min(row, ranked)))
        if t.machine_of[column] >= 0:
            margin = machine[t.machine_of[column]]
            mine[row, _MACHINE] = margin
            mine[row, _HAS_MACHINE] = 1
            mine[row, _MACHINE_BEST] = margin - best_machine
        mine[row, _EXAMPLES] = np.log(np.float32(1 + t.positives[column]))
        mine[row, _NO_EXAMPLE] = t.positives[column] == 0


@njit(cache=True, nogil=True)
def _view_names(t, found, names, row_of, begin, mine):  # type: ignore[no-untyped-def]
    """Views of the name of each candidate that speaks most for it: by how much of it stands, then how surely."""
    concepts = 0
    strength = np.full(len(mine), np.float32(-1e6))
    for number in range(names):
        name = found.names[number]
        row = row_of[t.names.owners[name]] - begin
        if row < 0:
            continue
        own = 100 * found.kinds[number] + t.reliable[name] + found.covered[number]
        if own <= strength[row]:
            continue
        concepts += strength[row] == np.float32(-1e6)
        strength[row] = own
        kind = found.kinds[number]
        mine[row, _PARTLY], mine[row, _SCATTERED], mine[row, _PHRASE] = kind == PARTLY, kind > PARTLY, kind == PHRASE
        mine[row, _COVERED] = found.covered[number]
        mine[row, _WHOLE] = found.whole[number]
        mine[row, _TIMES] = np.log(np.float32(1 + found.times[number]))
        mine[row, _EARLY] = np.float32(1) / (1 + found.firsts[number] / np.float32(OPENING))
        mine[row, _MASS] = t.names.mass[name]
        mine[row, _RELIABLE] = t.reliable[name] if kind == PHRASE else np.float32(0)
        mine[row, _STOOD] = np.log(1 + t.stood[name])
    mine[:, _NAMES_FOUND] = np.log(np.float32(1 + concepts))


@njit(cache=True, nogil=True, fastmath=True)
def _vectors_of(t, indices, weights, place_of, whole, opening):  # type: ignore[no-untyped-def]
    """Vectors of a chunk and of its opening, centred, of length 1."""
    whole[:] = 0
    opening[:] = 0
    for place in range(len(indices)):
        word = indices[place]
        factor = weights[place] * t.words.scales[word]
        vector = t.words.values[word]
        for i in range(len(whole)):
            whole[i] += factor * vector[i]
        if place_of[word] < OPENING:
            for i in range(len(whole)):
                opening[i] += factor * vector[i]
    for vector in (whole, opening):
        for centre in (True, False):
            length = np.float32(0)
            for i in range(len(vector)):
                length += vector[i] * vector[i]
            factor = np.float32(1) / max(np.sqrt(length), np.float32(1e-12))
            for i in range(len(vector)):
                vector[i] = vector[i] * factor - (t.centre[i] if centre else np.float32(0))


@njit(cache=True, nogil=True, fastmath=True)
def _view_meaning(t, columns, whole, opening, akin, mine):  # type: ignore[no-untyped-def]
    best = np.float32(-1)
    for row in range(len(columns)):
        column = columns[row]
        vector = t.meaning.values[column]
        dot, dot_opening = np.float32(0), np.float32(0)
        for i in range(len(whole)):
            dot += whole[i] * vector[i]
            dot_opening += opening[i] * vector[i]
        mine[row, _AKIN] = akin[column]
        mine[row, _MEANING] = dot * t.meaning.scales[column]
        mine[row, _MEANING_OPENING] = dot_opening * t.meaning.scales[column]
        best = max(best, mine[row, _MEANING] + mine[row, _MEANING_OPENING])
    for row in range(len(columns)):
        mine[row, _MEANING_BEST] = mine[row, _MEANING] + mine[row, _MEANING_OPENING] - best


@njit(cache=True, nogil=True)
def vectors(flat, starts, weighed, t):  # type: ignore[no-untyped-def]
    """Means of the vectors of each chunk and of its opening, float32 [chunks, d]."""
    found = np.empty((len(starts) - 1, len(t.centre)), dtype=np.float32)
    place_of = np.full(len(t.akin.columns), -1, dtype=np.int32)
    whole, opening = np.empty(len(t.centre), np.float32), np.empty(len(t.centre), np.float32)
    for chunk in range(len(found)):
        own = flat[starts[chunk] : starts[chunk + 1]]
        features = slice(weighed.starts[chunk], weighed.starts[chunk + 1])
        in_words = np.searchsorted(weighed.indices[features], len(place_of))
        note_places(own, place_of)
        weights = weighed.data[features][:in_words]
        _vectors_of(t, weighed.indices[features][:in_words], weights, place_of, whole, opening)
        found[chunk] = (whole + opening) / 2
        place_of[own] = -1
    return found
