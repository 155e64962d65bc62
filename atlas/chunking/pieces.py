"""cl100k_base's token ids of ASCII text, in compiled code: several times as fast as tiktoken, with the same ids.

A byte-level BPE first cuts text into pieces (words, numbers, runs of marks or of white space), then each piece into
tokens. Most pieces are a token, and found in a hash table; the pairs of the others are merged in the order of their
ranks (Sennrich et al., "Neural machine translation of rare words with subword units", 2016). Where other characters
than ASCII's stand, whose classes depend on Unicode's version, tiktoken reads the words around them.

All that is compiled stands in this file, as numba's cache looks only at the file of each function. What is called for
each piece is inlined: passing arrays takes longer than what is done with them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numba import njit

MARK, LETTER, DIGIT, SPACE, NEWLINE, OTHER = range(6)  # OTHER: not ASCII
SLOT_BITS = 18
SLOTS = 1 << SLOT_BITS  # at least twice as many as tokens
PACKED = 8  # bytes that a key tells apart
LONGEST = 64  # bytes of a piece whose pairs are merged here
APART = 32  # bytes between two characters that are not ASCII, within which tiktoken reads all
_KINDS = np.full(256, MARK, dtype=np.uint8)
_KINDS[[*range(65, 91), *range(97, 123)]] = LETTER
_KINDS[48:58] = DIGIT
_KINDS[[9, 11, 12, 32]] = SPACE
_KINDS[[10, 13]] = NEWLINE
_KINDS[128:] = OTHER
_PRIME, _SEED = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)  # of the FNV-1a hash
_MIXED = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: spreads keys over the slots
_NONE = np.int32(0x7FFFFFFF)  # rank of what is no token


class Table(NamedTuple):
    """A vocabulary by its bytes. Token t has ``bytes[starts[t]:starts[t + 1]]``."""

    slots: np.ndarray  # int32 [SLOTS]: a token, or -1
    keys: np.ndarray  # uint64 [tokens]
    bytes: np.ndarray  # uint8
    starts: np.ndarray  # int32 [tokens + 1]


class Pieces:
    """Encodes as ``encode`` does, which is to have cl100k_base's pattern and the ``ranks`` of a vocabulary.

    Args:
        ranks: tokens of any bytes, numbered from 0 on without a gap; each single byte is one.
        encode: token ids of any text, int32.
    """

    def __init__(self, ranks: Mapping[bytes, int], encode: Callable[[str], np.ndarray]) -> None:
        self._encode = encode
        tokens = sorted(ranks, key=ranks.__getitem__)
        starts = np.cumsum([0, *map(len, tokens)]).astype(np.int32)
        raw = np.frombuffer(b"".join(tokens), dtype=np.uint8)
        slots = np.full(SLOTS, -1, dtype=np.int32)
        self._table = Table(slots, _indexed(raw, starts, slots), raw, starts)

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 [tokens]."""
        try:
            raw = text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair
            return self._encode(text)
        ids, holes = _encode(np.frombuffer(raw, dtype=np.uint8), *self._table)
        if not len(holes):
            return ids
        found, done = [], 0
        for place, start, end in holes.tolist():
            found += [ids[done:place], self._encode(raw[start:end].decode())]
            done = place
        return np.concatenate([*found, ids[done:]])


@njit(cache=True)
def _indexed(raw, starts, slots):  # type: ignore[no-untyped-def]
    """Keys of all tokens, uint64; ``slots`` becomes their hash table, by open addressing."""
    keys = np.empty(len(starts) - 1, dtype=np.uint64)
    for token in range(len(keys)):
        keys[token] = _key(raw, starts[token], starts[token + 1])
        slot = _slot(keys[token])
        while slots[slot] >= 0:
            slot = (slot + 1) & (SLOTS - 1)
        slots[slot] = token
    return keys


@njit(cache=True, inline="always")
def _key(raw, start, end):  # type: ignore[no-untyped-def]
    """Up to eight bytes as a number, others as their FNV-1a hash."""
    key = np.uint64(0)
    if end - start <= PACKED:
        for place in range(start, end):
            key = (key << np.uint64(8)) | np.uint64(raw[place])
        return key
    key = _SEED
    for place in range(start, end):
        key = (key ^ np.uint64(raw[place])) * _PRIME
    return key


@njit(cache=True, inline="always")
def _slot(key):  # type: ignore[no-untyped-def]
    return np.int64((key * _MIXED) >> np.uint64(64 - SLOT_BITS))


@njit(cache=True, inline="always")
def _token(raw, start, end, slots, keys, known, starts):  # type: ignore[no-untyped-def]
    """The token of these bytes, or _NONE."""
    key, size = _key(raw, start, end), end - start
    slot = _slot(key)
    while slots[slot] >= 0:
        token = slots[slot]
        begin = starts[token]
        if keys[token] == key and starts[token + 1] - begin == size:
            same = True
            if size > PACKED:
                for i in range(size):
                    same &= known[begin + i] == raw[start + i]
            if same:
                return token
        slot = (slot + 1) & (SLOTS - 1)
    return _NONE


