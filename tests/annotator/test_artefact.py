"""The annotator on disk: what was saved is what is loaded, to the bit, and what is damaged is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from atlas import verbs
from atlas.annotator import artefact
from atlas.annotator.arrays import flat
from atlas.annotator.artefact import CARD, CONFIG, MODEL, Annotator
from atlas.annotator.model import predict
from atlas.corpus.config import CorpusConfig
from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Concept, Library

CARD_CONTENT = {"chunks": 3}


def save(annotator: Annotator, folder: Path, **changes: Any) -> Path:
    weights = annotator.weights._replace(**changes)
    artefact.save(folder, weights, annotator.featurizer, annotator.settings, CARD_CONTENT)
    return folder


@pytest.fixture
def saved(annotator: Annotator, tmp_path: Path) -> Path:
    return save(annotator, tmp_path / "annotator")


def test_loaded_annotator_predicts_the_same_bits(annotator: Annotator, planted: Any, saved: Path) -> None:
    loaded = artefact.load(saved)
    saved_arrays, loaded_arrays = flat(annotator.weights), flat(loaded.weights)
    assert saved_arrays.keys() == loaded_arrays.keys()
    for name, before in saved_arrays.items():
        after = loaded_arrays[name]
        assert (before.dtype, before.shape) == (after.dtype, after.shape), name
        assert before.tobytes() == after.tobytes(), name
    tokens = planted.heldout.tokens
    before = predict(annotator.weights, annotator.featurizer, tokens)
    assert predict(loaded.weights, loaded.featurizer, tokens).tobytes() == before.tobytes()


def test_loaded_annotator_knows_its_settings_and_library(annotator: Annotator, planted: Any, saved: Path) -> None:
    loaded = artefact.load(saved)
    assert annotator.settings.items() <= loaded.settings.items()
    assert loaded.library_digest == planted.library.digest
    assert loaded.featurizer == annotator.featurizer
    assert json.loads((saved / CARD).read_text()) == CARD_CONTENT


def test_loaded_arrays_are_mapped_from_the_file_and_cannot_be_written_to(saved: Path) -> None:
    for name, array in flat(artefact.load(saved).weights).items():
        assert not array.flags.writeable, name
        assert not array.flags.owndata, name
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_saved_twice_is_the_same_bytes_and_digest(annotator: Annotator, saved: Path, tmp_path: Path) -> None:
    again = save(annotator, tmp_path / "again")
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in saved.iterdir()}
    assert artefact.digest(again) == artefact.digest(saved)


def test_digest_follows_weights_and_settings_and_not_the_card(annotator: Annotator, saved: Path) -> None:
    first = artefact.digest(saved)
    (saved / CARD).write_text("{}")
    assert artefact.digest(saved) == first
    save(annotator, saved, thresholds=annotator.weights.thresholds + np.float32(0.01))
    second = artefact.digest(saved)
    assert second != first
    described = json.loads((saved / CONFIG).read_text())
    (saved / CONFIG).write_text(json.dumps(described | {"key": "another"}))
    assert artefact.digest(saved) not in (first, second)


def test_annotator_is_written_without_pickle(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == {CONFIG, MODEL, CARD}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused_by_name(saved: Path, share: float) -> None:
    whole = (saved / MODEL).read_bytes()
    (saved / MODEL).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(AtlasError, match=rf"{MODEL}: is damaged or incomplete.*train the annotator again"):
        artefact.load(saved)


@pytest.mark.parametrize("name", ["thresholds", "tables.centroids.values", "judges.sieve.mean"])
def test_weights_that_lack_an_array_are_refused_by_its_name(saved: Path, name: str) -> None:
    from safetensors.numpy import load_file, save_file

    arrays = load_file(saved / MODEL)
    del arrays[name]
    save_file(arrays, saved / MODEL)
    with pytest.raises(AtlasError, match=rf"damaged or incomplete.*{name}.*train the annotator again"):
        artefact.load(saved)


def test_weights_of_a_kind_that_no_annotator_has_are_refused_by_name(saved: Path) -> None:
    from safetensors.numpy import load_file, save_file

    arrays = load_file(saved / MODEL)
    save_file(arrays | {"thresholds": arrays["thresholds"].astype(np.float16)}, saved / MODEL)
    with pytest.raises(AtlasError, match=rf"{MODEL}: is damaged or incomplete"):
        artefact.load(saved)


def test_weights_for_features_of_another_width_are_refused(annotator: Annotator, tmp_path: Path) -> None:
    narrow = save(annotator, tmp_path / "narrow", idf=annotator.weights.idf[:-1])
    with pytest.raises(AtlasError, match="train"):
        artefact.load(narrow)


@pytest.mark.parametrize("missing", [CONFIG, MODEL])
def test_missing_file_is_named(saved: Path, missing: str) -> None:
    (saved / missing).unlink()
    with pytest.raises(AtlasError, match=missing):
        artefact.load(saved)


def test_folder_without_an_annotator_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="atlas train"):
        artefact.load(tmp_path)


@pytest.mark.parametrize(
    "content", ['{"format": 99}', '{"format": 1}', "{}", "[]", "null", '"x"', '{"format": 1', "\x00"]
)
def test_config_of_a_foreign_format_is_refused_by_name(saved: Path, content: str) -> None:
    (saved / CONFIG).write_text(content)
    for read in (artefact.load, artefact.digest, artefact.read_settings):
        with pytest.raises(AtlasError, match=r"config\.json"):
            read(saved)


# Only with its own library


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    store.save(Library((Concept(1, "content", "Tides", "Rise and fall."),)), tmp_path / "stranger")
    return tmp_path / "stranger"


def test_annotate_with_another_library_is_refused_before_anything_is_written(
    saved: Path, stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / "corpus.txt").write_text("Some text.")
    corpus = CorpusConfig(path=str(tmp_path / "corpus.txt"))
    with pytest.raises(AtlasError, match="was trained with library"):
        verbs.annotate(corpus, saved, tmp_path / "out", library=stranger)
    assert not (tmp_path / "out").exists()


def test_evaluate_with_another_library_is_refused(saved: Path, stranger: Path, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="was trained with library"):
        verbs.evaluate(saved, tmp_path / "tags", stranger, tmp_path / "evaluation.json")
    assert not (tmp_path / "evaluation.json").exists()


def test_annotate_with_its_own_library_runs(saved: Path, planted: Any, tmp_path: Path) -> None:
    store.save(planted.library, tmp_path / "library")
    (tmp_path / "corpus.txt").write_text(planted.heldout.texts[0])
    corpus = CorpusConfig(path=str(tmp_path / "corpus.txt"))
    result = verbs.annotate(corpus, saved, tmp_path / "out", library=tmp_path / "library")
    assert result.balanced
    [part] = result.parts
    assert set(pq.read_table(part)["concept_ids"][0].as_py()) <= set(planted.library.by_id)
