from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled, document_position, label_matrix
from atlas.annotator.distill import Teacher, unit_rows
from atlas.annotator.features import Featurizer
from atlas.annotator.train import train
from atlas.chunking.config import ChunkConfig
from atlas.chunking.tokenizer import tokenizer
from atlas.chunking.vocabulary import folded_vocabulary
from atlas.library.concept import Concept, Library
from atlas.tables import FACETS, TAGS

CL100K = "cl100k_base"
TOPICS = 6
TOPIC_WORDS = 16
NOISE_WORDS = 600
DROPPED = 0.3  # share of the training labels that nobody gave


@dataclass(frozen=True)
class Planted:
    """A corpus whose topics are known: each topic has words of its own, every chunk has noise and some topics."""

    training: Labelled
    heldout: Labelled
    library: Library
    teacher: Teacher
    vocabularies: list[list[str]]


def plain_words() -> list[str]:
    """English words that are one token each."""
    named = tokenizer(CL100K)
    words = (w for w in folded_vocabulary(CL100K)[1] if w.isascii() and w.isalpha() and 5 <= len(w) <= 8)
    return [word for word in words if len(named.encode(" " + word)) == 1]


def planted_chunks(
    documents: int, chunks: int, topics: list[list[str]], noise: list[str], prefix: str, seed: int
) -> tuple[list[str], list[str], np.ndarray]:
    """Texts, doc_ids and labels: one or two topics a document, four words of each of them in every chunk."""
    rng = np.random.default_rng(seed)
    texts, doc_ids, labels = [], [], []
    for number in range(documents):
        chosen = rng.choice(len(topics), rng.integers(1, 3), replace=False)
        for _ in range(chunks):
            words = [*rng.choice(noise, 30), *(word for topic in chosen for word in rng.choice(topics[topic], 4))]
            rng.shuffle(words)
            texts.append(" " + " ".join(words))
            doc_ids.append(f"{prefix}{number}")
            labels.append(np.isin(np.arange(len(topics)), chosen))
    return texts, doc_ids, np.array(labels)


def labelled_texts(texts: Sequence[str], doc_ids: Sequence[str], labels: np.ndarray) -> Labelled:
    """Training data of texts; ``labels`` is bool [texts, C], dense."""
    named = tokenizer(CL100K)
    position = np.array([document_position(doc_id, 0) for doc_id in doc_ids])
    matrix = label_matrix([np.flatnonzero(row).tolist() for row in labels], labels.shape[1])
    return Labelled([named.encode(t) for t in texts], list(texts), list(doc_ids), matrix, position)


@pytest.fixture(scope="session")
def label_texts() -> Callable[..., Labelled]:
    return labelled_texts


@pytest.fixture(scope="session")
def random_teacher() -> Teacher:
    """A sentence model for which every word means something else, and a text the sum of its words."""
    words = len(folded_vocabulary(CL100K)[1])
    vectors = np.random.default_rng(0).standard_normal((words, 16)).astype(np.float32)
    featurizer, named = Featurizer(CL100K, 1024), tokenizer(CL100K)

    def embed(texts: Sequence[str]) -> np.ndarray:
        folded = featurizer.fold([named.encode(text) for text in texts])
        return unit_rows(featurizer.counts(folded).matrix[:, :words] @ vectors)

    return Teacher(vectors, embed)


@pytest.fixture(scope="session")
def planted(random_teacher: Teacher) -> Planted:
    words = plain_words()
    picked = np.random.default_rng(1).permutation(len(words))[: TOPICS * TOPIC_WORDS + NOISE_WORDS]
    shuffled = [words[i] for i in picked]
    topics = [shuffled[topic * TOPIC_WORDS : (topic + 1) * TOPIC_WORDS] for topic in range(TOPICS)]
    noise = shuffled[TOPICS * TOPIC_WORDS :]
    texts, doc_ids, labels = planted_chunks(120, 3, topics, noise, "train", seed=2)
    kept = labels & (np.random.default_rng(3).random(labels.shape) >= DROPPED)
    library = Library(tuple(Concept(10 + t, "content", f"Topic {'abcdef'[t]}", "A topic.") for t in range(TOPICS)))
    return Planted(
        labelled_texts(texts, doc_ids, kept),
        labelled_texts(*planted_chunks(40, 2, topics, noise, "test", seed=4)),
        library,
        random_teacher,
        topics,
    )


@pytest.fixture(scope="session")
def small_config() -> TrainConfig:
    return TrainConfig(bigram_buckets=1024, dimensions=16)


@pytest.fixture(scope="session")
def annotator(planted: Planted, small_config: TrainConfig) -> Annotator:
    weights, featurizer, _ = train(planted.training, planted.library, CL100K, planted.teacher, small_config)
    settings = {
        "key": "k",
        "library_digest": planted.library.digest,
        "chunk": ChunkConfig().model_dump(mode="json"),
        "train": small_config.model_dump(mode="json"),
    }
    return Annotator(weights, featurizer, settings, "d")


@pytest.fixture(scope="session")
def tag_rows() -> Callable[..., pa.Table]:
    """Makes a table of schema TAGS: one chunk, of a document of its own unless given, for each mapping of columns."""

    def made(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        filled = []
        for index, row in enumerate(rows):
            text = row.get("text", f"Chunk {index}.")
            blank = {
                "source": "s",
                "kind": "prose",
                "status": "ok",
                "tag_status": "ok",
                "chunk_id": index,
                "char_start": 0,
            }
            blank |= {"doc_id": f"d{index}", "text": text, "char_end": len(text), "token_count": len(text.split())}
            blank |= dict.fromkeys(("engine", "model", "prompt", "completion"), "x") | {facet: [] for facet in FACETS}
            filled.append(blank | dict(row))
        return pa.Table.from_pylist(filled, schema=TAGS)

    return made
