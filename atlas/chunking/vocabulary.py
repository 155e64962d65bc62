"""The words of a tokenizer: ids of one word's spellings folded to one number.

Byte-level BPE has several ids for one word ("Heart", " heart", " hearts"). They are folded by spelling, so that
small samples are not spread thin.
"""

from functools import lru_cache

import numpy as np

from atlas.chunking.tokenizer import Tokenizer, tokenizer
from atlas.library.names import singular

DROPPED = -1


@lru_cache(maxsize=2)
def folded_vocabulary(name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Feature of every token id, int32 [vocabulary] (DROPPED for tokens without letter or digit), and the words.

    The features are numbered 0..n-1; ``words[f]`` is the folded spelling of feature f.
    """
    spelled = _spellings(tokenizer(name))
    folded = [text.strip().casefold() for text in spelled]
    known = set(folded)
    numbers: dict[str, int] = {}
    table = np.full(len(folded), DROPPED, dtype=np.int32)
    for token_id, word in enumerate(folded):
        if not any(character.isalnum() for character in word):
            continue
        single = singular(word)
        table[token_id] = numbers.setdefault(single if single in known else word, len(numbers))
    return table, tuple(numbers)


def _spellings(named: Tokenizer) -> list[str]:
    ranks = getattr(named, "ranks", None)
    if ranks is not None:
        spelled = [""] * named.vocabulary_size
        for token, rank in ranks.items():
            spelled[rank] = token.decode("utf-8", errors="ignore")
        return spelled
    fast = named._fast  # type: ignore[attr-defined]
    return [fast.decode([token_id]) for token_id in range(named.vocabulary_size)]
