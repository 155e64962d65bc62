"""``atlas query`` and ``atlas ask`` as a shell sees them."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

sys.path.append(str(Path(__file__).parents[1] / "products"))  # run alone, pytest does not know that folder
from labelled_run import LIBRARY, Labels, labelled_run

from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.library import store

SLOW = "select count(*) from range(100000000000) r(x) where hash(x) % 7 = 3"


@dataclass(frozen=True)
class Answer:
    """What a shell sees of a command."""

    status: int
    out: str
    err: str


Atlas = Callable[..., Answer]


@pytest.fixture
def atlas(capsysbinary: pytest.CaptureFixture[bytes]) -> Atlas:
    """Runs a command line in this process."""

    def ran(*arguments: str | Path) -> Answer:
        status = complain_on_error(lambda: app([str(argument) for argument in arguments]))
        out, err = capsysbinary.readouterr()
        return Answer(status, out.decode(), err.decode())

    return ran


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("query")
    labelled_run(folder)
    store.save(LIBRARY, folder / "library")
    return folder / "run"


def test_a_table_is_cut_to_a_screen_and_says_so(atlas: Atlas, run: Path) -> None:
    answer = atlas("query", run, "select doc_id, text, concepts from chunks order by all", "--rows", 3)
    assert (answer.status, len(answer.out.splitlines())) == (0, 5)
    assert "--rows 0 shows all" in answer.err
    assert len(atlas("query", run, "from chunks", "--rows", 0).out.splitlines()) == 242
    assert atlas("query", run, "select 1 as x").err == ""


def test_numbers_keep_their_size_in_a_table(atlas: Atlas, run: Path) -> None:
    out = atlas("query", run, "select 1234567 as a, 0.00001234::double as b, null as c, true as d, sum(1) as e").out
    assert out.splitlines()[-1].split() == ["1,234,567", "1.23e-05", "–", "true", "1"]


SQL = (
    "select doc_id, chunk_id, score, concepts, name from annotations join chunks using (doc_id, chunk_id) order by all"
)


def test_ids_stand_as_they_are_typed(atlas: Atlas, run: Path) -> None:
    answer = atlas("query", run, "select 2925 as concept_id, 2925 as chunks")
    assert answer.out.splitlines()[2].split() == ["2925", "2,925"]


def test_every_format_holds_the_same_rows(atlas: Atlas, run: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in atlas("query", run, SQL, "--format", "jsonl").out.splitlines()]
    assert len(lines) > 100
    assert json.loads(atlas("query", run, SQL, "--format", "json").out) == lines
    for row, line in zip(
        csv.DictReader(io.StringIO(atlas("query", run, SQL, "--format", "csv").out)), lines, strict=True
    ):
        assert (row["doc_id"], int(row["chunk_id"]), float(row["score"]), row["name"]) == tuple(
            line[key] for key in ("doc_id", "chunk_id", "score", "name")
        )
        assert json.loads(row["concepts"]) == line["concepts"]
    written = atlas("query", run, SQL, "--out", tmp_path / "rows.parquet")
    assert f"{len(lines):,} rows written" in written.err
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == lines
    assert json.loads(atlas("query", run, "from chunks where false", "--format", "json").out) == []


def test_sql_comes_from_standard_input_too(atlas: Atlas, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select count(*) as n from documents"))
    assert json.loads(atlas("query", run, "-", "--format", "jsonl").out) == {"n": 120}


def test_schema_lists_views_with_columns_and_a_value_each(atlas: Atlas, run: Path) -> None:
    out = atlas("query", run, "--schema").out
    for view in ("documents", "chunks", "annotations", "frequencies", "concepts", "quarantine", "parts"):
        assert f"\n{view}: " in f"\n{out}"
    assert "Tides" in out
    described = [json.loads(line) for line in atlas("query", run, "--schema", "--format", "jsonl").out.splitlines()]
    assert {"view": "concepts", "name": "facet", "type": "varchar", "example": "content"} in described


def test_runs_by_name(atlas: Atlas, run: Path) -> None:
    sql = "select (select count(*) from a.chunks) + (select count(*) from b.chunks) as n"
    assert (
        json.loads(atlas("query", "--run", f"a={run}", "--run", f"b={run}", sql, "--format", "jsonl").out)["n"] == 480
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{run}"], "give a run and SQL"),
        ([], "give a run and SQL"),
        (["{run}", "selec 1"], "LINE 1"),
        (["/nowhere", "select 1"], "holds no run"),
        (["{run}", "select 1", "--format", "parquet"], "needs --out"),
        (["{run}", "select 1", "--out", "x.txt"], "name it .csv"),
        (["{run}", "select 1", "--library", "/nowhere"], "/nowhere"),
        (["--run", "{run}", "select 1"], "give the run a name"),
        (["--run", "a={run}", "--run", "a={run}", "select 1"], "two runs have this name"),
    ],
)
def test_wrong_input_is_one_message_and_status_2(atlas: Atlas, run: Path, arguments: list[str], said: str) -> None:
    answer = atlas("query", *(each.format(run=run) for each in arguments))
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_a_failing_query_leaves_no_file(atlas: Atlas, run: Path, tmp_path: Path) -> None:
    sql = "select case when chunk_id = 1 then error('stone') else '' end as x from chunks"
    assert atlas("query", run, sql, "--out", tmp_path / "rows.csv").status == 2
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_a_query_and_leaves_nothing(run: Path, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    program = [sys.executable, "-m", "atlas.cli.main", "query", str(run), SLOW, "--out", str(tmp_path / "rows.csv")]
    process = subprocess.Popen(
        program,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not any((tmp_path / "tmp").iterdir()) and process.poll() is None:
        pass  # until the folder to spill to is there
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert (list((tmp_path / "tmp").iterdir()), (tmp_path / "rows.csv").exists()) == ([], False)
    assert b"stopped" in err
    assert b"Traceback" not in err


def test_carries(atlas: Atlas, run: Path) -> None:
    out = atlas("ask", "carries", run, "--with", "tides", "--without", "Rope", "-n", 1).out
    assert "carry 'Tides', not 'Rope'" in out
    found = json.loads(atlas("ask", "carries", run, "--with", "1", "--without", "4", "--json").out)
    assert out.startswith(f"{found['chunks']:,} chunks of {found['documents']:,} documents")
    wrong = atlas("ask", "carries", run, "--with", "Tids")
    assert (wrong.status, "did you mean 1 ('Tides')" in wrong.err) == (2, True)


def test_source(atlas: Atlas, run: Path) -> None:
    assert len(atlas("ask", "source", run).out.splitlines()) == 5
    assert (
        "0.jsonl: 40 documents, 80 chunks, 400 tokens (33 % of the run)"
        in atlas("ask", "source", run, "--source", "0.jsonl").out
    )
    found = json.loads(atlas("ask", "source", run, "--json").out)
    assert [each["chunks"] for each in found["sources"]] == [80, 80, 80]
    assert len(found["sources"][0]["concepts"]) == 5
    assert "choose one of content" in atlas("ask", "source", run, "--facet", "topic").err


def test_compare(atlas: Atlas, run: Path) -> None:
    out = atlas("ask", "compare", run, run).out
    assert "0 of 5 concepts differ" in out
    assert "120 documents are on both sides" in out
    one = json.loads(atlas("ask", "compare", run, "--source", "0.jsonl", "--json").out)
    assert (one["tested"], one["documents"]) == (5, [40, 80])
    assert "compare two runs" in atlas("ask", "compare", run).err


def test_contamination(atlas: Atlas, run: Path, tmp_path: Path) -> None:
    items = [
        {"id": "in", "text": "The tide came in. " * 4},
        {"id": "out", "text": "Nothing of this is to be found there."},
    ]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    answer = atlas("ask", "contamination", run, tmp_path / "items.jsonl", "--id", "id", "--json")
    found = json.loads(answer.out)
    assert ([match["item"] for match in found["matches"]], found["items"]) == (["in"], 2)
    assert found["matches"][0]["covered"] == 1
    shown = atlas("ask", "contamination", run, tmp_path / "items.jsonl", "--id", "id").out
    assert "1 (50 %) have 13 words in a row" in shown
    wrong = atlas("ask", "contamination", run, tmp_path / "items.jsonl", "--text", "question")
    assert (wrong.status, "it has 'id', 'text'" in wrong.err) == (2, True)


def test_what_needs_text_says_that_there_is_none(atlas: Atlas, tmp_path: Path) -> None:
    labelled_run(tmp_path, Labels(text=False), documents=4, files=1)
    store.save(LIBRARY, tmp_path / "library")
    (tmp_path / "items.txt").write_text("some words")
    assert "stores no text" in atlas("ask", "contamination", tmp_path / "run", tmp_path / "items.txt").err
    assert "(the run stores no text)" in atlas("ask", "carries", tmp_path / "run", "--with", "Tides").out
    assert "LINE 1" in atlas("query", tmp_path / "run", "select text from chunks").err
