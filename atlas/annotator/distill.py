"""Word vectors distilled from a sentence model: each folded token encoded alone, then reduced.

After model2vec (Tulkens & van Dongen, 2024): the output of a sentence model for single words, PCA, and
frequency weights, is a static embedding that keeps much of the model's sense of similarity.
"""

import numpy as np
import pyarrow.fs as pafs

from atlas.chunking.vocabulary import folded_vocabulary
from atlas.digest import of_json
from atlas.models.encoder import encoder
from atlas.models.fetch import cache_folder
from atlas.storage import atomic_output

SKIPPED = 8  # first components: how common and of what kind a word is; without them names are found in chunks better


def word_vectors(encoder_name: str, tokenizer_name: str, dimensions: int) -> np.ndarray:
    """Vectors of the folded vocabulary, float16 [words, dimensions]; made once and kept in the cache folder."""
    model = encoder(encoder_name)
    _, words = folded_vocabulary(tokenizer_name)
    path = cache_folder() / "words" / f"{model.digest}-{of_json(words)}.npy"
    if path.is_file():
        full = np.load(path, mmap_mode="r")
    else:
        full = model.encode(words, batch_size=512).astype(np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
            np.save(stream, full)
    return principal(np.asarray(full, dtype=np.float32), dimensions).astype(np.float16)


def principal(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Principal components of centred vectors after the first few, float32 [n, dimensions]."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, SKIPPED : SKIPPED + dimensions]
    # An eigenvector's sign is arbitrary: fix it, so that results repeat.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])])
    return centred @ directions
