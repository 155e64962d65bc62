"""Training: the annotator finds what was planted, the same way every time, whatever the label set looks like."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from atlas.annotator import artefact, metrics
from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.data import Labelled
from atlas.annotator.evaluate import cross_validate, evaluate
from atlas.annotator.features import Featurizer
from atlas.annotator.model import Weights, predict
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


def by_first_letter(texts: Sequence[str]) -> np.ndarray:
    """Vectors that know a text by its first letter alone."""
    letters = [(text.strip().casefold()[:1] or "a").encode()[0] % 26 for text in texts]
    return np.eye(26, dtype=np.float32)[letters]


# What was planted


@pytest.fixture(scope="module")
def measured(annotator: Annotator, planted: Any) -> dict[str, Any]:
    found = evaluate(annotator, planted.training, planted.heldout, planted.library, by_first_letter)
    return found.as_json()


def system(measured: dict[str, Any], name: str) -> dict[str, float]:
    [row] = [row for row in measured["systems"] if row["system"] == name]
    return row


def test_planted_topics_are_found_better_than_by_frequency_or_neighbours(measured: dict[str, Any]) -> None:
    ours = system(measured, "atlas-fast")
    for baseline in ("baseline-prior", "baseline-knn-tfidf"):
        theirs = system(measured, baseline)
        assert ours["p@1"] > theirs["p@1"] + 0.05
        assert ours["micro_f1"] > theirs["micro_f1"]
        assert ours["pr_auc"] > theirs["pr_auc"]
    assert ours["p@1"] > 0.85


def test_scores_on_unseen_documents_are_calibrated(measured: dict[str, Any]) -> None:
    # Three of ten training labels were dropped, so that scores run lower than the truth by about as much.
    assert system(measured, "atlas-fast")["ece"] < 0.2
    assert system(measured, "baseline-prior")["ece"] is None


def test_evaluation_says_what_it_was_measured_on(measured: dict[str, Any], planted: Any) -> None:
    assert measured["heldout"] == {
        "chunks": len(planted.heldout),
        "documents": len(set(planted.heldout.doc_ids)),
        "concepts": 6,
        "training_chunks": len(planted.training),
    }
    assert [row["system"] for row in measured["systems"]] == [
        "atlas-fast",
        "baseline-prior",
        "baseline-knn-tfidf",
        "baseline-knn-minilm",
        "baseline-name-similarity",
    ]
    for row in measured["systems"]:
        assert {key: v for key, v in row.items() if key != "system" and v is not None and not 0 <= v <= 1} == {}


def test_every_concept_has_its_own_card(measured: dict[str, Any], planted: Any) -> None:
    assert [card["concept_id"] for card in measured["concepts"]] == list(planted.library.by_id)
    assert sum(card["support"] for card in measured["concepts"]) == planted.heldout.labels.sum()
    for card in measured["concepts"]:
        assert all(0 <= card[key] <= 1 for key in ("precision", "recall", "f1", "pr_auc", "threshold"))
        assert card["f1"] > 0.6


def test_evaluation_without_a_sentence_model_leaves_its_baselines_out(annotator: Annotator, planted: Any) -> None:
    found = evaluate(annotator, planted.training, planted.heldout, planted.library, None)
    assert [row["system"] for row in found.systems] == ["atlas-fast", "baseline-prior", "baseline-knn-tfidf"]


def test_cross_validation_measures_every_chunk_once_with_the_same_systems(
    planted: Any, small_config: TrainConfig
) -> None:
    settings = (planted.library, CL100K, planted.word_vectors, small_config, None)
    rows = cross_validate(planted.training, *settings)
    assert [row["system"] for row in rows] == ["atlas-fast", "baseline-prior", "baseline-knn-tfidf"]
    ours, *baselines = rows
    assert all(ours["p@1"] > row["p@1"] for row in baselines)
    assert cross_validate(planted.training, *settings) == rows


def test_cross_validation_of_six_documents_has_no_empty_fold(planted: Any, small_config: TrainConfig) -> None:
    few = planted.training.take(np.arange(18))  # six documents
    rows = cross_validate(few, planted.library, CL100K, planted.word_vectors, small_config, None)
    assert all(0 <= row["p@1"] <= 1 for row in rows)


def test_training_twice_gives_the_same_bytes(
    annotator: Annotator, planted: Any, small_config: TrainConfig, tmp_path: Any
) -> None:
    weights, featurizer, _ = train(planted.training, planted.library, CL100K, planted.word_vectors, small_config)
    for name, made in (("first", (annotator.weights, annotator.featurizer)), ("second", (weights, featurizer))):
        artefact.save(tmp_path / name, *made, annotator.settings, {})
    first, second = ((tmp_path / name / artefact.MODEL).read_bytes() for name in ("first", "second"))
    assert first == second


def test_as_many_documents_as_folds_are_enough_for_every_fold(planted: Any, small_config: TrainConfig) -> None:
    few = planted.training.take(np.arange(3 * small_config.folds))
    assert len(set(few.doc_ids)) == small_config.folds
    first, second = (train(few, planted.library, CL100K, planted.word_vectors, small_config)[0] for _ in range(2))
    for name in Weights.names():
        array = getattr(first, name)
        assert np.isfinite(array).all(), name
        assert array.tobytes() == getattr(second, name).tobytes(), name


def test_too_few_documents_are_refused_with_how_many_it_takes(planted: Any, small_config: TrainConfig) -> None:
    few = planted.training.take(np.arange(3 * small_config.folds - 3))
    with pytest.raises(AtlasError, match=r"3 tagged documents are too few.*at least 4"):
        train(few, planted.library, CL100K, planted.word_vectors, small_config)


# Label sets of any kind


@pytest.fixture(scope="module")
def tidal(label_texts: Texts) -> Labelled:
    """Chunks of 20 documents, on tides and on chess by turns; a third label is on all, a fourth on none."""
    texts = [f" The {'tide rises at the shore' if n % 2 else 'rook takes a pawn'} again, note {n}." for n in range(40)]
    labels = np.array([[n % 2 == 1, n % 2 == 0, True, False] for n in range(40)])
    return label_texts(texts, [f"d{n // 2}" for n in range(40)], labels)


def with_labels(data: Labelled, columns: list[int]) -> Labelled:
    return Labelled(data.tokens, data.texts, data.doc_ids, data.labels[:, columns], data.position)


@pytest.mark.parametrize("column", [0, 2], ids=["on-some", "on-every-chunk"])
def test_label_set_of_one_concept_is_learned(
    tidal: Labelled, random_vectors: np.ndarray, small_config: TrainConfig, column: int
) -> None:
    data = with_labels(tidal, [column])
    weights, featurizer, _ = train(data, library_of("Water"), CL100K, random_vectors, small_config)
    scores = predict(weights, featurizer, data.tokens)[:, 0]
    assert np.isfinite(scores).all()
    assert ((scores >= weights.thresholds[0]) == data.labels[:, 0]).mean() > 0.95


def test_concept_on_every_chunk_is_given_to_every_chunk(
    tidal: Labelled, random_vectors: np.ndarray, small_config: TrainConfig
) -> None:
    data = with_labels(tidal, [0, 1, 2])
    library = library_of("Water", "Board games", "Notes")
    weights, featurizer, _ = train(data, library, CL100K, random_vectors, small_config)
    scores = predict(weights, featurizer, data.tokens)
    assert (scores[:, 2] >= weights.thresholds[2]).all()
    assert scores[:, 2].min() > 0.5
    assert metrics.ranking(scores, data.labels)["p@1"] == 1


def test_concept_without_an_example_is_scored_by_its_name(
    tidal: Labelled, random_vectors: np.ndarray, small_config: TrainConfig
) -> None:
    library = library_of("Water", "Board games", "Notes", "Photosynthesis")
    weights, featurizer, _ = train(tidal, library, CL100K, random_vectors, small_config)
    assert weights.positives[3] == 0
    told, not_told = scores_of(
        weights, featurizer, " Leaves live by photosynthesis in the light.", " Leaves live by the river in the light."
    )
    assert told[3] > not_told[3]


def test_alias_and_member_count_as_names_too(
    tidal: Labelled, random_vectors: np.ndarray, small_config: TrainConfig
) -> None:
    base = library_of("Water", "Board games", "Notes")
    last = Concept(4, "content", "Astronomy", "x", aliases=("telescope",), members={"galaxies": 2})
    weights, featurizer, _ = train(tidal, Library((*base.concepts, last)), CL100K, random_vectors, small_config)
    plain, *named = scores_of(
        weights, featurizer, " The old tool was dusty.", " The old telescope was dusty.", " The old galaxy was dusty."
    )
    assert all(row[3] > plain[3] for row in named)


ALPHABETS = ("量子力学は物理学である。", "Привет, мир!", "مرحبا", "🧲" * 40)
HOSTILE = (*ALPHABETS, "", " ", "…!?—", "\x00\uffff", "a" * 5000, "9" * 900)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:6]))
def test_chunk_of_any_alphabet_has_finite_probabilities(annotator: Annotator, text: str) -> None:
    scores = scores_of(annotator.weights, annotator.featurizer, text)
    assert scores.shape == (1, 6)
    assert scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()


def test_no_chunk_has_no_score(annotator: Annotator) -> None:
    assert predict(annotator.weights, annotator.featurizer, []).shape == (0, 6)


def test_chunk_is_scored_alike_alone_and_among_others(annotator: Annotator, planted: Any) -> None:
    together = predict(annotator.weights, annotator.featurizer, planted.heldout.tokens)
    for row in (0, 7, 41):
        alone = predict(annotator.weights, annotator.featurizer, planted.heldout.tokens[row : row + 1])
        assert alone[0] == pytest.approx(together[row], abs=1e-5)
