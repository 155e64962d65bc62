"""What remapping does to each label and each level of a page, compiled."""

import numpy as np
from numba import njit

ENDED = -1


@njit(cache=True, nogil=True)
def keep_best(
    places: np.ndarray, new: np.ndarray, changed: np.ndarray, starts: np.ndarray, scores: np.ndarray, kept: np.ndarray
) -> bool:
    """Which labels stay, of lists whose ids became others; whether all do.

    A label with a negative new id goes. An id that became another's stays once in a list: with its highest score, at
    that label's place; of equal scores the first.

    Args:
        places: int32 [labels], of each label's id among all ids. new: today's id at each place, int32; changed: bool.
        starts: first label of each list, and the number of labels, int64 [lists + 1].
        scores: float [labels], or [0]: then the first stays. kept: bool [labels], all true; changed.
    """
    whole = True
    for row in range(len(starts) - 1):
        any_changed = False
        for label in range(starts[row], starts[row + 1]):
            if changed[places[label]]:
                any_changed = True
                if new[places[label]] < 0:
                    kept[label] = whole = False
        if not any_changed:
            continue
        for label in range(starts[row], starts[row + 1]):
            if not changed[places[label]]:
                continue
            for other in range(starts[row], starts[row + 1]):
                if not kept[label]:
                    break
                if other == label or not kept[other] or new[places[other]] != new[places[label]]:
                    continue
                first, second = min(label, other), max(label, other)
                better = len(scores) > 0 and scores[second] > scores[first]
                kept[first if better else second] = whole = False
    return whole


@njit(cache=True, nogil=True)
def thin_levels(
    repetition: np.ndarray, definition: np.ndarray, top: int, empty: int, kept: np.ndarray, stays: np.ndarray
) -> None:
    """Levels of lists without some of their values; a list that loses all of them is empty.

    Args:
        repetition, definition: levels of a column chunk, uint8 [entries]; changed for entries that stay.
        top: definition level of a value. empty: of a list that has none.
        kept: bool [values]. stays: bool [entries], false; made true for entries that stay.
    """
    value, at = 0, 0
    while at < len(repetition):
        end = at + 1
        while end < len(repetition) and repetition[end]:
            end += 1
        if definition[at] != top:
            stays[at] = True
        else:
            first = True
            for entry in range(at, end):
                if kept[value]:
                    stays[entry] = True
                    repetition[entry] = 0 if first else 1
                    first = False
                value += 1
            if first:
                stays[at] = True
                definition[at] = empty
        at = end


@njit(cache=True, nogil=True)
def list_starts(repetition: np.ndarray, definition: np.ndarray, top: int) -> np.ndarray:
    """First value of each list, and the number of values, int64 [lists + 1]."""
    rows = 0
    for level in repetition:
        rows += level == 0
    starts = np.zeros(rows + 1, np.int64)
    row, value = 0, 0
    for entry in range(len(repetition)):
        if repetition[entry] == 0:
            starts[row] = value
            row += 1
        value += definition[entry] == top
    starts[row] = value
    return starts


@njit(cache=True, nogil=True)
def unpack(data: np.ndarray, at: int, width: int, out: np.ndarray) -> int:
    """Read numbers of Parquet's hybrid of run lengths and packed bits; returns the place after them, or ENDED.

    Args:
        data: uint8. at: where they begin. width: bits of a number, 0 to 31. out: int32 or uint8, filled.
    """
    if width > 31:
        return ENDED
    done, mask = 0, (1 << width) - 1
    while done < len(out):
        head, shift, byte = 0, 0, 0x80
        while byte >= 0x80:
            if at >= len(data) or shift > 35:
                return ENDED
            byte = int(np.int64(data[at]))
            head |= (byte & 0x7F) << shift
            at += 1
            shift += 7
        count = head >> 1
        if head & 1:  # so many groups of eight, packed
            after = at + count * width
            take = min(count * 8, len(out) - done)
            if at + (take * width + 7) // 8 > len(data):
                return ENDED
            hold, bits = 0, 0
            for place in range(done, done + take):
                while bits < width:
                    hold |= int(np.int64(data[at])) << bits
                    at += 1
                    bits += 8
                out[place] = hold & mask
                hold >>= width
                bits -= width
            at = after
        else:  # one number, so often
            if at + (width + 7) // 8 > len(data):
                return ENDED
            number = 0
            for byte_place in range((width + 7) // 8):
                number |= int(np.int64(data[at])) << (8 * byte_place)
                at += 1
            take = min(count, len(out) - done)
            out[done : done + take] = number
        done += take
    return at


@njit(cache=True, nogil=True)
def pack(numbers: np.ndarray, width: int) -> np.ndarray:
    """The same hybrid, uint8: one run where all numbers are equal, else all packed. ``numbers``: int32 or
    uint8, not empty."""
    groups = (len(numbers) + 7) // 8
    out = np.zeros(16 + groups * width, np.uint8)
    alike = True
    for number in numbers:
        if number != numbers[0]:
            alike = False
            break
    head = len(numbers) << 1 if alike else groups << 1 | 1
    at = 0
    while head >= 0x80:
        out[at] = head & 0x7F | 0x80
        head >>= 7
        at += 1
    out[at] = head
    at += 1
    if alike:
        for byte_place in range((width + 7) // 8):
            out[at] = (np.int64(numbers[0]) >> (8 * byte_place)) & 0xFF
            at += 1
        return out[:at]
    end = at + groups * width
    hold, bits = 0, 0
    for number in numbers:
        hold |= int(np.int64(number)) << bits
        bits += width
        while bits >= 8:
            out[at] = hold & 0xFF
            hold >>= 8
            bits -= 8
            at += 1
    if bits:
        out[at] = hold & 0xFF
    return out[:end]
