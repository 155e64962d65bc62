"""Vectors of the outline's subjects, kept: computing 7,000 takes a sentence model minutes on a busy laptop."""

import numpy as np
import pyarrow.fs as pafs

from atlas.canonical.outline import Outline
from atlas.digest import of_json
from atlas.models.encoder import Encoder
from atlas.models.fetch import cache_folder
from atlas.storage import atomic_output


def subject_vectors(outline: Outline, model: Encoder) -> np.ndarray:
    """Vectors of ``outline.voters``, float32 [n, d], L2-normalised; from the models folder where they are known."""
    words = [text for _, text in outline.voters]
    path = cache_folder() / "outlines" / f"{model.digest}-{of_json(words)}.npy"
    if path.exists():
        return np.load(path)
    vectors = model.encode(words)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(path)) as stream:
        np.save(stream, vectors)
    return vectors
