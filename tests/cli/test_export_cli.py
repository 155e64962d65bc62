"""atlas export, as its users type it."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

sys.path.append(str(Path(__file__).parents[1] / "products"))

from export_run import LABELLED, annotated, contents

from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.library import store

ROOT = Path(__file__).parents[2]
COMMANDS = ("fineweb", "field-guide", "cooccurrence", "lift", "hf-dataset")


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str


Atlas = Callable[..., Answer]


@pytest.fixture
def atlas(capsys: pytest.CaptureFixture[str]) -> Atlas:
    def ran(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        status = complain_on_error(lambda: app([str(argument) for argument in arguments]))
        said = capsys.readouterr()
        return Answer(status, said.out, said.err)

    return ran


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline's folder: an annotated run, and its library beside it."""
    folder = tmp_path_factory.mktemp("pipeline")
    annotated(folder, documents=10, files=2)
    (folder / "run").rename(folder / "annotations")
    store.save(LABELLED, folder / "library")
    return folder


def test_help_says_in_a_line_what_each_export_is(atlas: Atlas) -> None:
    said = " ".join(atlas("export", "--help").out.replace("│", " ").split())
    for command in (*COMMANDS, "tokens"):
        assert re.search(rf"{command} Write [^.]+\.", said), command


@pytest.mark.parametrize("command", COMMANDS)
def test_export_of_a_pipeline_s_folder_prints_what_it_wrote(
    command: str, pipeline: Path, tmp_path: Path, atlas: Atlas
) -> None:
    answer = atlas("export", command, pipeline, "--out", tmp_path / "out")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.splitlines()[-1] == f"written   {tmp_path / 'out'}"
    rows = sum(int(line.split()[0].replace(",", "")) for line in answer.out.splitlines()[:-1])
    assert rows == sum(pq.read_metadata(file).num_rows for file in (tmp_path / "out").rglob("*.parquet"))
    atlas("export", command, pipeline / "annotations", "--library", pipeline / "library", "--out", tmp_path / "same")
    assert {n: raw for n, raw in contents(tmp_path / "out").items() if n != "export.json"} == {
        n: raw for n, raw in contents(tmp_path / "same").items() if n != "export.json"
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("field-guide", "--per-concept", "2", "--no-text"), "chunks"),
        (("cooccurrence", "--min-count", "1", "--memory-mb", "16"), "pairs"),
        (("lift", "--kind", "word", "--most", "2", "--min-count", "1", "--min-documents", "1"), "sets"),
        (("fineweb", "--extras", "--per-concept", "3", "--workers", "1"), "fineweb-atlas-documents"),
        (("hf-dataset", "--title", "T", "--license", "mit", "--language", "en", "--language", "de"), "data/chunks"),
    ],
)
def test_flags_reach_the_export(
    arguments: tuple[str, ...], said: str, pipeline: Path, tmp_path: Path, atlas: Atlas
) -> None:
    answer = atlas("export", arguments[0], pipeline, "--out", tmp_path, *arguments[1:])
    assert (answer.status, answer.err) == (0, "")
    assert said in answer.out
    if arguments[0] == "field-guide":
        table = pq.read_table(tmp_path / "chunks" / "00000.parquet")
        assert max(table["rank"].to_pylist()) == 2
        assert "text" not in table.schema.names
    if arguments[0] == "lift":
        found = pq.read_table(tmp_path / "sets" / "00000.parquet")
        assert set(found["kind"].to_pylist()) <= {"word"}
    if arguments[0] == "hf-dataset":
        card = (tmp_path / "README.md").read_text()
        assert "license: mit\nlanguage:\n- en\n- de\n" in card


def test_library_beside_the_annotator_of_a_run_is_found(tmp_path: Path, atlas: Atlas) -> None:
    run = annotated(tmp_path / "labelled", documents=2, files=1)
    store.save(LABELLED, tmp_path / "trained" / "library")
    manifest = json.loads((run / "run.json").read_text())
    manifest.setdefault("recipe", {})["model"] = str(tmp_path / "trained" / "annotator")
    (run / "run.json").write_text(json.dumps(manifest))
    assert atlas("export", "cooccurrence", run, "--out", tmp_path / "out").status == 0
    assert atlas("report", run, "--out", tmp_path / "report.html").status == 0


def test_report_without_a_library_asks_for_one(tmp_path: Path, atlas: Atlas) -> None:
    run = annotated(tmp_path, documents=2, files=1)
    answer = atlas("report", run)
    assert answer.status == 2
    assert "--library" in answer.err


def test_run_without_a_library_beside_it_asks_for_one(tmp_path: Path, atlas: Atlas) -> None:
    run = annotated(tmp_path, documents=2, files=1)
    answer = atlas("export", "cooccurrence", run, "--out", tmp_path / "out")
    assert answer.status == 2
    assert (
        "there is no library beside it or its annotator; give the one that it was annotated with: --library"
        in answer.err
    )


def test_folder_that_is_no_run_exits_with_2_and_writes_nothing(pipeline: Path, tmp_path: Path, atlas: Atlas) -> None:
    answer = atlas("export", "lift", tmp_path, "--library", pipeline / "library", "--out", tmp_path / "out")
    assert (answer.status, answer.err.count("\n")) == (2, 1)
    assert "holds no run" in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_in_the_reference(command: str, atlas: Atlas) -> None:
    section = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8").split("\n## export\n")[1]
    section = section.split("\n## ")[0]
    flags = set(re.findall(r"--[a-z-]+", atlas("export", command, "--help").out)) - {"--help"}
    assert [flag for flag in sorted(flags) if f"`{flag}" not in section and f", {flag}" not in section] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_column_is_in_the_reference(command: str, pipeline: Path, tmp_path: Path, atlas: Atlas) -> None:
    text = (ROOT / "docs" / "reference" / "exports.md").read_text(encoding="utf-8")
    atlas("export", command, pipeline, "--out", tmp_path)
    for file in tmp_path.rglob("*.parquet"):
        if "data/chunks" not in str(file):
            assert [name for name in pq.read_schema(file).names if f"`{name}`" not in text] == [], file
