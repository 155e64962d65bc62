"""Any tokenizer as one function from a text to token ids, and a name that tells it from others."""

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from atlas.errors import AtlasError

Encode = Callable[[str], np.ndarray]

# Letters, digits, white space, code, accents, other scripts, an emoji: tokenizers that agree here agree nearly always.
PROBE = "The 1st of 12,345 tests: x += 1;\n\n\tdef f(a_b):  return 'été' ≠ Straße — 東京 привет 🙂 don't\r\n"


class Encoder:
    """A tokenizer as a function. Special tokens are never added.

    Args:
        tokenizer: ``"cl100k_base"``, the path of a ``tokenizer.json`` or of its folder; or an object: one of Atlas, of
            tiktoken, of Hugging Face (transformers or tokenizers), or any with ``encode(text) -> list[int]``. Of Atlas
            and tiktoken, special-token strings in a text are plain characters.

    Raises:
        AtlasError: it is none of these.
    """

    def __init__(self, tokenizer: Any) -> None:
        if isinstance(tokenizer, str | Path):
            from atlas.chunking.tokenizer import tokenizer as named

            tokenizer = named(str(tokenizer))
        self._method = "encode_ordinary" if hasattr(tokenizer, "encode_ordinary") else "encode"
        function = getattr(tokenizer, self._method, None)
        if not callable(function):
            raise AtlasError(f"tokenizer {tokenizer!r}: has no encode(text); give a name, a path or a tokenizer")
        self._tokenizer = tokenizer
        self._plain = {"add_special_tokens": False} if _takes(function, "add_special_tokens") else {}
        self.name = _name(tokenizer, self)

    def __call__(self, text: str) -> np.ndarray:
        """Token ids, uint32 [tokens]."""
        found = getattr(self._tokenizer, self._method)(text, **self._plain)
        return np.asarray(getattr(found, "ids", found), dtype=np.uint32)


def _name(tokenizer: Any, encode: Encode) -> str:
    """The tokenizer's own name where it is one of Atlas or tiktoken; else its class and what it does to a text."""
    own = getattr(tokenizer, "name", None)
    if isinstance(own, str) and own:
        return own
    given = getattr(tokenizer, "name_or_path", None) or type(tokenizer).__name__
    return f"{given}@{hashlib.sha256(encode(PROBE).astype('<u4').tobytes()).hexdigest()[:12]}"


def _takes(function: Any, name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function of compiled code that does not say
        return False
