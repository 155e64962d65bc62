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
from atlas.models.windows import Windows, batches, cutting, of_texts, padded, windows

# Pieces read at a time, padding included: a GPU wants many, a CPU's caches few.
PIECES_TOGETHER = {"cpu": 4_096, "cuda": 32_768}


class Encoder:
    """A sentence-transformers model; vectors come L2-normalised, float32 [texts, dimensions].

    On a GPU it counts in float16: on 256 abstracts the cosine with float32's vectors is 0.999998 at least, bfloat16's
    0.9999.
    """

    def __init__(self, path: Path) -> None:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.disable_progress_bar()
            self._model: Any = SentenceTransformer(str(path), device=_device())
        if self._model.device.type == "cuda":
            self._model.half()
        self._cutting = cutting(self._model.tokenizer.backend_tokenizer, self._model.max_seq_length)
        self.dimensions: int = self._model.get_embedding_dimension() or 0
        self.digest = weights_digest(path)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        found = self.cut(texts)
        return of_texts(self.read(found.ids), found.starts)

    def cut(self, texts: Sequence[str]) -> Windows:
        """What the model reads of texts: all of their pieces."""
        return windows(self._cutting, texts)

    def read(self, ids: Sequence[np.ndarray], together: int | None = None) -> np.ndarray:
        """Vectors of windows, each times its pieces, float32 [windows, dimensions].

        Args:
            together: pieces read at a time; as the device likes it where not given.
        """
        import torch

        device = self._model.device
        order = list(batches(ids, together or PIECES_TOGETHER.get(device.type, PIECES_TOGETHER["cuda"])))
        with torch.inference_mode():  # vectors stay on the device to the end: to fetch them is to wait for it
            vectors = torch.cat([self._said([ids[number] for number in batch]) for batch in order]).float().cpu()
        found = np.empty((len(ids), self.dimensions), np.float32)
        found[np.concatenate(order)] = vectors.numpy()
        return found * np.array([len(one) for one in ids], np.float32)[:, None]

    def _said(self, ids: Sequence[np.ndarray]) -> Any:
        return self._model.forward(self.inputs(ids))["sentence_embedding"]

    def inputs(self, ids: Sequence[np.ndarray]) -> dict[str, Any]:
        """Windows as the model takes them, on its device."""
        import torch

        tokenizer = self._model.tokenizer
        pieces, there = (torch.from_numpy(part).to(self._model.device) for part in padded(ids, tokenizer.pad_token_id))
        found = {"input_ids": pieces, "attention_mask": there}
        if "token_type_ids" in tokenizer.model_input_names:
            found["token_type_ids"] = torch.zeros_like(pieces)
        return found

    def vocabulary(self) -> np.ndarray:
        """Vectors of every piece of the vocabulary, each read alone, float32 [pieces, dimensions], of length 1."""
        tokenizer = self._model.tokenizer
        first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
        alone = [np.array([first, piece, last], np.int32) for piece in range(len(tokenizer))]
        return of_texts(self.read(alone), np.arange(len(alone)))


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
