"""Concepts that were considered and not given: beside those that were, and only where they are asked for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from atlas import verbs
from atlas.annotator import artefact
from atlas.annotator.artefact import Annotator
from atlas.annotator.choose import MOST_REJECTED, given, rejected
from atlas.annotator.model import Scored
from atlas.annotator.stage import AnnotateStage, annotate_documents, score_chunks
from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.corpus.config import CorpusConfig
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import quarantined
from atlas.tables import DOCUMENTS, annotations

CHOICES = [{}, {"rejected": True}, {"evidence": True}, {"rejected": True, "evidence": True}]


def documents(*texts: str) -> pa.RecordBatch:
    columns = [[f"d{n}" for n in range(len(texts))], texts, ["here"] * len(texts)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, DOCUMENTS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=DOCUMENTS)


def rows_of(annotator: Annotator, *texts: str) -> list[dict[str, Any]]:
    return annotate_documents(documents(*texts), annotator, text=True, rejected=True).to_pylist()


@pytest.fixture
def saved(annotator: Annotator, tmp_path: Path) -> Path:
    artefact.save(tmp_path / "annotator", annotator.weights, annotator.featurizer, annotator.settings, {})
    return tmp_path / "annotator"


def rows_in(out: Path) -> list[dict[str, Any]]:
    rows = [row for part in (out / "parts").glob("*.parquet") for row in pq.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: (row["doc_id"], row["chunk_id"]))


def test_no_concept_is_both_given_and_rejected(annotator: Annotator, planted: Any) -> None:
    rows = rows_of(annotator, *planted.heldout.texts)
    assert sum(len(row["rejected_ids"]) for row in rows) > len(rows)
    for row in rows:
        assert len(set(row["rejected_ids"])) == len(row["rejected_ids"]) <= MOST_REJECTED
        assert not set(row["rejected_ids"]) & set(row["concept_ids"])


def test_rejected_are_the_candidates_below_their_threshold_most_likely_first(
    annotator: Annotator, planted: Any
) -> None:
    tokens = planted.heldout.tokens
    found = score_chunks(tokens, annotator)
    rows = rows_of(annotator, *planted.heldout.texts)
    for chunk, row in enumerate(rows):
        own = slice(found.starts[chunk], found.starts[chunk + 1])
        columns = found.columns[own]
        missed = found.scores[own] < annotator.weights.thresholds[columns]
        scores = dict(
            zip(annotator.weights.concept_ids[columns[missed]].tolist(), found.scores[own][missed], strict=True)
        )
        assert set(row["rejected_ids"]) == set(scores)
        assert [scores[id_] for id_ in row["rejected_ids"]] == sorted(scores.values(), reverse=True)


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Scored, np.ndarray, np.ndarray]:
    """Candidates of some chunks among 40 concepts, thresholds, and which chunks are empty."""
    generator = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    sizes = generator.integers(0, 41, draw(st.integers(0, 4)))
    columns = [generator.permutation(40)[:size] for size in sizes]
    scores = generator.integers(0, 8, sizes.sum()) / np.float32(8)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    flat = np.concatenate([np.zeros(0, np.int64), *columns]).astype(np.int32)
    thresholds = generator.integers(0, 9, 40) / np.float32(8)
    return Scored(starts, flat, scores), thresholds, generator.random(len(sizes)) < 0.3


@drawn(candidates())
def test_choice_splits_candidates_at_their_thresholds(case: tuple[Scored, np.ndarray, np.ndarray]) -> None:
    found, thresholds, empty = case
    yes, no = given(found, thresholds, empty), rejected(found, thresholds, empty)
    assert (yes.scores >= thresholds[yes.columns]).all()
    assert (no.scores < thresholds[no.columns]).all()
    for chosen in (yes, no):
        assert chosen.sizes.sum() == len(chosen.columns) == len(chosen.scores)
        assert not chosen.sizes[empty].any()
        assert (np.diff(chosen.scores)[np.diff(chosen.rows) == 0] <= 0).all()
    assert no.sizes.max(initial=0) <= MOST_REJECTED
    few = np.diff(found.starts) <= MOST_REJECTED
    assert (yes.sizes + no.sizes)[few & ~empty].tolist() == np.diff(found.starts)[few & ~empty].tolist()


@pytest.mark.parametrize("text", ["", "\n \t"])
def test_empty_chunk_rejects_nothing(annotator: Annotator, text: str) -> None:
    weights = annotator.weights
    strict = replace(annotator, weights=weights._replace(thresholds=np.full_like(weights.thresholds, 2.0)))
    empty, filled = rows_of(strict, text, "Some words that stand here.")
    assert (empty["status"], empty["concept_ids"], empty["rejected_ids"]) == ("empty", [], [])
    assert (filled["concept_ids"], len(filled["rejected_ids"])) == ([], 6)


# Only where it is asked for


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("choice", CHOICES)
def test_rows_follow_the_schema_of_each_choice(
    annotator: Annotator, planted: Any, text: bool, choice: dict[str, bool]
) -> None:
    batch = annotate_documents(documents(*planted.heldout.texts[:3], ""), annotator, text=text, **choice)
    assert batch.schema.equals(AnnotateStage("x", text, **choice).schema(pa.schema([])))
    batch.validate(full=True)
    plain = annotate_documents(documents(*planted.heldout.texts[:3], ""), annotator, text=text)
    assert batch.select(plain.schema.names).equals(plain)
    none = annotate_documents(documents(), annotator, text=text, **choice)
    assert (none.num_rows, none.schema) == (0, batch.schema)


def test_without_a_choice_schema_and_identity_are_what_they_always_were(saved: Path) -> None:
    assert annotations(text=True).names[-3:] == ["concept_ids", "scores", "text"]
    assert set(AnnotateStage(str(saved)).identity()) == {"chunk", "tokenizer", "annotator", "library", "text"}


def test_every_choice_is_another_run(saved: Path) -> None:
    identities = [json.dumps(AnnotateStage(str(saved), **choice).identity()) for choice in CHOICES]
    assert len(set(identities)) == len(CHOICES)


@pytest.mark.parametrize("name", ["rejected_ids", "evidence_starts", "evidence_ends"])
def test_carried_column_may_not_have_the_name_of_one_of_these(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' would take the place"):
        CorpusConfig(path="x", carry=(name,))


# Through a run


def test_run_that_chooses_anew_is_made_anew_and_again_is_kept(saved: Path, planted: Any, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text(planted.heldout.texts[0])
    corpus = CorpusConfig(path=str(tmp_path / "corpus.txt"))
    done = []
    for choice in ({}, {}, CHOICES[3], CHOICES[3], {}):
        result = verbs.annotate(corpus, saved, tmp_path / "out", **choice)
        done.append(result.units_done_before)
        [row] = rows_in(tmp_path / "out")
        assert ("rejected_ids" in row, "evidence_starts" in row) == (bool(choice), bool(choice))
    assert done == [0, 1, 0, 1, 0]
    assert set(json.loads((tmp_path / "out/run.json").read_text())["recipe"]) == {"corpus", "model", "text"}


def test_retry_keeps_the_choice(saved: Path, planted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"a": planted.heldout.texts[0], "b": planted.heldout.texts[1]}
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts.items()))
    corpus = CorpusConfig(path=str(tmp_path / "corpus.jsonl"), id="id")
    whole = tmp_path / "whole"
    verbs.annotate(corpus, saved, whole, rejected=True, evidence=True)
    with monkeypatch.context() as patched:
        patched.setattr("atlas.annotator.stage.annotate_documents", refuse("b"))
        verbs.annotate(corpus, saved, tmp_path / "out", rejected=True, evidence=True)
    assert [row["doc_id"] for row in quarantined(RunFolder.at(tmp_path / "out"))] == ["b"]
    assert verbs.retry(tmp_path / "out").mended == 1
    assert verbs.status(tmp_path / "out", verify=True).complete
    for ours, wanted in zip(rows_in(tmp_path / "out"), rows_in(whole), strict=True):
        assert ours.pop("scores") == pytest.approx(wanted.pop("scores"), abs=1e-5)  # one alone is rounded otherwise
        assert ours == wanted


def refuse(doc_id: str) -> Any:
    """Annotating as it is, but for one document that it cannot do."""

    def annotate(batch: pa.RecordBatch, *arguments: Any, **settings: Any) -> pa.RecordBatch:
        if doc_id in batch.column("doc_id").to_pylist():
            raise ValueError("refused")
        return annotate_documents(batch, *arguments, **settings)

    return annotate


@pytest.mark.parametrize("flags", [[], ["--rejected"], ["--evidence"], ["--rejected", "--evidence"]])
def test_flags_reach_the_parts(saved: Path, planted: Any, tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "corpus.txt").write_text("".join(planted.heldout.texts[:6]))
    command = ["annotate", str(tmp_path / "corpus.txt"), "--model", str(saved), "--out", str(tmp_path / "out"), "-q"]
    assert complain_on_error(lambda: app([*command, *flags, "--dry-run"])) == 0
    assert not (tmp_path / "out").exists()
    assert complain_on_error(lambda: app([*command, *flags])) == 0
    [part] = (tmp_path / "out" / "parts").glob("*.parquet")
    optional = {"--rejected": {"rejected_ids"}, "--evidence": {"evidence_starts", "evidence_ends"}}
    names = set(pq.read_schema(part).names) - set(annotations(text=True).names)
    assert names == set().union(*(optional[flag] for flag in flags))
    assert complain_on_error(lambda: app(["status", str(tmp_path / "out"), "--verify"])) == 0
