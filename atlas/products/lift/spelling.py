"""What a token id spells."""

import numpy as np

from atlas.chunking.tokenizer import Tiktoken, Tokenizer


def spellings(named: Tokenizer | None, ids: np.ndarray) -> list[str]:
    """The text of each token; bytes that are no whole character are shown as U+FFFD.

    Tokens of a ``tokenizer.json`` are spelled as in its vocabulary (such as ``Ġheart``), which keeps their spaces.
    """
    if named is None or not len(ids):
        return []
    if isinstance(named, Tiktoken):
        known = {rank: token for token, rank in named.ranks.items()}
        return [known[id_].decode("utf-8", errors="replace") for id_ in ids.tolist()]
    fast = named._fast  # type: ignore[attr-defined]
    return [fast.id_to_token(id_) or "" for id_ in ids.tolist()]
