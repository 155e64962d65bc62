"""A sentence model in CTranslate2, int8: on a CPU several times as fast as in PyTorch, and without importing it.

On one core MiniLM reads thirty phrases in 16 ms in place of 79, and a passage of 250 tokens in 30 ms in place of 81;
the cosine of a phrase's two vectors is 0.996 in the mean. It is converted once and kept in the models folder.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from atlas.cores import cores
from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.models.encoder import Encoder, encoder, weights_digest
from atlas.models.fetch import READY, cache_folder, locate
from atlas.models.windows import cutting, of_texts, windows

RECIPE = 3  # raised with whatever changes the vectors
BATCH_TOKENS = 2048  # read at a time; half or twice as many make no difference beyond the noise


class Int8Encoder:
    """Vectors come L2-normalised, float32 [texts, dimensions], as from ``atlas.models.encoder``.

    Args:
        folder: the sentence model as it came: its tokenizer, and how token vectors become one.
        converted: the same model for CTranslate2.
        threads: batches that are read at a time, each by one core.
    """

    def __init__(self, folder: Path, converted: Path, digest: str, threads: int) -> None:
        import ctranslate2
        from tokenizers import Tokenizer

        cores = {"inter_threads": threads, "intra_threads": 1}
        self._model = ctranslate2.Encoder(str(converted), device="cpu", compute_type="int8", **cores)
        self._array = ctranslate2.StorageView.from_array
        most = _settings(folder, "sentence_bert_config.json").get("max_seq_length")
        self._cutting = cutting(Tokenizer.from_file(str(folder / "tokenizer.json")), most)
        self._threads = threads
        self._first = _takes_first_token(folder)
        self.dimensions: int = _settings(folder, "config.json")["hidden_size"]
        self.digest = digest

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        ids, starts = windows(self._cutting, texts)
        vectors = np.empty((len(ids), self.dimensions), np.float32)
        batches = list(_batches([len(one) for one in ids]))
        with ThreadPoolExecutor(self._threads) as pool:
            found = pool.map(lambda batch: self._pooled([ids[number] for number in batch]), batches)
            for batch, pooled in zip(batches, found, strict=True):
                vectors[batch] = pooled
        return of_texts(vectors, starts)

    def _pooled(self, ids: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors of windows of one length, times their tokens."""
        tokens = np.array(ids, np.int32)
        lengths = np.full(len(ids), tokens.shape[1], np.int32)
        output = self._model.forward_batch(self._array(tokens), self._array(lengths))
        states = np.array(output.last_hidden_state)
        return states[:, 0] * states.shape[1] if self._first else states.sum(axis=1)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Texts of one length together, of at most BATCH_TOKENS: a text that is padded gets another vector.

    The difference is in the last bits, but it passes through the rounding to int8, and is up to 0.008 then. Without
    padding a text has the same vector whatever stands beside it, and a sixth of the work is saved.
    """
    for length, numbers in groupby(sorted(range(len(lengths)), key=lambda n: lengths[n]), key=lambda n: lengths[n]):
        batch = list(numbers)
        step = max(1, BATCH_TOKENS // max(length, 1))
        yield from (batch[start : start + step] for start in range(0, len(batch), step))


def _settings(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _takes_first_token(folder: Path) -> bool:
    """Whether the first token's vector stands for the text; else the mean of all does.

    Raises:
        AtlasError: the model does it in another way.
    """
    pooling = _settings(folder, "1_Pooling/config.json")
    asked = [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True]
    if asked in ([], ["pooling_mode_mean_tokens"]):
        return False
    if asked == ["pooling_mode_cls_token"]:
        return True
    raise AtlasError(f"{folder}: makes a text's vector by {', '.join(asked)}; only mean and first token are known here")


@lru_cache(maxsize=2)
def int8_encoder(name: str, threads: int | None = None) -> Int8Encoder:
    """The sentence model of that name (catalogue, path or hub id; an architecture that CTranslate2 knows, as BERT)."""
    folder = locate(name)
    digest = of_json(["int8", RECIPE, weights_digest(folder)])
    converted = cache_folder() / "models" / f"int8-{digest}"
    if not (converted / READY).is_file():
        _convert(folder, converted)
    return Int8Encoder(folder, converted, digest, threads or cores())


def _convert(folder: Path, target: Path) -> None:
    from atlas.models.convert import checkpoint_to_ctranslate2, quiet

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as scratch:
        made = Path(scratch) / "int8"
        with quiet():
            checkpoint_to_ctranslate2(folder, made)
        (made / READY).touch()
        if not (target / READY).is_file():  # another process may have been faster
            shutil.rmtree(target, ignore_errors=True)
            made.rename(target)


def quick_encoder(name: str, threads: int | None = None) -> Encoder | Int8Encoder:
    """The sentence model on a GPU where there is one, else in int8 on so many cores, all where not given."""
    import ctranslate2

    return encoder(name) if ctranslate2.get_cuda_device_count() else int8_encoder(name, threads)
