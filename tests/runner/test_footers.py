"""What a run remembers of its parts: a cache, which is right or passed over."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_files import Write, everything, part, run_over, times
from stages_with_faults import MARK, Raises

from atlas.runner import footers, run
from atlas.runner.folder import RunFolder
from atlas.runner.footers import CACHE, Looked, each, keep

STAGE = Raises()
UNITS = 6


@pytest.fixture
def ended(write_corpus: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Corpus and run, with a record in quarantine, which keeps what it reads however little and recent that is."""
    monkeypatch.setattr(footers, "WORTH_KEEPING", 1)
    monkeypatch.setattr(run, "WORTH_KEEPING", 1)
    monkeypatch.setattr(footers, "SETTLED_SECONDS", 0.0)
    corpus, out = write_corpus(files=UNITS, documents=2, text={"2-1": MARK}), tmp_path / "out"
    run_over(STAGE, corpus, out)
    return corpus, out


def _all(out: Path) -> dict[str, Looked]:
    return {str(Path(file.path).relative_to(out)): file for file in each(RunFolder.at(out))}


def _spoil_but_for_the_stamp(file: Path) -> None:
    """Make a file unreadable; its size and time of change stay."""
    stat = file.stat()
    file.write_bytes(b"x" * stat.st_size)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_files_that_are_known_are_not_opened_again(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    before = _all(out)
    assert len(before) == UNITS + 1
    for folder in ("parts", "quarantine"):
        for file in (out / folder).iterdir():
            _spoil_but_for_the_stamp(file)
    assert _all(out) == before
    assert run_over(STAGE, corpus, out).units_done_before == UNITS


def test_without_the_cache_all_is_the_same(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    before, when = _all(out), times(out)
    (out / CACHE).unlink()
    assert _all(out) == before
    assert run_over(STAGE, corpus, out).units_done_before == UNITS
    assert times(out) == when
    assert (out / CACHE).exists()


@pytest.mark.parametrize("content", [b"", b"PAR1 torn", None], ids=["empty", "torn", "another table"])
def test_damaged_cache_is_passed_over(ended: tuple[Path, Path], content: bytes | None) -> None:
    corpus, out = ended
    before = _all(out)
    if content is None:
        (out / CACHE).write_bytes(part(out, "0.").read_bytes())
    else:
        (out / CACHE).write_bytes(content)
    assert _all(out) == before
    assert run_over(STAGE, corpus, out).units_done_before == UNITS


def test_file_that_changed_is_read_again(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    before = everything(out)
    changed = part(out, "3.")
    _spoil_but_for_the_stamp(changed)
    os.utime(changed)
    assert _all(out)[str(changed.relative_to(out))].footer is None
    assert run_over(STAGE, corpus, out).units_done_before == UNITS - 1
    assert everything(out).items() >= {n: c for n, c in before.items() if n != CACHE}.items()


def test_file_that_is_gone_or_new_is_noticed(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    part(out, "3.").unlink()
    (corpus / "7.jsonl").write_text('{"id": "new", "text": "One more."}\n')
    assert run_over(STAGE, corpus, out).units_done_before == UNITS - 1
    assert len(_all(out)) == UNITS + 2


def test_damaged_file_is_not_remembered_as_such(ended: tuple[Path, Path]) -> None:
    _, out = ended
    torn = part(out, "3.")
    torn.write_bytes(b"torn")
    (out / CACHE).unlink()
    keep(RunFolder.at(out))
    assert _all(out)[str(torn.relative_to(out))].footer is None
    assert str(torn.relative_to(out)) not in pq.read_table(out / CACHE).column("file").to_pylist()


def test_file_that_may_change_within_its_tick_of_time_is_not_kept(
    ended: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out = ended
    (out / CACHE).unlink()
    monkeypatch.setattr(footers, "SETTLED_SECONDS", 3600.0)
    keep(RunFolder.at(out))
    assert pq.read_metadata(out / CACHE).num_rows == 0


def test_few_files_are_not_worth_a_cache(write_corpus: Write, tmp_path: Path) -> None:
    run_over(STAGE, write_corpus(), tmp_path / "out")
    assert not (tmp_path / "out" / CACHE).exists()


def test_looking_keeps_nothing(ended: tuple[Path, Path]) -> None:
    _, out = ended
    (out / CACHE).unlink()
    _all(out)
    assert not (out / CACHE).exists()
