"""A pseudo-random permutation of any size in no memory: a Feistel network, walked along its cycle.

Black and Rogaway, Ciphers with arbitrary finite domains, CT-RSA 2002 (method 2, and 3 for the network).
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ROUNDS = 8


def mix(values: np.ndarray) -> np.ndarray:
    """A bijection of 64 bits that spreads every bit over all (the finaliser of SplitMix64), uint64 like ``values``."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Permutation:
    """A permutation of ``0 … size − 1`` that follows from its key alone, the same on every machine.

    The key may hold whatever tells it from others, such as a seed and an epoch.
    """

    size: int
    key: tuple[int | str, ...]

    @cached_property
    def _round_keys(self) -> np.ndarray:
        text = "/".join(map(str, (*self.key, self.size)))
        return np.frombuffer(hashlib.blake2b(text.encode(), digest_size=8 * ROUNDS).digest(), "<u8")

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Where each position goes, int64 [n], for positions of ``0 … size − 1``, int [n]."""
        places = self._scrambled(positions.astype(np.uint64))
        outside = np.flatnonzero(places >= self.size)
        while len(outside):  # fewer than half of the domain lie outside, so few steps are taken
            places[outside] = self._scrambled(places[outside])
            outside = outside[places[outside] >= self.size]
        return places.astype(np.int64)

    def _scrambled(self, values: np.ndarray) -> np.ndarray:
        """One pass of the network over the smallest power of two that holds ``size``."""
        bits = max(2, (self.size - 1).bit_length())
        low_bits = np.uint64(bits // 2)
        low_mask, high_mask = np.uint64((1 << bits // 2) - 1), np.uint64((1 << bits - bits // 2) - 1)
        low, high = values & low_mask, values >> low_bits
        for number, key in enumerate(self._round_keys):
            if number % 2:
                low = low ^ (mix(high + key) & low_mask)
            else:
                high = high ^ (mix(low + key) & high_mask)
        return (high << low_bits) | low
