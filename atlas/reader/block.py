"""What a window is cut from: a stretch of the corpus with its chunks, a shard of a token stream or a row group."""

from typing import NamedTuple, Protocol

import numpy as np

from atlas.errors import AtlasError


class Labels(NamedTuple):
    """Labels of some chunks, end to end, best first within a chunk.

    ``sizes`` int64 [chunks]; ``ids`` int32 [labels] and ``scores`` float32 [labels].
    """

    sizes: np.ndarray
    ids: np.ndarray
    scores: np.ndarray


class Places(NamedTuple):
    """Where some chunks are from, a number each: document within the block, chunk within the document, code points."""

    document: np.ndarray
    chunk: np.ndarray
    char_start: np.ndarray
    char_end: np.ndarray


class Block(Protocol):
    """Tokens 0 … n − 1, and the chunks that they are of, in order. Tokens between chunks are of none."""

    def tokens(self, start: int, stop: int) -> np.ndarray:
        """Token ids, uint32 [stop − start]."""

    def chunks(self, start: int, stop: int) -> tuple[int, int]:
        """First chunk that may reach into these tokens, and the one behind the last."""

    def bounds(self, first: int, behind: int) -> tuple[np.ndarray, np.ndarray]:
        """Where chunks begin and end among the block's tokens, int64 [chunks] each."""

    def labels(self, first: int, behind: int) -> Labels: ...

    def places(self, first: int, behind: int) -> Places: ...

    def document_ids(self, documents: np.ndarray) -> list[str]:
        """Ids of documents by their number within the block."""


class Corpus(Protocol):
    """Blocks, one behind the other, with what they are of."""

    url: str
    tokenizer: str
    library: str
    annotator: str
    fingerprint: str  # digest of all that its tokens and labels depend on
    end_of_chunk: int | None
    end_of_document: int | None
    random_access: bool  # whether a window costs as much as another wherever it lies
    block_tokens: np.ndarray  # int64 [blocks]

    def block(self, number: int) -> Block: ...

    def documents(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Where documents begin within the block, int64 [documents], and the group of each, uint64 [documents].

        The first is where the block begins: what is left of the document before, too, stands as a document here.
        """


def damaged(place: str) -> AtlasError:
    return AtlasError(
        f"{place}: does not hold what the rest says it holds; it is damaged or not of this corpus. "
        "Copy it again, or make it anew"
    )
