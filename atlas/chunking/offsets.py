"""Where tokens stand in the text that they are of, in code points."""

import numpy as np

from atlas.chunking.tokenizer import HuggingFace, Tokenizer


def spans(text: str, ids: np.ndarray, named: Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """First code point of each token and the one behind its last, int64 [tokens] each.

    A token that holds a part of a character spans the whole of it, so neighbours may share one.

    Args:
        text: not empty. ids: of the text, encoded alone or, which is the same, cut from those of a longer one.
    """
    if isinstance(named, HuggingFace):
        return named.spans(text)
    lengths = named.byte_lengths(ids)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    if text.isascii():
        return starts, ends
    raw = np.frombuffer(text.encode(), dtype=np.uint8)
    begun = np.cumsum((raw & 0xC0) != 0x80)  # code points begun up to each byte
    return begun[starts] - 1, begun[ends - 1]
