"""The whole path with the real engine and the real sentence model."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_pipeline import LIBRARY, settings

from atlas import pipeline, verbs
from atlas.annotator import artefact
from atlas.corpus.config import CorpusConfig
from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.lint import lint
from atlas.pipeline import Outcome
from atlas.runner.run import Execution

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
Finished = tuple[Path, Outcome]


def parts(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(p) for p in sorted((folder / "run/annotations/parts").glob("*.parquet"))])


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_size) for p in files}


def test_pipeline_leaves_everything_it_promises(finished: Finished) -> None:
    folder, _ = finished
    run = folder / "run"
    for name in ("sample.parquet", "evaluation.json", "report.html", "annotator/model.safetensors"):
        assert (run / name).stat().st_size > 0
    assert {p.name for p in run.glob("library/*.yaml")} >= {"content.yaml", "tone.yaml", "form.yaml"}


def test_pipeline_balance_holds_by_an_independent_count(finished: Finished) -> None:
    folder, outcome = finished
    glob = folder / "run/annotations/parts/*.parquet"
    documents = duckdb.sql(f"select count(distinct doc_id) from '{glob}'").fetchall()
    corpus = duckdb.sql(f"select count(*) from '{folder}/corpus/*.parquet'").fetchall()
    assert documents == corpus == [(72,)]
    assert outcome.annotations.counts.records_in == 72
    assert outcome.annotations.balanced


def test_annotated_chunks_put_together_are_the_document(finished: Finished) -> None:
    folder, _ = finished
    corpus = pa.concat_tables([pq.read_table(p) for p in (folder / "corpus").glob("*.parquet")])
    texts = dict(zip(corpus["doc_id"].to_pylist(), corpus["text"].to_pylist(), strict=True))
    rebuilt: dict[str, str] = {}
    for row in parts(folder).sort_by([("doc_id", "ascending"), ("chunk_id", "ascending")]).to_pylist():
        assert row["char_start"] == len(rebuilt.get(row["doc_id"], ""))
        assert row["text"] == texts[row["doc_id"]][row["char_start"] : row["char_end"]]
        rebuilt[row["doc_id"]] = rebuilt.get(row["doc_id"], "") + row["text"]
    assert rebuilt == texts


def test_annotations_are_known_concepts_best_first(finished: Finished) -> None:
    folder, _ = finished
    known = {concept.id for concept in store.load(folder / "run/library").active}
    rows = parts(folder).to_pylist()
    assert any(row["concept_ids"] for row in rows)
    for row in rows:
        assert set(row["concept_ids"]) <= known
        assert row["scores"] == sorted(row["scores"], reverse=True)
        assert all(0 < score < 1 for score in row["scores"])


def test_library_grows_from_the_tags_and_is_lint_clean(finished: Finished) -> None:
    folder, outcome = finished
    library = store.load(folder / "run/library")
    assert outcome.funnel["new_concepts"] > 0
    assert [finding for finding in lint(library) if finding.severity == "error"] == []
    for concept in library.active:
        assert concept.description.endswith(".")
        assert concept.locked or (concept.members and concept.examples)


def test_topics_that_the_base_has_too_have_its_ids_and_words(finished: Finished) -> None:
    folder, _ = finished
    base = store.load(LIBRARY)
    new = [concept for concept in store.load(folder / "run/library").active if concept.facet == "content"]
    shared = {concept.id for concept in new} & base.by_id.keys()
    assert shared
    assert all(c.description == base.by_id[c.id].description for c in new if c.id in shared)
    assert all(c.id >= base.next_id for c in new if c.id not in shared)


def test_tags_are_read_from_nearly_every_answer(finished: Finished) -> None:
    folder, _ = finished
    statuses = verbs.read_tags(folder / "run/tags")["tag_status"].to_pylist()
    assert statuses.count("ok") >= 0.9 * len(statuses)


def test_pipeline_run_again_changes_no_file(finished: Finished) -> None:
    folder, outcome = finished
    before = snapshot(folder)
    again = pipeline.run(settings(folder))
    assert snapshot(folder) == before
    assert again.annotations.units_done_before == again.annotations.units
    assert again.annotations.counts == outcome.annotations.counts


def test_annotate_on_ray_and_on_one_worker_gives_the_same_bytes(
    finished: Finished, tmp_path: Path, ray_cluster: None
) -> None:
    folder, _ = finished
    corpus = CorpusConfig(path=str(folder / "corpus"), id="doc_id", unit_bytes=20_000)
    for name, how in (("one", Execution(workers=1)), ("ray", Execution("ray", 2))):
        verbs.annotate(corpus, folder / "run/annotator", tmp_path / name, execution=how)
    found = {name: {p.name: p.read_bytes() for p in (tmp_path / name / "parts").iterdir()} for name in ("one", "ray")}
    assert found["one"] == found["ray"]
    assert found["one"] == {p.name: p.read_bytes() for p in (folder / "run/annotations/parts").iterdir()}


def test_annotator_with_another_library_is_refused(finished: Finished, tmp_path: Path) -> None:
    folder, _ = finished
    corpus = CorpusConfig(path=str(folder / "corpus"), id="doc_id")
    base = Path(settings(folder).canonicalize.base or "")
    with pytest.raises(AtlasError, match="was trained with library"):
        verbs.annotate(corpus, folder / "run/annotator", tmp_path / "out", library=base)
    assert not (tmp_path / "out").exists()


def test_annotator_artefact_holds_no_pickle_and_knows_its_library(finished: Finished) -> None:
    folder, _ = finished
    names = {p.name for p in (folder / "run/annotator").iterdir()}
    assert names == {"config.json", "model.safetensors", "card.json"}
    assert artefact.load(folder / "run/annotator").library_digest == store.load(folder / "run/library").digest


def test_training_card_says_from_what_how_well_and_at_what_cost(finished: Finished) -> None:
    folder, _ = finished
    card = json.loads((folder / "run/annotator/card.json").read_text())
    assert card["data"]["library"] == store.load(folder / "run/library").digest
    assert card["processor_seconds"] > 0
    result = json.loads((folder / "run/evaluation.json").read_text())
    row = next(row for row in result["systems"] if row["system"] == "atlas-fast")
    expected = {name: value for name, value in row.items() if name != "system" and value is not None}
    assert card["metrics"].pop("chunks") == result["heldout"]["chunks"] == card["heldout_chunks"]
    assert card["metrics"] == pytest.approx(expected, abs=1e-4)


def test_evaluation_puts_baselines_beside_the_annotator(finished: Finished) -> None:
    folder, _ = finished
    result = json.loads((folder / "run/evaluation.json").read_text())
    systems = {row["system"]: row for row in result["systems"]}
    assert {"atlas-fast", "baseline-prior", "baseline-knn-tfidf"} <= set(systems)
    for row in systems.values():
        assert all(0 <= value <= 1 for key, value in row.items() if key != "system" and value is not None)


def test_one_line_document_of_many_megabytes_is_annotated_like_any_other(finished: Finished, tmp_path: Path) -> None:
    folder, _ = finished
    line = "The heart pumps blood through the arteries to every organ of the body. " * 120_000
    pq.write_table(
        pa.table({"doc_id": ["big", "small"], "text": [line, "Statistics is a science."]}), tmp_path / "c.parquet"
    )
    corpus = CorpusConfig(path=str(tmp_path / "c.parquet"), id="doc_id")
    result = verbs.annotate(corpus, folder / "run/annotator", tmp_path / "out")
    assert result.balanced
    assert result.counts.records_out == 2
    rows = pq.read_table(tmp_path / "out/parts").to_pylist()
    assert sum(row["char_end"] - row["char_start"] for row in rows if row["doc_id"] == "big") == len(line)


def test_empty_text_has_one_row_without_concepts(finished: Finished, tmp_path: Path) -> None:
    folder, _ = finished
    pq.write_table(pa.table({"doc_id": ["none", "some"], "text": ["", "Machine learning."]}), tmp_path / "c.parquet")
    result = verbs.annotate(
        CorpusConfig(path=str(tmp_path / "c.parquet"), id="doc_id"), folder / "run/annotator", tmp_path / "out"
    )
    assert result.counts.empty == 1
    (row,) = [row for row in pq.read_table(tmp_path / "out/parts").to_pylist() if row["doc_id"] == "none"]
    assert (row["status"], row["concept_ids"], row["token_count"]) == ("empty", [], 0)
