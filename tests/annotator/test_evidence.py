"""Evidence: a span of the chunk's own text for each of its concepts, and one that the concept rests on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.annotator.artefact import Annotator
from atlas.annotator.choose import Chosen
from atlas.annotator.evidence import STRIDE, WIDTH, located, logits_of, token_evidence, windows, without
from atlas.annotator.model import Scored, scored_logits
from atlas.annotator.stage import annotate_documents
from atlas.chunking.offsets import spans
from atlas.chunking.tokenizer import tokenizer
from atlas.tables import DOCUMENTS

CL100K = "cl100k_base"
MULTIBYTE = "Приливы приходят дважды в день 🌊🌊👩‍🚀 月が出ていた — ÿ "


def rows_of(annotator: Annotator, *texts: str) -> list[dict[str, Any]]:
    columns = [[f"d{n}" for n in range(len(texts))], texts, ["here"] * len(texts)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, DOCUMENTS, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=DOCUMENTS)
    return annotate_documents(batch, annotator, text=True, evidence=True).to_pylist()


def quotes(row: dict[str, Any]) -> list[str]:
    return [row["text"][a:b] for a, b in zip(row["evidence_starts"], row["evidence_ends"], strict=True)]


def all_given(annotator: Annotator) -> Annotator:
    weights = annotator.weights
    return replace(annotator, weights=weights._replace(thresholds=np.zeros_like(weights.thresholds)))


# What is found


def test_evidence_of_a_planted_topic_has_one_of_its_words(annotator: Annotator, planted: Any) -> None:
    held = []
    for row in rows_of(annotator, *planted.heldout.texts):
        assert len(row["evidence_starts"]) == len(row["concept_ids"])
        for concept_id, quote in zip(row["concept_ids"], quotes(row), strict=True):
            topic = set(planted.vocabularies[concept_id - 10])
            if topic & set(row["text"].split()):
                held.append(bool(topic & set(quote.split())))
    assert len(held) > 80
    assert np.mean(held) > 0.97


def test_no_window_does_better_than_the_evidence(annotator: Annotator, planted: Any) -> None:
    tokens = planted.heldout.tokens[:8]
    labels = Chosen(np.array([0, 3, 5] * 8, np.int32), np.zeros(24, np.float32), np.full(8, 3))
    starts, ends = token_evidence(annotator.weights, annotator.featurizer, tokens, labels)
    assert (ends - starts == WIDTH).all()
    for label, (chunk, column) in enumerate(zip(labels.rows, labels.columns, strict=True)):
        ids = tokens[chunk]
        left_out = [without(ids, start, start + WIDTH) for start in windows(len(ids))]
        found = scored_logits(annotator.weights, annotator.featurizer, left_out)
        left = logits_of(found, np.array([column]), 0, len(left_out))[:, 0]
        assert left[windows(len(ids)) == starts[label]] == pytest.approx(left.min(), abs=1e-3)


@pytest.mark.parametrize("size", [1, WIDTH - 1, WIDTH])
def test_short_chunk_is_its_own_evidence(annotator: Annotator, planted: Any, size: int) -> None:
    text = " ".join(planted.vocabularies[0][:size])
    [row] = rows_of(all_given(annotator), text)
    assert row["token_count"] <= WIDTH
    assert len(row["concept_ids"]) > 0
    assert set(quotes(row)) == {text}


def test_chunk_without_concepts_has_no_evidence(annotator: Annotator) -> None:
    rows = rows_of(all_given(annotator), "", "Some words that stand here.", " ")
    assert [len(row["evidence_starts"]) for row in rows] == [0, len(rows[1]["concept_ids"]), 0]


def test_evidence_does_not_depend_on_what_is_scored_together(annotator: Annotator, planted: Any) -> None:
    together = rows_of(annotator, *planted.heldout.texts)
    alone = [row for text in planted.heldout.texts[:20] for row in rows_of(annotator, text)]
    assert [quotes(row) for row in together[:20]] == [quotes(row) for row in alone]


# Windows and characters


@given(st.integers(0, 300))
def test_windows_cover_every_token_and_stay_within_the_chunk(count: int) -> None:
    starts = windows(count)
    assert (starts[0], starts[-1]) == (0, max(0, count - WIDTH))
    assert ((np.diff(starts) > 0) & (np.diff(starts) <= STRIDE)).all()


def test_concept_that_is_no_candidate_counts_as_lowest() -> None:
    found = Scored(np.array([0, 2, 2, 3]), np.array([7, 4, 4], np.int32), np.array([0.5, -1.0, 2.0], np.float32))
    left = logits_of(found, np.array([7, 1, 4], np.int32), 0, 3)
    lowest = -np.inf
    assert left.tolist() == [[0.5, lowest, -1.0], [lowest, lowest, lowest], [lowest, lowest, 2.0]]
    assert logits_of(found, np.array([4], np.int32), 2, 3).tolist() == [[2.0]]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_spans_of_tokens_are_whole_characters_that_cover_the_text(text: str) -> None:
    named = tokenizer(CL100K)
    starts, ends = spans(text, named.encode(text), named)
    assert (starts[0], ends[-1]) == (0, len(text))
    assert (starts < ends).all()
    assert (starts[1:] <= ends[:-1]).all()
    lengths = [len(text[a:b].encode()) for a, b in zip(starts, ends, strict=True)]
    assert (lengths >= named.byte_lengths(named.encode(text))).all()


def test_window_that_cuts_a_character_is_widened_to_all_of_it(annotator: Annotator, planted: Any) -> None:
    named = tokenizer(CL100K)
    text = "🧿" * 9 + " " + planted.heldout.texts[0]
    ids = named.encode(text)
    assert named.byte_lengths(ids)[:WIDTH].sum() % 4 != 0
    labels = Chosen(np.zeros(1, np.int32), np.zeros(1, np.float32), np.ones(1, np.int64))
    for begin in range(1, 4):
        starts, ends = spans(text, ids, named)
        first, last = starts[begin], ends[begin + WIDTH - 1]
        raw = b"".join(named._encoding.decode_single_token_bytes(i) for i in ids[begin : begin + WIDTH].tolist())
        assert raw in text[first:last].encode()
        assert len(text[first:last].encode()) - len(raw) < 8
    [start], [end] = located(annotator.weights, annotator.featurizer, [ids], [text], named, labels)
    assert 0 <= start < end <= len(text)


def test_spans_of_many_scripts_lie_within_the_text(annotator: Annotator, planted: Any) -> None:
    texts = [MULTIBYTE * repeat + planted.heldout.texts[n] + MULTIBYTE for n, repeat in enumerate((1, 2, 5, 1))]
    texts += [MULTIBYTE, "🌊", "🌊" * 40]
    rows = rows_of(all_given(annotator), *texts)
    assert sum(len(row["concept_ids"]) for row in rows) > len(texts)
    for row in rows:
        assert len(row["evidence_starts"]) == len(row["evidence_ends"]) == len(row["concept_ids"])
        for start, end in zip(row["evidence_starts"], row["evidence_ends"], strict=True):
            assert 0 <= start < end <= len(row["text"]) == row["char_end"] - row["char_start"]


def test_spans_of_a_tokenizer_from_a_file_are_its_own(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({"Über": 0, "月": 1, "?": 2}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    named = tokenizer(str(tmp_path / "tokenizer.json"))
    text = "Über 🌊 月"
    starts, ends = spans(text, named.encode(text), named)
    assert [text[a:b] for a, b in zip(starts, ends, strict=True)] == ["Über", "🌊", "月"]
