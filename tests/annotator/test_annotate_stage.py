"""The annotate stage: documents in, chunks with concepts out, nothing lost on the way."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.choose import MAX_LABELS
from atlas.annotator.config import TrainConfig
from atlas.annotator.model import predict, scored
from atlas.annotator.stage import SCORED_TOGETHER, AnnotateStage, annotate_documents, label_chunks
from atlas.annotator.train import train
from atlas.library.concept import Concept, Library
from atlas.tables import DOCUMENTS, annotations


def documents(*texts: str, **extra: list[str]) -> pa.RecordBatch:
    fields = [*DOCUMENTS, *(pa.field(name, pa.string()) for name in extra)]
    columns = [[f"d{n}" for n in range(len(texts))], texts, ["here"] * len(texts), *extra.values()]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def rows_of(annotator: Annotator, *texts: str) -> list[dict[str, Any]]:
    return annotate_documents(documents(*texts), annotator, text=True).to_pylist()


def with_thresholds(annotator: Annotator, value: float) -> Annotator:
    same = np.full_like(annotator.weights.thresholds, value)
    return replace(annotator, weights=annotator.weights._replace(thresholds=same))


def test_documents_come_out_as_chunks_that_are_the_text(annotator: Annotator, planted: Any) -> None:
    texts = [" ".join(planted.heldout.texts[n : n + 9]) for n in (0, 9, 18)]
    rows = rows_of(annotator, *texts)
    assert len(rows) > 3
    for number, text in enumerate(texts):
        ours = [row for row in rows if row["doc_id"] == f"d{number}"]
        assert [row["chunk_id"] for row in ours] == list(range(len(ours)))
        assert "".join(row["text"] for row in ours) == text
        assert all(text[row["char_start"] : row["char_end"]] == row["text"] for row in ours)


def test_concepts_are_known_best_first_and_above_their_threshold(annotator: Annotator, planted: Any) -> None:
    rows = rows_of(annotator, *planted.heldout.texts)
    thresholds = dict(zip(annotator.weights.concept_ids.tolist(), annotator.weights.thresholds.tolist(), strict=True))
    assert sum(len(row["concept_ids"]) for row in rows) > len(rows) / 2
    for row in rows:
        assert len(set(row["concept_ids"])) == len(row["concept_ids"]) == len(row["scores"])
        assert row["scores"] == sorted(row["scores"], reverse=True)
        for concept_id, score in zip(row["concept_ids"], row["scores"], strict=True):
            assert thresholds[concept_id] <= score < 1


def test_planted_topics_are_given_to_most_chunks(annotator: Annotator, planted: Any) -> None:
    rows = rows_of(annotator, *planted.heldout.texts)
    ids, truth = np.array(list(planted.library.by_id)), planted.heldout.labels.toarray()
    right = sum(len(set(row["concept_ids"]) & set(ids[truth[int(row["doc_id"][1:])]].tolist())) for row in rows)
    assert right / truth.sum() > 0.6  # training has seven of ten labels, and thresholds are for the best F1


@pytest.mark.parametrize("text", ["", " ", "\n\n\t"])
def test_empty_document_has_one_row_without_concepts(annotator: Annotator, text: str) -> None:
    rows = rows_of(with_thresholds(annotator, 0.0), text, "Some words that stand here.")
    assert [(row["doc_id"], row["status"] == "empty", len(row["concept_ids"])) for row in rows] == [
        ("d0", True, 0),
        ("d1", False, 6),
    ]
    assert rows[0]["text"] == text


@pytest.fixture(scope="module")
def wide(planted: Any, small_config: TrainConfig) -> Annotator:
    """An annotator of many concepts, each of which holds where a topic does."""
    copies = 2 * MAX_LABELS // 6 + 1
    labels = sparse.hstack([planted.training.labels] * copies, format="csr")
    library = Library(tuple(Concept(n, "content", f"Matter {n}", "A topic.") for n in range(1, 6 * copies + 1)))
    training = replace(planted.training, labels=labels)
    weights, featurizer, _ = train(training, library, "cl100k_base", planted.teacher, small_config)
    return Annotator(weights, featurizer, {}, "d")


def test_no_chunk_has_more_than_the_most_labels_and_those_are_the_best(wide: Annotator, planted: Any) -> None:
    tokens = planted.heldout.tokens[:5]
    candidates = scored(wide.weights, wide.featurizer, tokens)
    assert np.diff(candidates.starts).min() > MAX_LABELS
    found, probabilities, sizes = label_chunks(tokens, np.zeros(5, dtype=bool), with_thresholds(wide, 0.0))
    assert sizes.tolist() == [MAX_LABELS] * 5
    assert len(found) == len(probabilities) == 5 * MAX_LABELS
    for chunk in range(5):
        own = candidates.scores[candidates.starts[chunk] : candidates.starts[chunk + 1]]
        best = -np.sort(-own)[:MAX_LABELS]
        assert probabilities[MAX_LABELS * chunk : MAX_LABELS * (chunk + 1)].tolist() == best.tolist()


def test_scores_of_candidates_are_those_of_the_dense_prediction(annotator: Annotator, planted: Any) -> None:
    dense = predict(annotator.weights, annotator.featurizer, planted.heldout.tokens)
    sparsely = scored(annotator.weights, annotator.featurizer, planted.heldout.tokens)
    assert sparsely.scores.tolist() == dense[sparsely.rows, sparsely.columns].tolist()
    assert len(sparsely.scores) > len(dense)


def test_chunk_that_is_said_to_be_empty_gets_no_concept(annotator: Annotator, planted: Any) -> None:
    tokens = planted.heldout.tokens[:3]
    empty = np.array([False, True, False])
    _, _, sizes = label_chunks(tokens, empty, with_thresholds(annotator, 0.0))
    assert (sizes > 0).tolist() == [True, False, True]


def test_more_chunks_than_are_scored_together_come_out_in_order(annotator: Annotator, planted: Any) -> None:
    tokens = (planted.heldout.tokens * 8)[: 2 * SCORED_TOGETHER + 3]
    ids, scores, sizes = label_chunks(tokens, np.zeros(len(tokens), dtype=bool), annotator)
    assert len(sizes) == len(tokens)
    assert sizes.sum() == len(ids) == len(scores)
    period = len(planted.heldout.tokens)
    assert sizes[period : 2 * period].tolist() == sizes[:period].tolist()
    assert ids[sizes[:period].sum() : sizes[: 2 * period].sum()].tolist() == ids[: sizes[:period].sum()].tolist()


def test_no_document_gives_no_row(annotator: Annotator) -> None:
    batch = annotate_documents(documents(), annotator, text=True)
    assert batch.num_rows == 0
    assert batch.schema.equals(annotations(text=True))


@pytest.mark.parametrize("text", [True, False])
def test_rows_follow_the_schema_with_and_without_text(annotator: Annotator, tmp_path: Path, text: bool) -> None:
    batch = annotate_documents(documents("Some words.", licence=["MIT"]), annotator, text=text)
    stage = AnnotateStage(str(tmp_path), text)
    assert batch.schema.equals(stage.schema(pa.schema([pa.field("licence", pa.string())])))
    assert ("text" in batch.schema.names) == text
    assert batch.column("licence").to_pylist() == ["MIT"]
    batch.validate(full=True)


def test_stage_loads_what_was_saved_and_says_what_it_depends_on(annotator: Annotator, tmp_path: Path) -> None:
    artefact.save(tmp_path, annotator.weights, annotator.featurizer, annotator.settings, {})
    stage = AnnotateStage(str(tmp_path))
    batch = documents("Some words that stand here.")
    assert stage.load()(batch).equals(annotate_documents(batch, annotator, text=True))
    identity = stage.identity()
    assert identity["annotator"] == artefact.digest(tmp_path)
    assert identity["library"] == annotator.library_digest
    assert identity["chunk"] == annotator.settings["chunk"]
    assert AnnotateStage(str(tmp_path), text=False).identity() != identity


def test_chunk_has_the_same_bits_alone_as_beside_others(annotator: Annotator, planted: Any) -> None:
    together = scored(annotator.weights, annotator.featurizer, planted.heldout.tokens)
    for chunk in range(0, len(planted.heldout.tokens), 7):
        alone = scored(annotator.weights, annotator.featurizer, [planted.heldout.tokens[chunk]])
        mine = slice(together.starts[chunk], together.starts[chunk + 1])
        assert alone.columns.tolist() == together.columns[mine].tolist()
        assert alone.scores.tobytes() == together.scores[mine].tobytes()
