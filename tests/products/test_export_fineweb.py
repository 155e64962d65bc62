"""The public FineWeb Atlas layout: names, types, and values that its users' code reads."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from export_run import FACETS, LABELLED, annotated, in_small_row_groups, rewrite, rows

from atlas.errors import AtlasError
from atlas.products.fineweb import fineweb

# As the public card declares them.
PUBLIC = {
    "fineweb-concept-atlas.parquet": "concept_id uint32, concept_type string, name string, description string, "
    "taxonomy_lcc_path_primary string, chunk_count int64, chunk_prevalence double",
    "fineweb-atlas-documents/shard_0000.parquet": "document_text string, doc_int_id int32, chunk_count int32, "
    "document_token_count int32, chunk_char_starts list<int32>, chunk_token_starts list<int32>, "
    "chunk_token_counts list<int32>, has_long_chunk bool, has_segmentation_error bool, content_ids list<int64>, "
    "tone_ids list<int64>, document_ids list<int64>, entity_ids list<int64>",
    "fineweb-atlas-annotated/shard_0000.parquet": "doc_int_id int32, chunk_id int16, chunk_text string, "
    "chunk_token_start int32, chunk_token_end int32, chunk_token_count int32, chunk_status string, "
    "tone_ids list<int64>, entity_ids list<int64>, content_ids list<int64>, document_ids list<int64>",
}
TYPES = {"content": "content", "entity": "entity", "tone": "tone", "form": "document"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = annotated(tmp_path_factory.mktemp("run"))
    in_small_row_groups(folder, 7)
    return folder


@pytest.fixture(scope="module")
def out(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fineweb")
    fineweb(run, LABELLED, folder)
    return folder


def by_document(run: Path) -> list[list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows(run):
        found.setdefault(row["doc_id"], []).append(row)
    return list(found.values())


def of_facet(ids: list[int], facet: str) -> list[int]:
    return [id_ for id_ in ids if FACETS[id_] == facet]


@pytest.mark.parametrize("name", PUBLIC)
def test_columns_have_the_public_names_types_and_order(name: str, out: Path) -> None:
    schema = pq.read_schema(out / name)
    said = [f"{f.name} {f'list<{f.type.value_type}>' if pa.types.is_list(f.type) else f.type}" for f in schema]
    assert ", ".join(said) == PUBLIC[name]


def test_chunks_are_those_of_the_run(run: Path, out: Path) -> None:
    found = pq.read_table(out / "fineweb-atlas-annotated").to_pylist()
    expected = []
    for number, chunks in enumerate(by_document(run)):
        start = 0
        for row in chunks:
            end = start + row["token_count"]
            expected.append(
                {
                    "doc_int_id": number,
                    "chunk_id": row["chunk_id"],
                    "chunk_text": row["text"],
                    "chunk_token_start": start,
                    "chunk_token_end": end,
                    "chunk_token_count": row["token_count"],
                    "chunk_status": row["status"],
                    **{f"{word}_ids": of_facet(row["concept_ids"], facet) for facet, word in TYPES.items()},
                }
            )
            start = end
    assert found == expected


def test_documents_are_their_chunks_joined(run: Path, out: Path) -> None:
    found = pq.read_table(out / "fineweb-atlas-documents").to_pylist()
    documents = by_document(run)
    assert [row["doc_int_id"] for row in found] == list(range(len(documents)))
    for row, chunks in zip(found, documents, strict=True):
        assert row["document_text"] == "".join(chunk["text"] for chunk in chunks)
        counts = [chunk["token_count"] for chunk in chunks]
        assert row["chunk_token_counts"] == counts
        assert row["chunk_token_starts"] == [sum(counts[:n]) for n in range(len(counts))]
        assert row["chunk_char_starts"] == [chunk["char_start"] for chunk in chunks]
        assert (row["chunk_count"], row["document_token_count"]) == (len(chunks), sum(counts))
        assert (row["has_long_chunk"], row["has_segmentation_error"]) == (False, False)
        best: dict[int, float] = {}
        for chunk in chunks:
            for id_, score in zip(chunk["concept_ids"], chunk["scores"], strict=True):
                best[id_] = max(score, best.get(id_, 0.0))
        ranked = sorted(best, key=lambda id_: (-best[id_], id_))
        for facet, word in TYPES.items():
            assert row[f"{word}_ids"] == of_facet(ranked, facet)


def test_concepts_count_the_chunks_of_the_run(run: Path, out: Path) -> None:
    found = {row["concept_id"]: row for row in pq.read_table(out / "fineweb-concept-atlas.parquet").to_pylist()}
    plain = rows(run)
    assert sorted(found) == [1, 2, 3, 4, 5, 7]  # 6 is retired, and on no chunk
    for id_, row in found.items():
        count = sum(id_ in chunk["concept_ids"] for chunk in plain)
        assert (row["chunk_count"], row["chunk_prevalence"]) == (count, count / len(plain))
        assert row["name"] == LABELLED.by_id[id_].name
    assert found[4]["concept_type"] == "document"
    assert found[1]["taxonomy_lcc_path_primary"] == "Naval science"


def test_field_guide_leads_to_the_best_chunks(run: Path, out: Path) -> None:
    guide = pq.read_table(out / "fineweb-atlas-annotated-reverse-index").to_pylist()
    chunks = {(c["doc_int_id"], c["chunk_id"]): c for c in pq.read_table(out / "fineweb-atlas-annotated").to_pylist()}
    assert len(guide) == sum(len(row["concept_ids"]) for row in rows(run))
    for entry in guide:
        lists = chunks[entry["doc_int_id"], entry["chunk_id"]]
        assert entry["concept_id"] in lists[f"{TYPES[FACETS[entry['concept_id']]]}_ids"]
    for id_ in FACETS:
        scores = [entry["score"] for entry in guide if entry["concept_id"] == id_]
        assert scores == sorted(scores, reverse=True)


def test_code_of_the_public_release_s_users_runs(out: Path, tmp_path: Path) -> None:
    def read(files: str) -> Any:
        return load_dataset("parquet", data_files=str(out / files), split="train", cache_dir=str(tmp_path))

    names = {row["concept_id"]: row["name"] for row in read("fineweb-concept-atlas.parquet")}
    chunks = read("fineweb-atlas-annotated/*.parquet").filter(lambda row: row["chunk_status"] == "ok")
    documents = read("fineweb-atlas-documents/*.parquet")
    for chunk in chunks.select(range(20)):
        document = documents[chunk["doc_int_id"]]
        start = document["chunk_char_starts"][chunk["chunk_id"]]
        assert document["document_text"][start : start + len(chunk["chunk_text"])] == chunk["chunk_text"]
        ids = [id_ for word in ("content", "tone", "document", "entity") for id_ in chunk[f"{word}_ids"]]
        assert all(names[id_] for id_ in ids)


def test_extras_go_behind_the_public_columns(run: Path, out: Path, tmp_path: Path) -> None:
    fineweb(run, LABELLED, tmp_path, extras=True)
    plain, more = (pq.read_table(folder / "fineweb-atlas-annotated") for folder in (out, tmp_path))
    assert more.select(plain.schema.names).equals(plain)
    assert more.schema.names[len(plain.schema.names) :][:2] == ["doc_id", "source"]
    first = next(row for row in rows(run) if of_facet(row["concept_ids"], "content"))
    scores = dict(zip(first["concept_ids"], first["scores"], strict=True))
    exported = next(row for row in more.to_pylist() if row["content_ids"])
    assert exported["content_scores"] == [scores[id_] for id_ in exported["content_ids"]]
    assert exported["doc_id"] == first["doc_id"]


def test_run_without_texts_is_refused(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=2, files=1, text=False)
    with pytest.raises(AtlasError, match="has no column text, which this layout has: annotate with --chunk-text"):
        fineweb(run, LABELLED, tmp_path / "out")


def test_document_of_too_many_chunks_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=1, files=1)
    part = next((run / "parts").iterdir())
    table = pq.read_table(part)
    numbers = pa.array([0, 1 << 15], pa.int32())
    table = table.set_column(1, table.schema.field("chunk_id"), numbers)
    rewrite(part, table)
    with pytest.raises(AtlasError, match="document of 32,769 chunks or more, but chunk_id is int16"):
        fineweb(run, LABELLED, tmp_path / "out")
    assert not (tmp_path / "out").exists()
