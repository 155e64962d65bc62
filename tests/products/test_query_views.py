"""SQL over a run gives what its parts hold, with the names that ids have today, and changes nothing."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from labelled_run import LIBRARY, Labels, labelled_run

from atlas import verbs
from atlas.errors import AtlasError
from atlas.library import edit, store
from atlas.library.concept import Library
from atlas.products.query.asked import asked
from atlas.products.query.connection import Limits, answer, connected
from atlas.products.remap import remap

EDITED = edit.retire(edit.merge(LIBRARY, ["Tides", "High water"]).library, "Rope").library
Rows = list[dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    labelled_run(tmp_path)
    store.save(LIBRARY, tmp_path / "library")
    return tmp_path / "run"


def parts(run: Path) -> Rows:
    rows: Rows = pq.read_table(run / "parts").to_pylist()
    return rows


def ask(run: Any, sql: str, library: Library | None = None, **limits: Any) -> Rows:
    with tempfile.TemporaryDirectory() as scratch:
        folder = None if library is None else Path(scratch)
        if library is not None:
            store.save(library, Path(scratch))
        with verbs.query(run, sql, library=folder, limits=Limits(**limits)) as reader:
            rows: Rows = reader.read_all().to_pylist()
    return rows


def test_chunks_are_the_rows_of_the_parts_with_names_beside(run: Path) -> None:
    rows = ask(run, "from chunks")
    assert [{name: row[name] for name in parts(run)[0]} for row in rows] == parts(run)
    for row in rows:
        assert row["concepts"] == [LIBRARY.by_id[id_].name for id_ in row["concept_ids"]]
    assert {row["part"] for row in rows} == {path.stem for path in (run / "parts").iterdir()}


def test_annotations_are_one_row_a_label_best_first(run: Path) -> None:
    wanted = [
        (row["doc_id"], row["chunk_id"], id_, LIBRARY.by_id[id_].name, "content", score, place)
        for row in parts(run)
        for place, (id_, score) in enumerate(zip(row["concept_ids"], row["scores"], strict=True), start=1)
    ]
    found = ask(run, "select doc_id, chunk_id, concept_id, name, facet, score, rank from annotations")
    assert sorted(tuple(row.values()) for row in found) == sorted(wanted)


def test_documents_and_frequencies_add_up(run: Path) -> None:
    rows = parts(run)
    documents = ask(run, "select doc_id, source, chunks, tokens, labels, characters from documents order by doc_id")
    assert len(documents) == len({row["doc_id"] for row in rows})
    assert all((each["chunks"], each["tokens"]) == (2, 10) for each in documents)
    assert sum(each["labels"] for each in documents) == sum(len(row["concept_ids"]) for row in rows)
    ends = Counter({row["doc_id"]: row["char_end"] for row in rows if row["chunk_id"] == 1})
    assert {each["doc_id"]: each["characters"] for each in documents} == ends
    counts = Counter(id_ for row in rows for id_ in row["concept_ids"])
    frequencies = ask(run, "select concept_id, chunks, documents from frequencies")
    assert {each["concept_id"]: each["chunks"] for each in frequencies} == counts
    holders = {id_: len({row["doc_id"] for row in rows if id_ in row["concept_ids"]}) for id_ in counts}
    assert {each["concept_id"]: each["documents"] for each in frequencies} == holders


@pytest.mark.parametrize("more", [False, True])
def test_an_edited_library_reads_the_run_as_remap_would_write_it(tmp_path: Path, more: bool) -> None:
    labelled_run(tmp_path, Labels(more=more))
    remap(tmp_path / "run", EDITED, tmp_path / "new")
    names = ", ".join(pq.read_schema(next((tmp_path / "run" / "parts").iterdir())).names)
    assert ask(tmp_path / "run", f"select {names} from chunks", EDITED) == parts(tmp_path / "new")
    named = {row["name"] for row in ask(tmp_path / "run", "select distinct name from annotations", EDITED)}
    assert named == {"Tides", "Boats", "Lamps"}
    heirs = {r["name"]: r["heir"] for r in ask(tmp_path / "run", "select name, heir from concepts", EDITED)}
    assert (heirs["High water"], heirs["Rope"], heirs["Boats"]) == (1, None, 3)


def test_an_edited_library_is_told_of(run: Path) -> None:
    store.save(EDITED, run.parent / "other")
    assert asked(str(run)).notes == ()
    assert "edited since" in asked(str(run), run.parent / "other").notes[0]


def test_pipeline_folder_and_run_are_both_found(run: Path) -> None:
    run.rename(run.parent / "annotations")
    for url in (run.parent, run.parent / "annotations"):
        assert ask(url, "select count(*) as n from annotations where name is null") == [{"n": 0}]


def test_without_a_library_ids_have_no_names_but_can_be_counted(run: Path) -> None:
    (run.parent / "library").rename(run.parent / "elsewhere")
    assert "no library was found" in asked(str(run)).notes[0]
    assert ask(run, "select count(*) > 50 as many, count(name) as named from annotations") == [
        {"many": True, "named": 0}
    ]


def test_a_quarantined_record_and_the_footers_can_be_asked_for(tmp_path: Path) -> None:
    labelled_run(tmp_path, Labels(fails_on="Entry 7."))
    assert [row["reason"] for row in ask(tmp_path / "run", "select reason from quarantine")] == ["processing"]
    found = ask(
        tmp_path / "run", "select sum(documents) as d, sum(quarantined) as q, any_value(library) as l from parts"
    )
    assert found == [{"d": 119, "q": 1, "l": LIBRARY.digest}]


def test_two_runs_have_a_schema_each(tmp_path: Path) -> None:
    labelled_run(tmp_path / "a", documents=4, files=1)
    labelled_run(tmp_path / "b", documents=6, files=1)
    sql = "select (select count(*) from a.documents) as a, (select count(*) from second.documents) as b"
    assert ask({"a": tmp_path / "a/run", "second": tmp_path / "b/run"}, sql) == [{"a": 4, "b": 6}]


def test_a_run_without_any_document_has_its_views(run: Path) -> None:
    for path in (run / "parts").iterdir():
        path.unlink()
    for view in ("documents", "chunks", "annotations", "frequencies"):
        assert ask(run, f"from {view}") == []


@pytest.fixture
def memory(run: Path) -> Iterator[str]:
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(run), "/lake/run", recursive=True)
    yield "memory://lake/run"
    filesystem.rm("/lake", recursive=True)


def test_a_run_behind_an_address_gives_the_same(run: Path, memory: str) -> None:
    sql = "select doc_id, chunk_id, name, score from annotations order by all"
    assert ask(memory, sql, LIBRARY) == ask(run, sql) != []


def test_threads_that_share_a_file_read_what_is_there(tmp_path: Path) -> None:
    """DuckDB seeks and reads in two calls on one open file; so each thread needs a place of its own."""
    labelled_run(tmp_path, documents=4, files=1)
    (part,) = (tmp_path / "run" / "parts").iterdir()
    metadata, table = pq.read_metadata(part).metadata, pq.read_table(part)
    many = pa.concat_tables([table.set_column(0, "doc_id", pa.array([f"{n}"] * 8)) for n in range(2000)])
    schema = many.schema.with_metadata({b"atlas": metadata[b"atlas"]})
    pq.write_table(many.cast(schema), part, row_group_size=400)
    texts = sum(len(text) for text in many["text"].to_pylist())
    found = asked(str(tmp_path / "run"))
    with connected([found], Limits(threads=8)) as connection:
        for _ in range(20):
            rows = answer(connection, "select sum(length(text)) as n, count(distinct doc_id) as d from chunks")
            assert rows.read_all().to_pylist() == [{"n": texts, "d": 2000}]


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1 as x) to '{out}'",
        "copy (select 1 as x) to 'atlas0://0' (format parquet)",
        "copy (select 1 as x) to 'atlas0://0' (format parquet, use_tmp_file false)",
        "explain analyze copy (select 1 as x) to 'atlas0://0' (format parquet, use_tmp_file false)",
        "export database '{out}'",
        "attach '{out}' as other",
        "select * from read_csv('/etc/hostname')",
        "select * from read_parquet('{part}')",
        "set enable_external_access = true",
        "set memory_limit = '1TB'",
        "select * from glob('/etc/*')",
    ],
)
def test_sql_reads_the_run_and_touches_nothing_else(run: Path, tmp_path: Path, sql: str) -> None:
    before = listing(tmp_path)
    part = next((run / "parts").iterdir())
    with pytest.raises(AtlasError, match="SQL: "):
        ask(run, sql.format(out=tmp_path / "out", part=part))
    assert listing(tmp_path) == before


def test_a_query_larger_than_its_memory_spills_and_leaves_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spill").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spill"))
    sql = "select count(*) as n from (select distinct hash(doc_id || x) % 3000000 as h, repeat(doc_id, 9) as d "
    sql += "from chunks, range(4000) r(x))"
    assert ask(run, sql, memory="60MB", threads=2)[0]["n"] > 400_000
    assert list((tmp_path / "spill").iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", "LINE 1"),
        ("select foo from chunks", r"LINE 1[\s\S]*--schema"),
        ("from nowhere", "--schema"),
        ("", "no statement"),
        ("select cast(doc_id as integer) from chunks", "Conversion"),
    ],
)
def test_wrong_sql_says_what_and_where(run: Path, sql: str, said: str) -> None:
    with pytest.raises(AtlasError, match=said):
        ask(run, sql)


def test_mistakes_about_runs_are_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="holds no run"):
        ask(tmp_path / "nowhere", "select 1")
    with pytest.raises(AtlasError, match="can't be a schema"):
        ask({"a b": run}, "select 1")
    with pytest.raises(AtlasError, match="no amount of memory"):
        ask(run, "select 1", memory="lots")
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(manifest | {"stage": "chunk"}))
    with pytest.raises(AtlasError, match="without concepts"):
        ask(run, "select 1")
