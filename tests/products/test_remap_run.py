"""A run carried to an edited library: all of it once, resumable, and refused where it would be wrong."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from labelled_run import LIBRARY, Labels, labelled_run

from atlas import verbs
from atlas.errors import AtlasError
from atlas.library import edit, store
from atlas.library.concept import Library
from atlas.library.successors import successor
from atlas.products.preview import preview
from atlas.products.remap import remap
from atlas.products.remap.source import annotated_run
from atlas.runner.footers import read_footer
from atlas.storage import resolve

EDITED = edit.retire(edit.merge(LIBRARY, ["Tides", "High water"]).library, "Rope").library
Rows = list[dict[str, Any]]


def rows(folder: Path) -> Rows:
    return pq.read_table(folder / "parts", page_checksum_verification=True).to_pylist()


def expected(before: Rows, library: Library) -> Rows:
    """As one would write it without caring for speed."""
    found = []
    for row in before:
        best: dict[int, float] = {}
        for id_, score in zip(row["concept_ids"], row["scores"], strict=True):
            heir = successor(library, id_)
            if heir is not None:
                best.setdefault(heir, score)
        found.append({**row, "concept_ids": list(best), "scores": list(best.values())})
    return found


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    labelled_run(tmp_path)
    return tmp_path / "run"


def test_every_row_once_with_the_heirs_ids(source: Path, tmp_path: Path) -> None:
    before = contents(source)
    done = remap(source, EDITED, tmp_path / "new")
    assert rows(tmp_path / "new") == expected(rows(source), EDITED)
    assert contents(source) == before
    assert done.result.balanced
    assert done.result.counts.labels == sum(len(row["concept_ids"]) for row in rows(tmp_path / "new"))
    assert done.labels_before == sum(len(row["concept_ids"]) for row in rows(source))


def test_evidence_stays_with_its_concept_and_rejected_ids_are_the_librarys(tmp_path: Path) -> None:
    labelled_run(tmp_path, Labels(more=True))
    before = rows(tmp_path / "run")
    remap(tmp_path / "run", EDITED, tmp_path / "new")
    for old, new in zip(before, rows(tmp_path / "new"), strict=True):
        of = dict(zip(old["concept_ids"], old["scores"], strict=True))
        assert len(new["evidence_starts"]) == len(new["evidence_ends"]) == len(new["concept_ids"])
        for id_, score, start, end in zip(
            *(new[name] for name in ("concept_ids", "scores", "evidence_starts", "evidence_ends")), strict=True
        ):
            assert (of[start], end) == (score, start + 1)  # the span is that of the label that stayed
            assert successor(EDITED, start) == id_
        heirs = dict.fromkeys(heir for id_ in old["rejected_ids"] if (heir := successor(EDITED, id_)) is not None)
        assert new["rejected_ids"] == [id_ for id_ in heirs if id_ not in new["concept_ids"]]
    assert any(1 in row["concept_ids"] and 2 in row["rejected_ids"] for row in before)


def test_run_with_evidence_and_rejected_has_its_preview_status_and_report(tmp_path: Path) -> None:
    labelled_run(tmp_path, Labels(more=True))
    labelled_run(tmp_path / "plain")
    assert preview(annotated_run(tmp_path / "run"), EDITED) == preview(annotated_run(tmp_path / "plain/run"), EDITED)
    assert verbs.status(tmp_path / "run", verify=True).complete
    store.save(LIBRARY, tmp_path / "library")
    assert "Tides" in verbs.report(tmp_path / "run", tmp_path / "library", tmp_path / "report.html").read_text()


def test_status_and_report_work_on_it(source: Path, tmp_path: Path) -> None:
    remap(source, EDITED, tmp_path / "new")
    status = verbs.status(tmp_path / "new", verify=True)
    assert (status.complete, status.stage) == (True, "remap")
    store.save(EDITED, tmp_path / "library")
    page = verbs.report(tmp_path / "new", tmp_path / "library", tmp_path / "report.html")
    assert "Tides" in page.read_text()


def test_schema_and_footer_are_the_sources_but_for_library_and_counts(source: Path, tmp_path: Path) -> None:
    remap(source, EDITED, tmp_path / "new")
    for path in sorted((tmp_path / "new" / "parts").iterdir()):
        filesystem, name = resolve(path)
        old, new = (read_footer(filesystem, n) for n in (name.replace("/new/", "/run/"), name))
        assert old is not None
        assert new is not None
        assert new["library"] == EDITED.digest
        assert new["remapped"] == {"library": LIBRARY.digest, "key": old["key"]}
        differ = {key for key in new if new[key] != old.get(key)}
        assert differ == {"library", "key", "stage", "remapped", "counts"}
        assert pq.read_schema(path).equals(pq.read_schema(source / "parts" / path.name))


def test_edits_in_two_steps_are_the_rows_of_one(source: Path, tmp_path: Path) -> None:
    first = edit.merge(LIBRARY, ["Tides", "High water"]).library
    second = edit.retire(edit.merge(first, ["Tides", "Boats"]).library, "Lamps").library
    remap(source, first, tmp_path / "first")
    remap(tmp_path / "first", second, tmp_path / "second")
    remap(source, second, tmp_path / "once")
    assert rows(tmp_path / "second") == rows(tmp_path / "once")


def test_again_touches_nothing_and_a_lost_part_comes_back_alone(source: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    remap(source, EDITED, new)
    before, times = contents(new), {path: path.stat().st_mtime_ns for path in (new / "parts").iterdir()}
    assert remap(source, EDITED, new).result.units_done_before == 3
    lost = sorted((new / "parts").iterdir())[1]
    lost.unlink()
    (new / "parts" / ".tmp-of-a-killed-run").write_bytes(b"half")
    again = remap(source, EDITED, new)
    assert again.result.units_done_before == 2
    assert contents(new) == before
    assert {path for path in times if path.stat().st_mtime_ns != times[path]} == {lost}


def test_edited_further_makes_all_parts_anew(source: Path, tmp_path: Path) -> None:
    remap(source, EDITED, tmp_path / "new")
    further = edit.retire(EDITED, "Lamps").library
    assert remap(source, further, tmp_path / "new").result.units_done_before == 0
    assert rows(tmp_path / "new") == expected(rows(source), further)


def test_quarantine_goes_along(tmp_path: Path) -> None:
    labelled_run(tmp_path, Labels(fails_on="Entry 7."))
    done = remap(tmp_path / "run", EDITED, tmp_path / "new")
    assert done.result.counts.quarantined == 1
    status = verbs.status(tmp_path / "new", verify=True)
    assert (status.complete, status.reasons) == (True, {"processing": 1})


@pytest.mark.skipif(sys.platform != "linux", reason="signals")
def test_killed_at_any_moment_and_run_again_is_as_if_never_killed(source: Path, tmp_path: Path) -> None:
    remap(source, EDITED, tmp_path / "whole")
    store.save(EDITED, tmp_path / "library")
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom atlas.library import store\n"
        "from atlas.products.remap import remap\nlibrary = store.load(Path(sys.argv[1]))\n"
        "remap(sys.argv[2], library, sys.argv[3], workers=1, watch=lambda *_: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "library"), str(source), str(tmp_path / "new")]
    killed = subprocess.run(command, check=False, env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL
    assert not verbs.status(tmp_path / "new").complete
    remap(str(source), EDITED, tmp_path / "new")
    parts = {name: raw for name, raw in contents(tmp_path / "new").items() if name.startswith("parts/")}
    assert parts == {n: raw for n, raw in contents(tmp_path / "whole").items() if n.startswith("parts/")}


def refused(match: str, source: Path, library: Library, out: Path, old: Library | None = None) -> None:
    with pytest.raises(AtlasError, match=match):
        remap(source, library, out, old=old)


def test_wrong_input_is_refused_in_words(source: Path, tmp_path: Path) -> None:
    refused("is the run itself", source, EDITED, source)
    refused("is the run itself, or within", source, EDITED, source / "parts" / "x")
    refused("holds no run", tmp_path, EDITED, tmp_path / "new")
    refused("the old library given is", source, EDITED, tmp_path / "new", old=EDITED)
    lacking = Library(tuple(concept for concept in LIBRARY.concepts if concept.id != 4))
    refused("concept 4 is not in the library", source, lacking, tmp_path / "new2")
    (source / "summary.json").unlink()
    refused("has not ended", source, EDITED, tmp_path / "new")


def test_run_without_concepts_is_refused(tmp_path: Path) -> None:
    from atlas.chunking.config import ChunkConfig
    from atlas.corpus.config import CorpusConfig

    labelled_run(tmp_path)
    verbs.chunk(CorpusConfig(path=str(tmp_path / "corpus"), id="id"), ChunkConfig(), tmp_path / "chunks")
    refused("is a chunk run", tmp_path / "chunks", EDITED, tmp_path / "new")


def test_part_of_another_library_is_refused(source: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    labelled_run(other, Labels(library="another"))
    stranger = sorted((other / "run" / "parts").iterdir())[0]
    (source / "parts" / stranger.name).write_bytes(stranger.read_bytes())
    refused("is of library", source, EDITED, tmp_path / "new")


def damage(part: Path, column: str) -> None:
    group = pq.read_metadata(part).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    chunk = next(chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] == column)
    raw = bytearray(part.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    raw[start + chunk.total_compressed_size - 2] ^= 0xFF
    part.write_bytes(bytes(raw))


def test_damaged_ids_are_refused_by_name(source: Path, tmp_path: Path) -> None:
    part = sorted((source / "parts").iterdir())[0]
    damage(part, "concept_ids")
    refused(f"{part.name}: is damaged", source, EDITED, tmp_path / "new")


def test_damage_of_copied_pages_still_shows(source: Path, tmp_path: Path) -> None:
    damage(sorted((source / "parts").iterdir())[0], "text")
    remap(source, EDITED, tmp_path / "new")
    assert not verbs.status(tmp_path / "new", verify=True).complete


def test_preview_says_what_remap_does(source: Path, tmp_path: Path) -> None:
    found = preview(annotated_run(source), EDITED)
    remap(source, EDITED, tmp_path / "new")
    pairs = list(zip(rows(source), rows(tmp_path / "new"), strict=True))
    assert found.chunks == len(pairs)
    assert found.changed == sum(old["concept_ids"] != new["concept_ids"] for old, new in pairs)
    merged, retired = found.effects
    assert (merged.concept_id, merged.heir, retired.concept_id, retired.heir) == (2, 1, 4, None)
    assert merged.gain == sum(1 in new["concept_ids"] and 1 not in old["concept_ids"] for old, new in pairs)
    assert retired.lose == sum(4 in old["concept_ids"] for old, _ in pairs)
    assert len(merged.quotes) == 3
    assert all(quote.text for quote in merged.quotes)


def test_new_concepts_are_listed_for_annotation(source: Path, tmp_path: Path) -> None:
    more = edit.add(EDITED, 6, "content", "Ebb", "Passages about the ebb.").library
    done = remap(source, more, tmp_path / "new", old=LIBRARY)
    assert [(need.concept_id, need.why) for need in done.needs] == [(6, "new")]
    kept = json.loads((tmp_path / "new" / "reannotate.json").read_text())
    assert kept["concepts"][0]["name"] == "Ebb"
