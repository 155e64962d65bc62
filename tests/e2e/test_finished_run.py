"""What can be done with a finished pipeline: change its corpus, read its parts elsewhere, ask it again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_pipeline import settings

from atlas import pipeline
from atlas.cli import complain_on_error
from atlas.cli.main import app
from atlas.pipeline import Outcome
from atlas.tables import annotations

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # on a clean machine the models are fetched first
Finished = tuple[Path, Outcome]
Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command line in this process and gives back what it prints."""

    def ran(*arguments: str | Path) -> str:
        assert complain_on_error(lambda: app([str(argument) for argument in arguments])) == 0
        return capsys.readouterr().out

    return ran


def changed_since(before: dict[Path, bytes], folder: Path) -> set[str]:
    after = contents(folder)
    return {str(p.relative_to(folder)) for p in before.keys() | after.keys() if before.get(p) != after.get(p)}


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file but locks and the log of who worked on it when."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if path.name != ".lock" and path.parent.name != "log"}


def test_change_of_one_document_redoes_its_files_units_alone(finished: Finished) -> None:
    folder, outcome = finished
    run, file = folder / "run", folder / "corpus" / "code.parquet"
    sampled = set(pq.read_table(run / "sample.parquet")["doc_id"].to_pylist())
    before, original = contents(run), file.read_bytes()
    table = pq.read_table(file)
    ids, texts = table["doc_id"].to_pylist(), table["text"].to_pylist()
    chosen = next(row for row, doc_id in enumerate(ids) if doc_id not in sampled)
    texts[chosen] = "A short text took the place of this program."
    changed = table.set_column(table.schema.get_field_index("text"), table.schema.field("text"), pa.array(texts))
    pq.write_table(changed, file, row_group_size=8)
    try:
        again = pipeline.run(settings(folder))
        ours = {Path(part).name for part in again.annotations.parts if Path(part).name.startswith("code")}
        assert again.tags.units_done_before == again.tags.units
        assert again.annotations.units - again.annotations.units_done_before == len(ours)
        assert again.annotations.counts.records_in == outcome.annotations.counts.records_in
        redone = changed_since(before, run)
        assert redone <= {*(f"annotations/parts/{name}" for name in ours), *NOTES}
        parts = [pq.read_table(run / "annotations" / "parts" / name) for name in ours]
        rows = [row for part in parts for row in part.to_pylist() if row["doc_id"] == ids[chosen]]
        assert [row["text"] for row in rows] == [texts[chosen]]
    finally:
        file.write_bytes(original)
        pipeline.run(settings(folder))
    assert changed_since(before, run) <= {"report.html"}


# What says of which corpus the sample and the run are.
NOTES = ("sample.key", "annotations/run.json", "annotations/summary.json", "report.html")


# Other readers


def test_parts_are_read_by_duckdb_with_their_lists(finished: Finished) -> None:
    folder, outcome = finished
    glob = f"{folder}/run/annotations/parts/*.parquet"
    [(rows, labels, tokens)] = duckdb.sql(
        f"select count(*), sum(len(concept_ids)), sum(token_count) from '{glob}'"
    ).fetchall()
    counts = outcome.annotations.counts
    assert (rows, labels, tokens) == (counts.rows, counts.labels, counts.tokens)
    [(odd,)] = duckdb.sql(f"select count(*) from '{glob}' where len(concept_ids) <> len(scores)").fetchall()
    assert odd == 0


def test_parts_are_read_by_pandas(finished: Finished) -> None:
    folder, outcome = finished
    frame = pd.read_parquet(folder / "run/annotations/parts")
    assert list(frame.columns) == annotations(text=True).names
    assert len(frame) == outcome.annotations.counts.rows
    assert frame.groupby("doc_id")["chunk_id"].max().sum() == len(frame) - frame["doc_id"].nunique()


def test_parts_are_read_by_datasets(finished: Finished, tmp_path: Path) -> None:
    from datasets import load_dataset

    folder, outcome = finished
    loaded = load_dataset(
        "parquet", data_files=str(folder / "run/annotations/parts/*.parquet"), split="train", cache_dir=str(tmp_path)
    )
    assert loaded.num_rows == outcome.annotations.counts.rows
    assert loaded[0]["concept_ids"] == pq.read_table(outcome.annotations.parts[0])["concept_ids"][0].as_py()


# Asked again, from the command line


def test_evaluate_prints_the_annotator_beside_its_baselines(finished: Finished, told: Told, tmp_path: Path) -> None:
    run = finished[0] / "run"
    places = ("--model", run / "annotator", "--tags", run / "tags", "--library", run / "library")
    out = told("evaluate", *places, "--json", tmp_path / "evaluation.json", "--no-baselines")
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert f"{written['heldout']['chunks']:,} held-out chunks" in out
    for row in written["systems"]:
        assert row["system"] in out


def test_report_is_one_page_that_fetches_nothing(finished: Finished, told: Told, tmp_path: Path) -> None:
    run = finished[0] / "run"
    told("report", run, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_status_of_the_whole_pipeline_is_complete(finished: Finished, told: Told) -> None:
    out = told("status", finished[0] / "run")
    assert "tags: tag of" in out
    assert "annotations: annotate of" in out
    assert "NOT BALANCED" not in out


def test_library_that_was_built_is_searched_by_meaning(finished: Finished, told: Told) -> None:
    library = finished[0] / "run" / "library"
    out = told("library", "search", "step by step guide for beginners", "--library", library, "--limit", "5")
    assert "Tutorial" in out


def test_canonicalize_again_into_a_copy_changes_no_concept(finished: Finished, told: Told, tmp_path: Path) -> None:
    run = finished[0] / "run"
    shutil.copytree(run / "library", tmp_path / "library")
    (tmp_path / "library" / "build.json").unlink()  # so that it is built again, from the same tags
    told("canonicalize", "--tags", run / "tags", "--out", tmp_path / "library", "--min-chunks", "2")
    for path in (run / "library").glob("*.yaml"):
        assert (tmp_path / "library" / path.name).read_bytes() == path.read_bytes(), path.name
