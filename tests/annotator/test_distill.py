"""A sentence model teaches word vectors: sums of them come near to what it says, also of texts it did not read."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import sparse

from atlas.annotator.distill import (
    FORMS,
    Teacher,
    meanings,
    principal_axes,
    said_of,
    taught_towards,
    teacher,
    unit_rows,
)
from atlas.annotator.features import Featurizer, inverse_document_frequency, weigh
from atlas.chunking.tokenizer import tokenizer
from atlas.library.concept import Concept

FEATURIZER = Featurizer("cl100k_base", 1024)


def bags(texts: int, words: int, seed: int) -> sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, words, (texts, 12))
    return sparse.csr_matrix(
        (np.full(columns.size, 0.3, dtype=np.float32), columns.ravel(), np.arange(0, columns.size + 1, 12)),
        shape=(texts, words),
    )


def test_sums_of_taught_vectors_come_near_to_what_was_said_of_texts_not_read() -> None:
    rng = np.random.default_rng(0)
    meant = rng.standard_normal((60, 8)).astype(np.float32)
    prior = meant + 2 * rng.standard_normal(meant.shape).astype(np.float32)
    read, unread = bags(2000, 60, 1), bags(200, 60, 2)
    taught = taught_towards(prior, read, read @ meant)

    def likeness(vectors: np.ndarray) -> float:
        ours, theirs = (part - part.mean(axis=0) for part in (unread @ vectors, unread @ meant))
        return float(np.einsum("nd,nd->n", unit_rows(ours), unit_rows(theirs)).mean())

    assert likeness(prior) < 0.7
    assert likeness(taught) > 0.95


def test_word_that_no_text_has_keeps_its_direction() -> None:
    prior = np.random.default_rng(0).standard_normal((61, 8)).astype(np.float32)
    read = sparse.hstack([bags(300, 60, 1), sparse.csr_matrix((300, 1), dtype=np.float32)], format="csr")
    taught = taught_towards(prior, read, (read @ prior)[:, ::-1].copy())
    assert abs(unit_rows(taught)[60] @ unit_rows(prior)[60]) == pytest.approx(1, abs=1e-4)
    assert not np.allclose(unit_rows(taught)[:60], unit_rows(prior)[:60], atol=0.1)


def test_axes_are_orthonormal_and_those_of_largest_variance() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((500, 6)).astype(np.float32) * np.array([1, 5, 1, 3, 1, 1], dtype=np.float32)
    axes = principal_axes(vectors - vectors.mean(axis=0), 2)
    assert axes.T @ axes == pytest.approx(np.eye(2), abs=1e-5)
    assert np.abs(axes).argmax(axis=0).tolist() == [1, 3]


def test_name_counts_twice_as_much_as_the_mean_of_other_names() -> None:
    vectors = {"Tides": [1.0, 0.0], "ebb": [0.0, 1.0], "flood": [0.0, 3.0], "Fire": [5.0, 5.0]}

    def embed(texts: Sequence[str]) -> np.ndarray:
        return np.array([vectors[text] for text in texts], dtype=np.float32)

    concepts = [
        Concept(1, "content", "Tides", "x", aliases=("ebb",), members={"flood": 2}),
        Concept(2, "content", "Fire", "x"),
    ]
    assert said_of(concepts, embed(["Tides", "Fire"]), embed).tolist() == [[1.0, 1.0], [5.0, 5.0]]
    many = Concept(3, "content", "Tides", "x", aliases=("ebb",) * 1, members={f"m{n}": 1 for n in range(3 * FORMS)})
    heard: list[str] = []
    said_of([many], np.zeros((1, 2), np.float32), lambda t: heard.extend(t) or np.zeros((len(t), 2), np.float32))  # type: ignore[func-returns-value]
    assert len(heard) == FORMS


def test_chunks_are_nearer_to_the_concepts_that_the_model_finds_near(random_teacher: Teacher) -> None:
    rng = np.random.default_rng(0)
    words = ["river", "castle", "engine", "poetry", "violin", "desert", "insect", "rocket", "garden", "market"]
    texts = [" " + " ".join(rng.choice(words, 6)) for _ in range(300)]
    named = tokenizer("cl100k_base")
    counts = FEATURIZER.counts(FEATURIZER.fold([named.encode(text) for text in texts]))
    idf = inverse_document_frequency(counts)
    concepts = [Concept(n, "content", word, "x") for n, word in enumerate(words, 1)]
    found = meanings(concepts, texts[:200], FEATURIZER, idf, random_teacher, 10)
    assert found.words.shape == (len(random_teacher.words), 10)
    assert np.linalg.norm(found.concepts, axis=1) == pytest.approx(1, abs=1e-5)
    vectors = weigh(counts, idf)[200:, : len(found.words)] @ found.words
    ours = unit_rows(vectors - vectors.mean(axis=0)) @ found.concepts.T
    said = random_teacher.embed(texts)
    theirs = unit_rows(said[200:] - said.mean(axis=0)) @ random_teacher.embed([f" {word}" for word in words]).T
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.6


def test_shipped_model_reads_each_text_once() -> None:
    model = teacher("all-minilm-l6-v2", "cl100k_base", threads=1)
    first = model.embed(["The heart pumps blood.", "Tides rise."])
    assert first.shape == (2, model.words.shape[1])
    assert np.linalg.norm(first, axis=1) == pytest.approx(1, abs=1e-3)
    assert (model.embed(["Tides rise."])[0] == first[1]).all()