@njit(cache=True, nogil=True)
def _encode(raw, slots, keys, known, starts):  # type: ignore[no-untyped-def]
    """Ids, and the holes that are left to tiktoken: int64 [holes, 3], place among the ids, bytes from and to."""
    ids = np.empty(len(raw), dtype=np.int32)
    holes = np.empty((16, 3), dtype=np.int64)
    cuts, ranks = np.empty(LONGEST + 2, dtype=np.int64), np.empty(LONGEST + 2, dtype=np.int32)
    end = hole = start = 0
    while start < len(raw):
        foreign = start
        while foreign < len(raw) and raw[foreign] < 128:
            foreign += 1
        stop = foreign
        if foreign < len(raw):
            stop -= 1
            while stop > start and not _cuts(raw, stop):
                stop -= 1
        while start < stop:
            behind = _behind(raw, start, stop)
            token = _token(raw, start, behind, slots, keys, known, starts)
            if token != _NONE:
                ids[end] = token
                end += 1
            elif behind - start <= LONGEST:
                end = _merged(raw, start, behind, slots, keys, known, starts, cuts, ranks, ids, end)
            else:
                holes = _with_hole(holes, hole, end, start, behind)
                hole += 1
            start = behind
        if foreign < len(raw):
            behind, last = foreign + 1, foreign
            while behind < len(raw) and not (behind > last + APART and _cuts(raw, behind)):
                if raw[behind] >= 128:
                    last = behind
                behind += 1
            holes = _with_hole(holes, hole, end, start, behind)
            hole += 1
            start = behind
    return ids[:end].copy(), holes[:hole].copy()


@njit(cache=True)
def _with_hole(holes, hole, place, start, behind):  # type: ignore[no-untyped-def]
    if hole == len(holes):
        holes = np.concatenate((holes, np.empty_like(holes)))
    holes[hole, 0], holes[hole, 1], holes[hole, 2] = place, start, behind
    return holes


@njit(cache=True, inline="always")
def _cuts(raw, place):  # type: ignore[no-untyped-def]
    """Whether a space begins a word here right behind something that is no white space: a piece, whatever is around."""
    if place < 1 or place + 1 >= len(raw) or raw[place] != 32 or _KINDS[raw[place + 1]] != LETTER:
        return False
    return _KINDS[raw[place - 1]] <= DIGIT


@njit(cache=True, inline="always")
def _behind(raw, start, stop):  # type: ignore[no-untyped-def]
    """The place behind the piece that begins at ``start``, in ASCII text that ends, or is cut, at ``stop``."""
    first = raw[start]
    kind = _KINDS[first]
    behind = start + 1
    if first == 39 and behind < stop and _KINDS[raw[behind]] == LETTER:  # 's 'd 'm 't 'll 've 're
        one = raw[behind] | 32
        if one in (115, 100, 109, 116):
            return start + 2
        if start + 2 < stop and _KINDS[raw[start + 2]] == LETTER:
            two = raw[start + 2] | 32
            if (one == 108 and two == 108) or (one in (118, 114) and two == 101):
                return start + 3
    if kind == LETTER or (kind in (MARK, SPACE) and behind < stop and _KINDS[raw[behind]] == LETTER):
        while behind < stop and _KINDS[raw[behind]] == LETTER:
            behind += 1
        return behind
    if kind == DIGIT:
        while behind < min(stop, start + 3) and _KINDS[raw[behind]] == DIGIT:
            behind += 1
        return behind
    if kind == MARK or (first == 32 and behind < stop and _KINDS[raw[behind]] == MARK):
        while behind < stop and _KINDS[raw[behind]] == MARK:
            behind += 1
        while behind < stop and _KINDS[raw[behind]] == NEWLINE:
            behind += 1
        return behind
    return _behind_space(raw, start, stop)


@njit(cache=True, inline="always")
def _behind_space(raw, start, stop):  # type: ignore[no-untyped-def]
    """White space up to its last newline, else without its last, which belongs to what follows; all at the end."""
    newline, behind = -1, start
    while behind < stop and _KINDS[raw[behind]] in (SPACE, NEWLINE):
        if _KINDS[raw[behind]] == NEWLINE:
            newline = behind
        behind += 1
    if behind == len(raw):
        return behind
    return newline + 1 if newline >= 0 else max(start + 1, behind - 1)


@njit(cache=True)
def _merged(raw, start, behind, slots, keys, known, starts, cuts, ranks, ids, end):  # type: ignore[no-untyped-def]
    """Write the tokens of a piece behind ``end``: of all neighbours, those of the lowest token are merged first."""
    count = behind - start  # parts; part p goes from cuts[p] to cuts[p + 1], ranks[p] is that of it and the next
    for part in range(count + 1):
        cuts[part] = start + part
    for part in range(count - 1):
        ranks[part] = _token(raw, cuts[part], cuts[part + 2], slots, keys, known, starts)
    while count > 1:
        best = 0
        for part in range(1, count - 1):
            if ranks[part] < ranks[best]:
                best = part
        if ranks[best] == _NONE:
            break
        count -= 1
        for part in range(best + 1, count + 1):
            cuts[part] = cuts[part + 1]
        for part in range(best + 1, count - 1):
            ranks[part] = ranks[part + 1]
        for part in range(max(0, best - 1), min(best + 1, count - 1)):
            ranks[part] = _token(raw, cuts[part], cuts[part + 2], slots, keys, known, starts)
    for part in range(count):
        ids[end + part] = _token(raw, cuts[part], cuts[part + 1], slots, keys, known, starts)
    return end + count
