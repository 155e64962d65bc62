"""The chunk stage: a batch of documents in, rows of schema CHUNKS out."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage, chunk_documents
from atlas.chunking.tokenizer import Tokenizer
from atlas.tables import CHUNKS, DOCUMENTS

CONFIG = ChunkConfig(target_tokens=16, max_tokens=32)
LONG = "The river runs through the valley. " * 12


def documents(texts: list[str], **carried: list[str | None]) -> pa.RecordBatch:
    ids = [f"document {number}" for number in range(len(texts))]
    sources = [None if number % 3 == 2 else f"source {number}" for number in range(len(texts))]
    fields = [*DOCUMENTS, *[pa.field(name, pa.string()) for name in carried]]
    columns = [pa.array(v, f.type) for v, f in zip([ids, texts, sources, *carried.values()], fields, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def test_chunk_documents_gives_rows_of_the_schema(cl100k: Tokenizer) -> None:
    chunked = chunk_documents(documents([LONG, "short", ""]), CONFIG, cl100k)
    assert chunked.columns.schema == CHUNKS
    chunked.columns.validate(full=True)
    assert len(chunked.tokens) == chunked.columns.num_rows


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=200) | st.just(LONG), max_size=6))
def test_chunk_rows_rebuild_every_document(texts: list[str], cl100k: Tokenizer) -> None:
    batch = documents(texts)
    chunked = chunk_documents(batch, CONFIG, cl100k)
    rows = chunked.columns.to_pylist()
    for number, text in enumerate(texts):
        own = [row for row in rows if row["doc_id"] == f"document {number}"]
        assert [row["chunk_id"] for row in own] == list(range(len(own)))
        assert "".join(row["text"] for row in own) == text
        assert all(row["text"] == text[row["char_start"] : row["char_end"]] for row in own)
        assert {row["source"] for row in own} == {batch.column("source")[number].as_py()}
    assert [row["doc_id"] for row in rows] == sorted(row["doc_id"] for row in rows)
    for row, tokens in zip(rows, chunked.tokens, strict=True):
        assert row["token_count"] == len(tokens)
        assert np.array_equal(tokens, cl100k.encode(row["text"]))


def test_carried_columns_are_repeated_on_each_chunk(cl100k: Tokenizer) -> None:
    chunked = chunk_documents(
        documents([LONG, "short", LONG], url=["a", None, "c"], lang=["en", "no", None]), CONFIG, cl100k
    )
    assert chunked.columns.schema.names == [*CHUNKS.names, "url", "lang"]
    rows = chunked.columns.to_pylist()
    assert {(row["doc_id"], row["url"], row["lang"]) for row in rows} == {
        ("document 0", "a", "en"),
        ("document 1", None, "no"),
        ("document 2", "c", None),
    }


def test_empty_document_has_one_row(cl100k: Tokenizer) -> None:
    (row,) = chunk_documents(documents([""]), CONFIG, cl100k).columns.to_pylist()
    assert (row["char_start"], row["char_end"], row["token_count"], row["status"]) == (0, 0, 0, "empty")


def test_batch_without_documents_has_no_rows(cl100k: Tokenizer) -> None:
    chunked = chunk_documents(documents([], url=[]), CONFIG, cl100k)
    assert (chunked.columns.num_rows, chunked.tokens) == (0, [])
    assert chunked.columns.schema.names == [*CHUNKS.names, "url"]


def test_batch_cut_anywhere_gives_the_same_rows(cl100k: Tokenizer) -> None:
    batch = documents([LONG, "short", "", LONG.upper()])
    whole = chunk_documents(batch, CONFIG, cl100k).columns
    for at in range(1, batch.num_rows):
        parts = [chunk_documents(piece, CONFIG, cl100k).columns for piece in (batch.slice(0, at), batch.slice(at))]
        assert pa.Table.from_batches(parts).combine_chunks().to_batches() == [whole]


def test_stage_sent_to_a_worker_does_what_it_does_here(cl100k: Tokenizer) -> None:
    stage = ChunkStage(CONFIG)
    sent = pickle.loads(pickle.dumps(stage))
    batch = documents([LONG, "short"], url=["a", "b"])
    assert sent.load()(batch) == chunk_documents(batch, CONFIG, cl100k).columns
    assert sent.load()(batch).schema == stage.schema(pa.schema([pa.field("url", pa.string())]))


def test_stage_identity_tells_sizes_and_tokenizers_apart(small_tokenizer_file: object) -> None:
    stages = [ChunkConfig(), ChunkConfig(target_tokens=90), ChunkConfig(max_tokens=210)]
    stages.append(ChunkConfig(tokenizer=str(small_tokenizer_file)))
    identities = [ChunkStage(config).identity() for config in stages]
    assert all(a != b for i, a in enumerate(identities) for b in identities[:i])
    assert identities[0] == ChunkStage(ChunkConfig()).identity()


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"target_tokens": 300}, "max_tokens (200) is below target_tokens (300); raise it or lower the target"),
        ({"target_tokens": 4}, "greater than or equal to 16"),
        ({"size": 100}, "Extra inputs are not permitted"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(settings_: dict[str, int], words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ChunkConfig(**settings_)
    assert words in str(raised.value)
