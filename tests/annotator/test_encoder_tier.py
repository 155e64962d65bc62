"""The encoder tier: what the sentence model says of a chunk counts, in training, evaluation and annotating."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.config import TrainConfig
from atlas.annotator.distill import OPENING_CHARACTERS, Teacher, opening_of, read
from atlas.annotator.evaluate import evaluate
from atlas.annotator.model import pairs
from atlas.annotator.stage import annotate_documents
from atlas.annotator.train import train
from atlas.annotator.views import NOT_READ, V
from atlas.chunking.config import ChunkConfig
from atlas.tables import DOCUMENTS


@pytest.fixture(scope="module")
def encoder_tier(planted: Any) -> Annotator:
    config = TrainConfig(tier="encoder", bigram_buckets=1024, dimensions=16)
    weights, featurizer, _ = train(planted.training, planted.library, "cl100k_base", planted.teacher, config)
    settings = {
        "library_digest": planted.library.digest,
        "chunk": ChunkConfig().model_dump(mode="json"),
        "train": config.model_dump(mode="json"),
    }
    return Annotator(weights, featurizer, settings, "d", planted.teacher.embed)


def test_views_of_meaning_are_the_models_cosines(encoder_tier: Annotator, planted: Any) -> None:
    said = encoder_tier.read(planted.heldout.texts[:9])
    found = pairs(encoder_tier.weights, encoder_tier.featurizer, planted.heldout.tokens[:9], said)
    wanted = np.einsum("pd,pd->p", said[found.rows, 0], encoder_tier.weights.meaning[found.columns])
    assert found.views[:, V["meaning"]] == pytest.approx(wanted, abs=1e-5)
    summed = pairs(encoder_tier.weights, encoder_tier.featurizer, planted.heldout.tokens[:9])
    assert found.columns.tolist() == summed.columns.tolist()
    assert (found.views[:, V["meaning"]] != summed.views[:, V["meaning"]]).any()


def test_reading_gives_rows_of_length_one_for_the_chunk_and_its_opening(planted: Any, random_teacher: Teacher) -> None:
    mean, axes = np.zeros(16, dtype=np.float32), np.eye(16, dtype=np.float32)[:, :8]
    said = read(planted.heldout.texts[:5], random_teacher.embed, mean, axes)
    assert (said.shape, said.dtype) == ((5, 2, 8), np.float32)
    assert np.linalg.norm(said, axis=2) == pytest.approx(1, abs=1e-5)


def test_opening_ends_between_words() -> None:
    text = "word " * 100
    assert text.startswith(opening_of(text) + " ")
    assert OPENING_CHARACTERS - 6 < len(opening_of(text)) <= OPENING_CHARACTERS
    assert opening_of("two words") == "two words"


def test_evaluation_names_the_tier_and_it_finds_what_was_planted(encoder_tier: Annotator, planted: Any) -> None:
    found = evaluate(encoder_tier, planted.training, planted.heldout, planted.library, None)
    assert found.systems[0]["system"] == "atlas-encoder"
    assert found.systems[0]["p@1"] > 0.8


def test_annotating_reads_the_chunks(encoder_tier: Annotator, planted: Any) -> None:
    heard: list[str] = []

    def embed(texts: Any) -> np.ndarray:
        heard.extend(texts)
        return planted.teacher.embed(texts)

    columns = [["d"], [planted.heldout.texts[0]], ["here"]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, DOCUMENTS, strict=True)]
    documents = pa.RecordBatch.from_arrays(arrays, schema=DOCUMENTS)
    listening = Annotator(encoder_tier.weights, encoder_tier.featurizer, encoder_tier.settings, "d", embed)
    batch = annotate_documents(documents, listening, text=True)
    assert batch.column("text").to_pylist()[0] in heard
    assert batch.equals(annotate_documents(documents, encoder_tier, text=True))


def test_saved_tier_is_told_by_its_config(encoder_tier: Annotator, annotator: Annotator, tmp_path: Path) -> None:
    for name, made in (("encoder", encoder_tier), ("fast", annotator)):
        artefact.save(tmp_path / name, made.weights, made.featurizer, made.settings, {})
        assert artefact.read_settings(tmp_path / name)["tier"] == name
    assert artefact.load(tmp_path / "fast").embed is None
    assert artefact.load(tmp_path / "encoder").embed is not None
    assert annotator.read(["x"]) is NOT_READ
