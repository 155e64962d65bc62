"""Vectors of texts without a transformer at work: one vector for each piece of a word, summed.

After model2vec (Tulkens & van Dongen, 2024): a sentence model reads every piece of its vocabulary alone; the vectors
are centred, turned onto their principal components and weighed by how rare the piece is (Arora, Liang & Ma, "A simple
but tough-to-beat baseline for sentence embeddings", 2017). It is made once (about half a minute of one core for
MiniLM) and kept in the models folder. Eighty thousand short texts a second on one core, with the sentence model's
sense of what short texts mean (correlation of cosines of 0.86), and most of it for passages (0.74).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.fs as pafs
from scipy import sparse
from tokenizers import Tokenizer

from atlas.digest import of_json
from atlas.models.encoder import encoder, weights_digest
from atlas.models.fetch import cache_folder, locate
from atlas.storage import atomic_output

RECIPE = 1  # raised with whatever changes the vectors
DIMENSIONS = 256  # with 128, cosines of short texts correlate by 0.80 in place of 0.83
SKIPPED = 3  # first components: how common a piece is, not what it means; left in, passages correlate by 0.61
RARE = 3e-5  # probability of a piece at which its weight is one half
LETTER_RANK = 1000  # single letters stand in front of the vocabulary; "vitamin c" is not "vitamin d"
BLOCK = 8192  # texts at a time, which bounds the memory


class StaticEncoder:
    """A table of vectors, float32 [pieces, dimensions], and the tokenizer that cuts texts into pieces.

    ``digest`` names the vectors: equal for the same sentence model and recipe.
    """

    def __init__(self, tokenizer: Tokenizer, table: np.ndarray, digest: str) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._table = table
        self.dimensions: int = table.shape[1]
        self.digest = digest

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of length 1, float32 [texts, dimensions]; zeros for a text without a known piece."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), BLOCK):
            block = list(texts[start : start + BLOCK])
            vectors[start : start + BLOCK] = self._summed(block)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def _summed(self, texts: list[str]) -> np.ndarray:
        pieces = [found.ids for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        ends = np.cumsum([0, *map(len, pieces)])
        flat = np.fromiter((piece for ids in pieces for piece in ids), np.int32, int(ends[-1]))
        counts = sparse.csr_matrix((np.ones(len(flat), np.float32), flat, ends), (len(texts), len(self._table)))
        return counts @ self._table


@lru_cache(maxsize=2)
def static_encoder(name: str) -> StaticEncoder:
    """The static encoder made from the sentence model of that name (catalogue, path or hub id).

    The sentence model needs a tokenizer of word pieces in the order of how common they are, as BERT's is.
    """
    folder = locate(name)
    digest = of_json(["static", RECIPE, DIMENSIONS, SKIPPED, RARE, LETTER_RANK, weights_digest(folder)])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    path = cache_folder() / "models" / f"static-{digest}.npy"
    if not path.is_file():
        _keep(path, _made(name, tokenizer))
    return StaticEncoder(tokenizer, np.load(path).astype(np.float32), digest)


def _keep(path: Path, table: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
        np.save(stream, table.astype(np.float16))


def _made(name: str, tokenizer: Tokenizer) -> np.ndarray:
    pieces = [tokenizer.id_to_token(number) or "" for number in range(tokenizer.get_vocab_size())]
    return distilled(encoder(name).vocabulary(), pieces)


def distilled(vectors: np.ndarray, pieces: Sequence[str]) -> np.ndarray:
    """Weighed principal components of the vectors of pieces, float32 [pieces, dimensions].

    Args:
        vectors: of every piece alone, float32 [pieces, d].
        pieces: their spellings, common ones first, as in BERT's vocabulary: special ones (``[CLS]``), single
            characters, then words and ends of words.
    """
    words = np.fromiter(_ranks(pieces), np.float64, len(pieces))
    named = words > LETTER_RANK if (words > LETTER_RANK).sum() > vectors.shape[1] else words > 0
    mean = vectors[named].mean(axis=0)
    centred = vectors - mean
    _, directions = np.linalg.eigh(centred[named].T @ centred[named])
    kept = directions[:, ::-1][:, SKIPPED : SKIPPED + DIMENSIONS]
    kept = kept * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])  # else arbitrary
    likely = np.where(words > 0, 1 / (words + 2.7), 0)  # Zipf and Mandelbrot's law
    likely /= likely.sum()
    weights = np.where(words > 0, RARE / (RARE + likely), 0)
    return ((centred @ kept) * weights[:, None]).astype(np.float32)


def _ranks(pieces: Sequence[str]) -> Iterator[float]:
    """How common a piece is: 1 for the most common word; 0 for a special piece, which means nothing."""
    rank = 0
    for piece in pieces:
        if not piece or (piece.startswith("[") and len(piece) > 1):
            yield 0
        elif len(piece.removeprefix("##")) == 1:
            yield LETTER_RANK if piece[-1].isalnum() else 1
        else:
            rank += 1
            yield rank
