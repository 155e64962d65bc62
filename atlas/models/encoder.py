"""Sentence vectors."""

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from atlas.digest import of_files
from atlas.models.fetch import locate

VOCABULARY_BATCH = 1024  # pieces read at a time


class Encoder:
    """A sentence-transformers model; vectors come L2-normalised, float32 [texts, dimensions]."""

    def __init__(self, path: Path) -> None:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.disable_progress_bar()
            self._model: Any = SentenceTransformer(str(path), device=_device())
        self.dimensions: int = self._model.get_embedding_dimension() or 0
        self.digest = weights_digest(path)

    def encode(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return self._model.encode(
            list(texts),
            batch_size=batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )

    def vocabulary(self) -> np.ndarray:
        """Vectors of every piece of the vocabulary, each read alone, float32 [pieces, dimensions], of length 1."""
        import torch

        tokenizer, found = self._model.tokenizer, []
        for pieces in torch.arange(len(tokenizer)).split(VOCABULARY_BATCH):
            ends = torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id]).expand(len(pieces), 2)
            ids = torch.stack([ends[:, 0], pieces, ends[:, 1]], dim=1).to(self._model.device)
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
            with torch.no_grad():
                found.append(self._model.forward(inputs)["sentence_embedding"].cpu().numpy())
        return np.concatenate(found)


def weights_digest(path: Path) -> str:
    """Digest of a sentence model's weights in its folder."""
    return of_files(list(path.rglob("*.safetensors")) or list(path.glob("*.bin")))


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache(maxsize=2)
def encoder(name: str) -> Encoder:
    """The sentence model of that name (catalogue, path or hub id)."""
    return Encoder(locate(name))


def remembering(encode: Callable[[Sequence[str]], np.ndarray]) -> Callable[[Sequence[str]], np.ndarray]:
    """A sentence model's ``encode`` that computes each text once."""
    known: dict[str, np.ndarray] = {}

    def embed(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, encode(new), strict=True))
        return np.stack([known[text] for text in texts]) if texts else encode([])

    return embed
