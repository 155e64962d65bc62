"""Compile the annotator's inner loops for this machine, before the first run needs them.

Numba compiles them when they are first called and keeps the result on disk, by processor and file: some 20 s of work,
once. Training does it by the way; a machine that only labels can do it beforehand, as when its image is built:
``python -m atlas.annotator.compile``. Numba keeps the result beside these files where it may write there, else in the
user's cache, or in ``$NUMBA_CACHE_DIR``.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import sparse

from atlas.annotator import kernels
from atlas.annotator.arrays import frozen
from atlas.annotator.artefact import Annotator
from atlas.annotator.company import TOLD
from atlas.annotator.features import Featurizer
from atlas.annotator.judge import JUDGE, SIEVE, Judges
from atlas.annotator.kernels import VIEWS
from atlas.annotator.model import Weights
from atlas.annotator.names import name_index
from atlas.annotator.postings import near, postings
from atlas.annotator.ranker import Ranker
from atlas.annotator.stage import annotate_documents
from atlas.annotator.views import Tables, Vectors
from atlas.chunking.config import ChunkConfig
from atlas.library.concept import Concept
from atlas.tables import DOCUMENTS

BUCKETS, DIMENSIONS = 1024, 4
NAMED = Concept(1, "content", "High tide", "The sea at its highest.", aliases=("tide",))
TEXT = "At high tide the boats came in. " * 40


def untrained() -> Annotator:
    """An annotator of one concept that has learned nothing; its arrays are of the types that a trained one has."""
    featurizer = Featurizer("cl100k_base", BUCKETS)
    features, words, views = featurizer.width, featurizer.words, len(VIEWS)
    idf = np.ones(features, dtype=np.float32)
    names = name_index([NAMED], featurizer, idf)
    tables = Tables(
        positives=np.zeros(1, dtype=np.int32),
        centroids=postings(sparse.csr_matrix((features, 1), dtype=np.float32), signed=False),
        skipped=_zeros(1),
        machines=postings(sparse.csr_matrix((features, 1), dtype=np.float32), signed=True),
        bias=_zeros(1),
        machine_of=np.full(1, -1, dtype=np.int32),
        names=names,
        reliable=_zeros(len(names.owners)),
        stood=_zeros(len(names.owners)),
        akin=near(sparse.csr_matrix((words, 1), dtype=np.float32)),
        words=Vectors(np.zeros((words, DIMENSIONS), dtype=np.int8), _zeros(words)),
        centre=_zeros(DIMENSIONS),
        meaning=Vectors(np.zeros((1, DIMENSIONS), dtype=np.int8), _zeros(1)),
        mean=_zeros(DIMENSIONS),
        axes=_zeros(DIMENSIONS, DIMENSIONS),
        company=postings(sparse.csr_matrix((1, 1), dtype=np.float32), signed=True),
    )
    judges = Judges(_ranker(views, *SIEVE), _ranker(views + len(TOLD), *JUDGE))
    knots = np.array([-1, 1], dtype=np.float32)
    weights = Weights(np.ones(1, dtype=np.int32), idf, tables, judges, knots, _zeros(2), _zeros(2), _zeros(1))
    settings = {"chunk": ChunkConfig().model_dump(mode="json"), "library_digest": "", "train": {"tier": "fast"}}
    return Annotator(frozen(weights), featurizer, settings, "")


def _ranker(views: int, hidden: int, narrow: int) -> Ranker:
    return Ranker(
        mean=_zeros(views),
        scale=_zeros(views),
        first=_zeros(views, hidden),
        first_bias=_zeros(hidden),
        second=_zeros(hidden, narrow),
        second_bias=_zeros(narrow),
        last=_zeros(narrow),
        last_bias=_zeros(1),
    )


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.float32)


def cold(folder: Path | None = None) -> bool:
    """Whether nothing is compiled yet in a folder of Numba's, of ours unless given."""
    where = folder or kernels.pairs.stats.cache_path
    return where is not None and not any(Path(where).glob("kernels.pairs-*.nbi"))


def compiled() -> None:
    """Label a text in every way that there is."""
    rows = [{"doc_id": "a", "text": TEXT, "source": "s"}]
    documents = pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS)
    annotate_documents(documents, untrained(), text=True, rejected=True, evidence=True, tokens=True)


if __name__ == "__main__":
    compiled()
