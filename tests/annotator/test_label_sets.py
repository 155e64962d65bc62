"""Label sets, training chunks and chunks of any kind: they are learned from, and every score is a number."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.annotator import metrics
from atlas.annotator.arrays import flat
from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled
from atlas.annotator.distill import Teacher
from atlas.annotator.features import Featurizer
from atlas.annotator.model import Weights, predict, scored
from atlas.annotator.stage import label_chunks
from atlas.annotator.train import train
from atlas.chunking.tokenizer import tokenizer
from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library

CL100K = "cl100k_base"
Texts = Callable[..., Labelled]


def scores_of(weights: Weights, featurizer: Featurizer, *texts: str) -> np.ndarray:
    return predict(weights, featurizer, [tokenizer(CL100K).encode(text) for text in texts])


def library_of(*names: str) -> Library:
    return Library(tuple(Concept(number, "content", name, "x") for number, name in enumerate(names, 1)))


@pytest.fixture(scope="module")
def tidal(label_texts: Texts) -> Labelled:
    """Chunks of 20 documents, on tides and on chess by turns; a third label is on all, a fourth on none."""
    texts = [f" The {'tide rises at the shore' if n % 2 else 'rook takes a pawn'} again, note {n}." for n in range(40)]
    labels = np.array([[n % 2 == 1, n % 2 == 0, True, False] for n in range(40)])
    return label_texts(texts, [f"d{n // 2}" for n in range(40)], labels)


def with_labels(data: Labelled, columns: list[int]) -> Labelled:
    return replace(data, labels=data.labels[:, columns])


@pytest.mark.parametrize("column", [0, 2], ids=["on-some", "on-every-chunk"])
def test_label_set_of_one_concept_is_learned(
    tidal: Labelled, random_teacher: Teacher, small_config: TrainConfig, column: int
) -> None:
    data = with_labels(tidal, [column])
    weights, featurizer, _ = train(data, library_of("Water"), CL100K, random_teacher, small_config)
    scores = predict(weights, featurizer, data.tokens)[:, 0]
    assert np.isfinite(scores).all()
    assert ((scores >= weights.thresholds[0]) == data.labels.toarray()[:, 0]).mean() > 0.95


def test_concept_on_every_chunk_is_given_to_every_chunk(
    tidal: Labelled, random_teacher: Teacher, small_config: TrainConfig
) -> None:
    data = with_labels(tidal, [0, 1, 2])
    library = library_of("Water", "Board games", "Notes")
    weights, featurizer, _ = train(data, library, CL100K, random_teacher, small_config)
    scores = predict(weights, featurizer, data.tokens)
    assert (scores[:, 2] >= weights.thresholds[2]).all()
    assert scores[:, 2].min() > 0.5
    assert metrics.ranking(scores, data.labels.toarray())["p@1"] == 1


def test_concept_without_an_example_is_scored_by_its_name(
    tidal: Labelled, random_teacher: Teacher, small_config: TrainConfig
) -> None:
    library = library_of("Water", "Board games", "Notes", "Photosynthesis")
    weights, featurizer, _ = train(tidal, library, CL100K, random_teacher, small_config)
    assert weights.positives[3] == 0
    told, not_told = scores_of(
        weights, featurizer, " Leaves live by photosynthesis in the light.", " Leaves live by the river in the light."
    )
    assert told[3] > not_told[3]


def test_alias_and_member_count_as_names_too(
    tidal: Labelled, random_teacher: Teacher, small_config: TrainConfig
) -> None:
    base = library_of("Water", "Board games", "Notes")
    last = Concept(4, "content", "Astronomy", "x", aliases=("telescope",), members={"galaxies": 2})
    weights, featurizer, _ = train(tidal, Library((*base.concepts, last)), CL100K, random_teacher, small_config)
    plain, *named = scores_of(
        weights, featurizer, " The old tool was dusty.", " The old telescope was dusty.", " The old galaxy was dusty."
    )
    assert all(row[3] > plain[3] for row in named)


def test_names_are_learned_to_be_trusted_for_concepts_without_an_example(
    label_texts: Texts, random_teacher: Teacher, small_config: TrainConfig
) -> None:
    named = ["river", "castle", "engine", "poetry", "violin", "desert", "insect", "rocket"]
    rng = np.random.default_rng(0)
    labels = np.eye(len(named), dtype=bool)[rng.integers(0, len(named) - 2, 200)]  # the last two have no example
    fill = ["about", "again", "which", "there", "while", "their", "these", "where", "small", "great"]
    texts = [" " + " ".join([*rng.choice(fill, 12), named[row.argmax()], *rng.choice(fill, 9)]) for row in labels]
    data = label_texts(texts, [f"d{n}" for n in range(200)], labels)
    weights, featurizer, _ = train(data, library_of(*named), CL100K, random_teacher, small_config)
    assert weights.positives[-2:].tolist() == [0, 0]
    asked = [" There was again a small insect, where these are.", " These great and small, again which there are."]
    annotator = Annotator(weights, featurizer, {}, "d")
    ids, scores, sizes = label_chunks([tokenizer(CL100K).encode(t) for t in asked], np.zeros(2, dtype=bool), annotator)
    assert ids[: sizes[0]].tolist() == [7]
    assert scores[0] > 0.5
    assert 7 not in ids[sizes[0] :].tolist()


# Training chunks of any kind


@pytest.mark.parametrize(
    "text", ["", " ", "…!?—", "量子力学は物理学である。", "🧲" * 40], ids=lambda text: ascii(text[:3])
)
def test_some_training_chunks_without_words_are_learned_around(
    tidal: Labelled, label_texts: Texts, random_teacher: Teacher, small_config: TrainConfig, text: str
) -> None:
    texts = [text if n % 5 == 0 else own for n, own in enumerate(tidal.texts)]
    data = label_texts(texts, tidal.doc_ids, tidal.labels.toarray())
    library = library_of("Water", "Board games", "Notes", "Photosynthesis")
    weights, featurizer, _ = train(data, library, CL100K, random_teacher, small_config)
    for name, array in flat(weights).items():
        assert np.isfinite(array).all(), name
    scores, right = predict(weights, featurizer, data.tokens), data.labels.toarray()
    assert ((scores > 0) & (scores < 1)).all()
    full = np.arange(len(texts)) % 5 > 0
    assert (scores[full, :2].argmax(axis=1) == right[full, :2].argmax(axis=1)).mean() > 0.95


def test_training_chunks_without_any_word_are_refused(
    tidal: Labelled, label_texts: Texts, random_teacher: Teacher, small_config: TrainConfig
) -> None:
    data = label_texts(["…"] * 40, tidal.doc_ids, tidal.labels.toarray())
    library = library_of("Water", "Board games", "Notes", "Photosynthesis")
    with pytest.raises(AtlasError, match="word"):
        train(data, library, CL100K, random_teacher, small_config)


def test_word_vectors_without_meaning_are_no_obstacle(
    tidal: Labelled, random_teacher: Teacher, small_config: TrainConfig
) -> None:
    library = library_of("Water", "Board games", "Notes", "Photosynthesis")
    weights, featurizer, _ = train(
        tidal,
        library,
        CL100K,
        Teacher(np.zeros_like(random_teacher.words), lambda texts: np.zeros((len(texts), 16), dtype=np.float32)),
        small_config,
    )
    scores, right = predict(weights, featurizer, tidal.tokens), tidal.labels.toarray()
    assert (scores[:, :2].argmax(axis=1) == right[:, :2].argmax(axis=1)).mean() > 0.95


# Chunks of any kind


ALPHABETS = ("量子力学は物理学である。", "Привет, мир!", "مرحبا", "🧲" * 40)
HOSTILE = (*ALPHABETS, "", " ", "…!?—", "\x00\uffff", "a" * 5000, "9" * 900)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:6]))
def test_chunk_of_any_alphabet_has_finite_probabilities(annotator: Annotator, text: str) -> None:
    scores = scores_of(annotator.weights, annotator.featurizer, text)
    assert scores.shape == (1, 6)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(st.text(max_size=80), max_size=5))
def test_no_score_is_ever_out_of_range_or_no_number(annotator: Annotator, texts: list[str]) -> None:
    tokens = [tokenizer(CL100K).encode(text) for text in texts]
    for scores in (
        predict(annotator.weights, annotator.featurizer, tokens),
        scored(annotator.weights, annotator.featurizer, tokens).scores,
    ):
        assert ((scores > 0) & (scores < 1)).all()


def test_no_chunk_has_no_score(annotator: Annotator) -> None:
    assert scored(annotator.weights, annotator.featurizer, []).starts.tolist() == [0]
    assert predict(annotator.weights, annotator.featurizer, []).shape == (0, 6)


def test_chunk_is_scored_alike_alone_and_among_others(annotator: Annotator, planted: Any) -> None:
    together = predict(annotator.weights, annotator.featurizer, planted.heldout.tokens)
    for row in (0, 7, 41):
        alone = predict(annotator.weights, annotator.featurizer, planted.heldout.tokens[row : row + 1])
        assert alone[0] == pytest.approx(together[row], abs=1e-5)
