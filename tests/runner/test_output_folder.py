"""A run's folder is its own, only one run writes to it, and a disk that fails costs nothing that was finished."""

import errno
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_files import Write, contents, everything, run_over, source_of, times, whole_parts
from stages_with_faults import MARK, FaultyStage, Raises, small_chunks

from atlas.errors import AtlasError
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.runner.run import Execution, run
from atlas.storage import TEMPORARY

STAGE = small_chunks()


def test_folder_of_another_corpus_is_refused_and_not_changed(write_corpus: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(STAGE, write_corpus(), out)
    before, when = everything(out), times(out)
    with pytest.raises(AtlasError, match="belongs to another run"):
        run_over(STAGE, write_corpus("other"), out)
    assert (everything(out), times(out)) == (before, when)


def test_folder_of_another_stage_is_refused_and_not_changed(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    run_over(STAGE, corpus, out)
    before, when = everything(out), times(out)
    with pytest.raises(AtlasError, match=r"belongs to another run \(chunk of .*this one is annotate"):
        run_over(FaultyStage(name="annotate"), corpus, out)
    assert (everything(out), times(out)) == (before, when)


def test_folder_with_files_of_somebody_else_is_refused_and_not_touched(write_corpus: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "parts").mkdir(parents=True)
    (out / "thesis.tex").write_text("all my work")
    with pytest.raises(AtlasError, match=r"thesis\.tex.*empty or new output folder"):
        run_over(STAGE, write_corpus(), out)
    assert sorted(path.name for path in out.rglob("*")) == ["parts", "thesis.tex"]


def test_output_that_is_a_file_is_refused_and_not_touched(write_corpus: Write, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("all my work")
    with pytest.raises(AtlasError, match="is a file"):
        run_over(STAGE, write_corpus(), out)
    assert out.read_text() == "all my work"


def test_output_that_can_not_be_made_is_one_clear_error(write_corpus: Write, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    with pytest.raises(AtlasError, match=f"{out}.*mend the rights, then run the same command again"):
        run_over(STAGE, write_corpus(), out)


def test_wrong_corpus_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="no such file"):
        run_over(STAGE, tmp_path / "nowhere", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_second_run_at_the_same_time_is_refused_and_the_first_unharmed(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    refused = []

    def second(*_: object) -> None:
        with pytest.raises(AtlasError, match="another run is writing here") as error:
            run_over(STAGE, corpus, out)
        refused.append(error.value)

    recipe = {"corpus": source_of(corpus).config.model_dump(mode="json"), "chunk": STAGE.identity()["chunk"]}
    assert run(STAGE, source_of(corpus), out, str(corpus), recipe, watch=second).balanced
    assert len(refused) == 4
    run_over(STAGE, corpus, tmp_path / "undisturbed")
    assert everything(out) == everything(tmp_path / "undisturbed")


def test_damaged_manifest_is_named_and_after_its_deletion_the_parts_are_kept(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    run_over(STAGE, corpus, out)
    before = everything(out)
    (out / MANIFEST).write_text('{"atlas": ')
    with pytest.raises(AtlasError, match=rf"{MANIFEST}: is damaged.*delete it and run again"):
        run_over(STAGE, corpus, out)
    (out / MANIFEST).unlink()
    assert run_over(STAGE, corpus, out).units_done_before == 4
    assert everything(out) == before


def test_folders_that_were_deleted_are_made_again(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(text={"2-1": MARK}), tmp_path / "out"
    run_over(STAGE, corpus, out)
    (out / "quarantine").rmdir()
    file = corpus / "2.jsonl"
    file.write_text(file.read_text().replace("Log entry", "Log entri"))
    result = run_over(Raises(), corpus, out)
    assert result.balanced
    assert result.counts.quarantined == 1


def test_what_a_killed_run_left_half_written_is_swept(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    run_over(STAGE, corpus, out)
    before = everything(out)
    for folder in (out, out / "parts", out / "quarantine"):
        (folder / f"{TEMPORARY}half").write_bytes(b"PAR1")
    assert run_over(STAGE, corpus, out).balanced
    assert everything(out) == before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_disk_that_fails_at_any_write_is_one_clear_error_and_the_next_run_completes(
    write_corpus: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    corpus, out = write_corpus(files=2, text={"1-3": MARK}), tmp_path / "out"
    sync = os.fsync
    left = 0

    def failing_sync(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_sync)
    writes = -1
    done = False
    while not done:
        writes += 1
        left = writes
        try:
            done = run_over(Raises(), corpus, out).balanced
        except AtlasError as error:
            assert os.strerror(code) in str(error)
            assert "What was finished is kept. Make room or mend the rights" in str(error)
        assert not list(out.rglob(f"{TEMPORARY}*"))
        assert not (out / "parts").is_dir() or whole_parts(Raises(), corpus, out)
    assert writes > 3
    monkeypatch.undo()
    run_over(Raises(), corpus, tmp_path / "undisturbed")
    assert everything(out) == everything(tmp_path / "undisturbed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory, or changes its options. Skips where that takes rights one has not got."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("may not mount")
        return disk

    yield mount
    subprocess.run(["umount", str(disk)], capture_output=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_full_disk_is_one_clear_error_and_with_room_again_the_run_completes(
    tmp_path: Path,
    small_disk: Callable[[str], Path],
    workers: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    disk = small_disk("size=256k")
    corpus = _incompressible_corpus(tmp_path / "corpus")
    with pytest.raises(AtlasError, match=r"No space left on device.*Make room") as error:
        run_over(STAGE, corpus, disk / "out", Execution(workers=workers))
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
    finished = contents(disk / "out")
    assert 1 <= len(finished) < 6
    assert whole_parts(STAGE, corpus, disk / "out")
    small_disk("remount,size=8m")
    assert run_over(STAGE, corpus, disk / "out", Execution(workers=workers)).units_done_before == len(finished)
    run_over(STAGE, corpus, tmp_path / "undisturbed")
    assert contents(disk / "out") == contents(tmp_path / "undisturbed")


def test_read_only_disk_is_one_clear_error(
    write_corpus: Write, tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    corpus = write_corpus()
    disk = small_disk("size=1m")
    run_over(STAGE, corpus, disk / "out")
    before = everything(disk / "out")
    (corpus / "0.jsonl").write_text('{"id": "a", "text": "changed"}\n')
    small_disk("remount,ro")
    with pytest.raises(AtlasError, match=r"Read-only file system.*mend the rights"):
        run_over(STAGE, corpus, disk / "out")
    assert everything(disk / "out") == before
    assert RunFolder.at(disk / "out").parts()


def _incompressible_corpus(folder: Path) -> Path:
    folder.mkdir()
    letters = random.Random(7)
    for file in range(6):
        words = " ".join(f"{letters.getrandbits(64):x}" for _ in range(6000))
        (folder / f"{file}.jsonl").write_text(f'{{"id": "{file}", "text": "{words}"}}\n')
    return folder
