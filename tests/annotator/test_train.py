"""Training: the annotator finds what was planted, better than any baseline and the same way every time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from atlas.annotator import artefact
from atlas.annotator import train as train_module
from atlas.annotator.arrays import flat
from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.evaluate import cross_validate, evaluate
from atlas.annotator.train import train
from atlas.errors import AtlasError

CL100K = "cl100k_base"


def by_first_letter(texts: Sequence[str]) -> np.ndarray:
    """Vectors that know a text by its first letter alone."""
    letters = [(text.strip().casefold()[:1] or "a").encode()[0] % 26 for text in texts]
    return np.eye(26, dtype=np.float32)[letters]


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
    assert [card["support"] for card in measured["concepts"]] == planted.heldout.labels.toarray().sum(axis=0).tolist()
    examples = planted.training.labels.toarray().sum(axis=0)
    assert [card["examples"] for card in measured["concepts"]] == examples.tolist()
    for card in measured["concepts"]:
        assert all(0 <= card[key] <= 1 for key in ("precision", "recall", "f1", "pr_auc", "threshold"))
        assert card["f1"] > 0.6
        assert card["roc_auc"] > 0.9
        others = set(planted.library.by_id) - {card["concept_id"]}
        assert set(card["confused_with"]) <= others


def test_calibration_is_measured_by_band_of_training_frequency(measured: dict[str, Any]) -> None:
    [band] = measured["calibration"]  # every topic has twenty examples and more
    assert (band["examples_from"], band["concepts"]) == (20, 6)
    assert band["ece"] == system(measured, "atlas-fast")["ece"]


def test_concept_is_confused_with_what_is_given_in_its_place(annotator: Annotator, planted: Any) -> None:
    swapped = np.array([1, 0, 2, 3, 4, 5])
    heldout = replace(planted.heldout, labels=planted.heldout.labels[:, swapped])
    found = evaluate(annotator, planted.training, heldout, planted.library, None)
    first, second = found.concepts[:2]
    assert first["confused_with"][0] == second["concept_id"]
    assert second["confused_with"][0] == first["concept_id"]


def test_evaluation_without_a_sentence_model_leaves_its_baselines_out(annotator: Annotator, planted: Any) -> None:
    found = evaluate(annotator, planted.training, planted.heldout, planted.library, None)
    assert [row["system"] for row in found.systems] == ["atlas-fast", "baseline-prior", "baseline-knn-tfidf"]


def test_cross_validation_measures_every_chunk_once_with_the_same_systems(
    planted: Any, small_config: TrainConfig
) -> None:
    settings = (planted.library, CL100K, planted.teacher, small_config, None)
    rows = cross_validate(planted.training, *settings)
    assert [row["system"] for row in rows] == ["atlas-fast", "baseline-prior", "baseline-knn-tfidf"]
    ours, *baselines = rows
    assert all(ours["p@1"] > row["p@1"] for row in baselines)
    assert cross_validate(planted.training, *settings) == rows


def test_cross_validation_of_six_documents_has_no_empty_fold(planted: Any, small_config: TrainConfig) -> None:
    few = planted.training.take(np.arange(18))  # six documents
    rows = cross_validate(few, planted.library, CL100K, planted.teacher, small_config, None)
    assert all(0 <= row["p@1"] <= 1 for row in rows)


def test_training_twice_gives_the_same_bytes(
    annotator: Annotator, planted: Any, small_config: TrainConfig, tmp_path: Any
) -> None:
    weights, featurizer, _ = train(planted.training, planted.library, CL100K, planted.teacher, small_config)
    for name, made in (("first", (annotator.weights, annotator.featurizer)), ("second", (weights, featurizer))):
        artefact.save(tmp_path / name, *made, annotator.settings, {})
    first, second = ((tmp_path / name / artefact.MODEL).read_bytes() for name in ("first", "second"))
    assert first == second


def test_plenty_of_chunks_has_one_part_left_out(
    planted: Any, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "RANKED", 60)
    monkeypatch.setattr(train_module, "PLENTY", len(planted.training))
    steps: dict[str, Any] = {}

    def keep(name: str, kind: Any, make: Callable[[], Any]) -> Any:
        steps[name] = make()
        return steps[name]

    weights, featurizer, _ = train(planted.training, planted.library, CL100K, planted.teacher, small_config, keep=keep)
    assert sorted(steps) == ["fold-0", "meanings"]
    assert len(steps["fold-0"].chunks) == 60  # a sixth of the documents, three chunks each
    trained = Annotator(weights, featurizer, {}, "")
    found = evaluate(trained, planted.training, planted.heldout, planted.library, None)
    assert found.systems[0]["p@1"] > 0.85


def test_concepts_that_lose_all_examples_to_a_fold_are_no_candidates_where_every_concept_has_some() -> None:
    generator = np.random.default_rng(0)
    labels = sparse.csr_matrix(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], bool))
    inside = labels[1:]
    assert train_module.without_counterpart(labels, inside, generator).tolist() == [True, False, False, False]
    open_labels = sparse.csr_matrix(np.array([[1, 1, 0], [0, 1, 0]], bool))  # the last has no example at all
    assert not train_module.without_counterpart(open_labels, open_labels[1:], generator).any()


def test_of_concepts_that_lose_all_examples_as_many_stay_as_the_library_has_without() -> None:
    lost, never = 4000, 1000
    labels = sparse.csr_matrix(np.concatenate([np.ones(lost, bool), np.zeros(never, bool)])[None, :])
    gone = train_module.without_counterpart(labels, labels[:0], np.random.default_rng(1))
    assert not gone[lost:].any()
    assert 0.7 < gone[:lost].mean() < 0.8


def test_as_many_documents_as_folds_are_enough_for_every_fold(planted: Any, small_config: TrainConfig) -> None:
    few = planted.training.take(np.arange(3 * small_config.folds))
    assert len(set(few.doc_ids)) == small_config.folds
    first, second = (train(few, planted.library, CL100K, planted.teacher, small_config)[0] for _ in range(2))
    again = flat(second)
    for name, array in flat(first).items():
        assert np.isfinite(array).all(), name
        assert array.tobytes() == again[name].tobytes(), name


def test_too_few_documents_are_refused_with_how_many_it_takes(planted: Any, small_config: TrainConfig) -> None:
    few = planted.training.take(np.arange(3 * small_config.folds - 3))
    with pytest.raises(AtlasError, match=r"3 tagged documents are too few.*at least 4"):
        train(few, planted.library, CL100K, planted.teacher, small_config)
