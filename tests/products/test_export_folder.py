"""What all exports have in common: wrong input, resume, the same bytes, a folder of their own."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from export_run import LABELLED, Stopped, annotated, contents, in_small_row_groups, rows
from labelled_run import LIBRARY, Labels

from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.errors import AtlasError
from atlas.library import edit, store
from atlas.products.cooccurrence import cooccurrence
from atlas.products.export.folder import ExportFolder
from atlas.products.export.output import Exported
from atlas.products.export.source import blocks, numbered, source_of, whole_documents
from atlas.products.field_guide import field_guide
from atlas.products.fineweb import fineweb
from atlas.products.hf_dataset import hf_dataset
from atlas.products.lift import lift
from atlas.products.remap import remap
from atlas.runner.folder import RunFolder
from atlas.runner.retry import retry

Export = Callable[..., Exported]
EXPORTS = {"fineweb": fineweb, "field-guide": field_guide, "cooccurrence": cooccurrence, "lift": lift}
EXPORTS |= {"hf-dataset": hf_dataset}
each = pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS.keys())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return annotated(tmp_path_factory.mktemp("run"))


@each
def test_same_run_gives_the_same_bytes(export: Export, run: Path, tmp_path: Path) -> None:
    export(run, LABELLED, tmp_path / "one")
    export(run, LABELLED, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@each
def test_export_that_was_stopped_goes_on_and_comes_out_the_same(export: Export, run: Path, tmp_path: Path) -> None:
    def stop(_: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        export(run, LABELLED, tmp_path / "out", watch=stop)
    assert not json.loads((tmp_path / "out" / "export.json").read_text())["complete"]
    export(run, LABELLED, tmp_path / "out")
    export(run, LABELLED, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.skipif(sys.platform != "linux", reason="signals")
def test_export_that_was_killed_goes_on_and_comes_out_the_same(run: Path, tmp_path: Path) -> None:
    store.save(LABELLED, tmp_path / "library")
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom atlas.verbs import export\n"
        "export.fineweb(sys.argv[1], sys.argv[2], Path(sys.argv[3]), workers=1,\n"
        "    watch=lambda said: os.kill(os.getpid(), signal.SIGKILL) if 'shard_0001' in said else None)\n"
    )
    command = [sys.executable, "-c", script, str(run), str(tmp_path / "out"), str(tmp_path / "library")]
    assert subprocess.run(command, check=False, env=dict(os.environ)).returncode == -signal.SIGKILL
    assert not json.loads((tmp_path / "out" / "export.json").read_text())["complete"]
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    assert done
    fineweb(run, LABELLED, tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in done} == done
    fineweb(run, LABELLED, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_records_that_were_retried_are_exported_too(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=6, files=2, fails_on="Entry 7.")
    before = fineweb(run, LABELLED, tmp_path / "out").rows("fineweb-atlas-documents")
    source = DocumentSource(CorpusConfig(path=str(tmp_path / "corpus"), id="id"))
    retry(Labels(library=LABELLED.digest), source, RunFolder.at(run))
    after = fineweb(run, LABELLED, tmp_path / "out").rows("fineweb-atlas-documents")
    assert (before, after) == (11, 12)
    texts = pq.read_table(tmp_path / "out" / "fineweb-atlas-documents")["document_text"].to_pylist()
    assert sorted(text.split(".")[0] for text in texts) == sorted(f"Entry {number}" for number in range(12))
    numbers = pq.read_table(tmp_path / "out" / "fineweb-atlas-annotated")["doc_int_id"].to_pylist()
    assert sorted(set(numbers)) == list(range(12))


@each
def test_export_again_touches_nothing(export: Export, run: Path, tmp_path: Path) -> None:
    first = export(run, LABELLED, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*") if path.name != ".lock"}
    again = export(run, LABELLED, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*") if path.name != ".lock"} == before
    assert again.rows() == first.rows()


@each
def test_file_that_is_gone_or_cut_off_is_made_anew(export: Export, run: Path, tmp_path: Path) -> None:
    export(run, LABELLED, tmp_path)
    whole = contents(tmp_path)
    files = sorted(tmp_path.rglob("*.parquet"))
    files[0].unlink()
    files[-1].write_bytes(files[-1].read_bytes()[:-9])
    export(run, LABELLED, tmp_path)
    assert contents(tmp_path) == whole


@each
def test_export_to_a_url_holds_the_same_files(export: Export, run: Path, tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    export(run, LABELLED, tmp_path)
    export(run, LABELLED, url)
    filesystem, root = ExportFolder.at(url).filesystem, ExportFolder.at(url).root
    there = filesystem.get_file_info(pafs.FileSelector(root, recursive=True))
    found = {i.path.split(root.strip("/") + "/", 1)[1]: i for i in there if i.type == pafs.FileType.File}
    assert {name: filesystem.open_input_file(info.path).read() for name, info in found.items()} == contents(tmp_path)


@each
def test_labels_of_another_library_are_refused(export: Export, run: Path, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"is of library .* but the one given is .*atlas library remap"):
        export(run, LIBRARY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@each
def test_folder_with_other_files_is_refused_and_left_alone(export: Export, run: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(AtlasError, match=r"holds files that are not an export's \(thesis.txt\)"):
        export(run, LABELLED, tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


def test_run_carried_over_to_an_edited_library_is_exported_with_it(run: Path, tmp_path: Path) -> None:
    edited = edit.merge(LABELLED, ["Tides", "Lamps"]).library
    remap(run, edited, tmp_path / "new")
    cooccurrence(tmp_path / "new", edited, tmp_path / "out", min_count=1)
    pairs = pq.read_table(tmp_path / "out" / "pairs")
    assert set(pairs["concept_a"].to_pylist()) | set(pairs["concept_b"].to_pylist()) == {1, 2, 3, 4}


def test_folder_of_another_export_is_refused(run: Path, tmp_path: Path) -> None:
    cooccurrence(run, LABELLED, tmp_path)
    with pytest.raises(AtlasError, match=r"holds another export \(cooccurrence of .*this one is field-guide"):
        field_guide(run, LABELLED, tmp_path)


def test_folder_in_the_run_is_refused(run: Path) -> None:
    with pytest.raises(AtlasError, match="is the run itself, or within it"):
        cooccurrence(run, LABELLED, run / "pairs")


def test_second_export_at_a_time_is_refused(run: Path, tmp_path: Path) -> None:
    def second(_: str) -> None:
        cooccurrence(run, LABELLED, tmp_path)

    with pytest.raises(AtlasError, match="another export is writing here"):
        cooccurrence(run, LABELLED, tmp_path, watch=second)


def test_files_of_other_settings_do_not_stay(run: Path, tmp_path: Path) -> None:
    many = cooccurrence(run, LABELLED, tmp_path, memory_mb=0)
    few = cooccurrence(run, LABELLED, tmp_path)
    assert len(many.files) > len(few.files)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet")} == set(few.files)


def test_run_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"holds no run \(run.json is missing\)"):
        source_of(tmp_path, LABELLED)


def test_run_that_has_not_ended_is_refused(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=2, files=1)
    (run / "summary.json").unlink()
    with pytest.raises(AtlasError, match="the run has not ended"):
        source_of(run, LABELLED)


def test_run_without_one_of_its_parts_is_refused(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=2, files=2)
    next(iter(sorted((run / "parts").iterdir()))).unlink()
    with pytest.raises(AtlasError, match="its summary says 4 documents, but its parts hold 2: a part is missing"):
        source_of(run, LABELLED)


def test_run_of_no_document_is_refused(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=2, files=1, fails_on="Entry")
    with pytest.raises(AtlasError, match="holds no chunk"):
        source_of(run, LABELLED)


def test_damaged_part_is_named(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=20, files=1)
    part = next((run / "parts").iterdir())
    where = pq.read_metadata(part).row_group(0).column(8)
    at = where.data_page_offset + where.total_compressed_size // 2
    raw = bytearray(part.read_bytes())
    raw[at] ^= 0xFF
    part.write_bytes(raw)
    with pytest.raises(AtlasError, match=r"parquet: is damaged .*--verify"):
        cooccurrence(run, LABELLED, tmp_path / "out")


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_documents_come_whole_whatever_the_row_groups(size: int, tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=9, files=2)
    in_small_row_groups(run, size)
    source = source_of(run, LABELLED)
    plain = rows(run)
    found: list[Any] = []
    for block, documents in numbered(whole_documents(source, ["chunk_id", "doc_id"])):
        assert block.row == len(found)
        assert block.table.column("chunk_id")[0].as_py() == 0
        found += zip(documents.tolist(), block.table.column("doc_id").to_pylist(), strict=True)
    ids = list(dict.fromkeys(row["doc_id"] for row in plain))
    assert found == [(ids.index(row["doc_id"]), row["doc_id"]) for row in plain]


def test_blocks_of_wanted_rows_alone_are_read(tmp_path: Path) -> None:
    run = annotated(tmp_path, documents=9, files=2)
    in_small_row_groups(run, 5)
    source = source_of(run, LABELLED)
    wanted = pa.array([7, 20]).to_numpy()
    assert [block.row for block in blocks(source, ["doc_id"], rows=wanted)] == [5, 18]
