"""Named tokenizers: how token counts are made, the same on every machine."""

import base64
import gzip
import hashlib
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from atlas.errors import AtlasError

if TYPE_CHECKING:
    from atlas.chunking.pieces import Pieces

CL100K_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
# The pre-tokenizer of cl100k_base, as published with tiktoken (MIT licence).
CL100K_PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"""
    r"""\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)


class Tokenizer(Protocol):
    """Turns text into token ids. ``name`` goes into every footer.

    ``splits_at_whitespace`` promises that cutting a text in front of a space that follows a non-space, or
    behind the last newline of a run of white space, cuts its tokens too: the tokens of the two pieces,
    put together, are the tokens of the whole.
    """

    name: str
    vocabulary_size: int
    splits_at_whitespace: bool

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 [tokens]; special-token strings in the text are plain characters."""

    def byte_lengths(self, ids: np.ndarray) -> np.ndarray:
        """UTF-8 bytes behind each token id, int64 [tokens]."""


class Tiktoken:
    """A byte-level BPE run by tiktoken."""

    splits_at_whitespace = True

    def __init__(self, name: str, pattern: str, ranks: dict[bytes, int]) -> None:
        import tiktoken

        self.name = name
        self.vocabulary_size = len(ranks)
        self.ranks = ranks
        self._encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        self._lengths = np.zeros(len(ranks), dtype=np.int64)
        for token, rank in ranks.items():
            self._lengths[rank] = len(token)

    def encode(self, text: str) -> np.ndarray:
        return np.asarray(self._encoding.encode_ordinary(text), dtype=np.int32)

    def byte_lengths(self, ids: np.ndarray) -> np.ndarray:
        return self._lengths[ids]


class Cl100k(Tiktoken):
    """cl100k_base; what is ASCII is encoded several times as fast as tiktoken does it, with the same ids."""

    def __init__(self) -> None:
        super().__init__("cl100k_base", CL100K_PATTERN, _cl100k_ranks())

    @cached_property
    def _pieces(self) -> "Pieces":
        from atlas.chunking.pieces import Pieces

        return Pieces(self.ranks, super().encode)

    def encode(self, text: str) -> np.ndarray:
        return self._pieces.encode(text)


class HuggingFace:
    """Any ``tokenizer.json``, run by the tokenizers library; no promise about where tokens split."""

    splits_at_whitespace = False

    def __init__(self, name: str, path: Path) -> None:
        from tokenizers import Tokenizer as Fast

        try:
            self._fast = Fast.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise AtlasError(f"{path}: is no tokenizer.json that can be read ({error})") from error
        self._fast.no_truncation()
        self._fast.no_padding()
        self._fast.encode_special_tokens = True
        self.name = f"{name}@{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        self.vocabulary_size = self._fast.get_vocab_size()

    def encode(self, text: str) -> np.ndarray:
        return np.asarray(self._fast.encode(text, add_special_tokens=False).ids, dtype=np.int32)

    def byte_lengths(self, ids: np.ndarray) -> np.ndarray:
        raise AtlasError(f"tokenizer {self.name}: has no exact byte lengths")

    def spans(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """First code point of each token of a text and the one behind its last, int64 [tokens] each."""
        offsets = np.array(self._fast.encode(text, add_special_tokens=False).offsets, dtype=np.int64).reshape(-1, 2)
        return offsets[:, 0], offsets[:, 1]


@lru_cache(maxsize=4)
def tokenizer(name: str) -> Tokenizer:
    """The tokenizer of that name: ``cl100k_base`` (inside the package), or the path of a ``tokenizer.json``."""
    if name == "cl100k_base":
        return Cl100k()
    path = Path(name) / "tokenizer.json" if Path(name).is_dir() else Path(name)
    if path.is_file():
        return HuggingFace(path.absolute().parent.name, path)
    raise AtlasError(
        f"tokenizer {name!r}: not known. Use 'cl100k_base' or the path of a tokenizer.json (or of its folder)."
    )


def _cl100k_ranks() -> dict[bytes, int]:
    packed = (files("atlas.chunking") / "cl100k_base.tiktoken.gz").read_bytes()
    raw = gzip.decompress(packed)
    if hashlib.sha256(raw).hexdigest() != CL100K_SHA256:
        raise AtlasError("cl100k_base: the vocabulary inside the package is damaged; install Atlas again")
    pairs = (line.split() for line in raw.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}
