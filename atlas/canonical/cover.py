"""How much of what one name says the other says too: word by word, by the nearest word of the other."""

from collections.abc import Callable, Sequence

import numpy as np

from atlas.canonical.pairs import cosines
from atlas.canonical.strings import Strings

Embed = Callable[[Sequence[str]], np.ndarray]
BLOCK = 50_000  # pairs at a time, which bounds the memory


class Words:
    """The words of names as numbers, one list behind the other, with their vectors and how rare they are."""

    def __init__(self, strings: Strings, embed: Embed) -> None:
        place: dict[str, int] = {}
        numbers = [[place.setdefault(word, len(place)) for word in listed] for listed in strings.words]
        self.size = np.fromiter(map(len, numbers), np.int64, len(numbers))
        self.start = np.cumsum(self.size) - self.size
        self.flat = np.fromiter((word for listed in numbers for word in listed), np.int64, int(self.size.sum()))
        holders = np.bincount(
            np.fromiter((w for listed in numbers for w in set(listed)), np.int64), minlength=len(place)
        )
        self.rarity = np.log((len(numbers) + 1) / np.maximum(holders, 1)).astype(np.float32)
        self.vectors = embed(list(place))


def covered(strings: Strings, pairs: np.ndarray, embed: Embed) -> np.ndarray:
    """For pairs of names int [pairs, 2]: float32 [pairs, 4].

    The mean cosine of the words of the first name with the nearest of the second's, by how rare they are, and the same
    the other way about; then the least of these cosines, either way.
    """
    words = Words(strings, embed)
    found = [_covered(words, pairs[start : start + BLOCK]) for start in range(0, len(pairs), BLOCK)]
    return np.concatenate(found) if found else np.zeros((0, 4), np.float32)


def _covered(words: Words, pairs: np.ndarray) -> np.ndarray:
    sizes = words.size[pairs]
    count = sizes.prod(axis=1)
    pair = np.repeat(np.arange(len(pairs)), count)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    at = within // sizes[pair, 1], within % sizes[pair, 1]
    first, last = (words.flat[words.start[pairs[pair, side]] + at[side]] for side in (0, 1))
    keys, place = np.unique(first * len(words.vectors) + last, return_inverse=True)
    one, other = keys // len(words.vectors), keys % len(words.vectors)
    cosine = np.where(one == other, 1, cosines(words.vectors, one, other))[place]
    means, least = [], []
    for side in (0, 1):
        size = sizes[:, side]
        before = np.cumsum(size) - size
        best = np.full(size.sum(), -1, np.float32)
        np.maximum.at(best, before[pair] + at[side], cosine)
        owner = np.repeat(np.arange(len(pairs)), size)
        own = words.flat[words.start[pairs[owner, side]] + np.arange(len(owner)) - before[owner]]
        weight = words.rarity[own] + 1e-6
        means.append(np.bincount(owner, best * weight, len(pairs)) / np.bincount(owner, weight, len(pairs)))
        least.append(np.minimum.reduceat(best, before))
    return np.column_stack([*means, *least]).astype(np.float32)
