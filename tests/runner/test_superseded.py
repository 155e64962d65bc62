"""A run over an input that has changed ends as one made from nothing: nothing is left of units that are no more."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from run_files import Write, contents, everything, part, run_over, source_of
from stages_with_faults import MARK, FaultyStage, Raises

from atlas.runner.folder import RunFolder
from atlas.runner.inspect import status
from atlas.runner.retry import retry
from atlas.runner.run import Execution, run

STAGE = Raises()
CUT = {"unit_bytes": 400}


@pytest.fixture
def ended(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    """Two files of several units each, with records in quarantine in the last unit of the first, and their run."""
    corpus, out = write_corpus(files=2, documents=16, text={"0-15": MARK, "0-1": MARK}), tmp_path / "out"
    result = run_over(STAGE, corpus, out, **CUT)
    assert result.sound
    assert result.units > 6
    return corpus, out


def _shorten(corpus: Path, lines: int = 3) -> None:
    file = corpus / "0.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:lines]))


def _fresh(corpus: Path, tmp_path: Path, **columns: object) -> dict[str, bytes]:
    run_over(STAGE, corpus, tmp_path / "fresh", **columns)
    return everything(tmp_path / "fresh")


def test_input_that_is_shorter_now_leaves_nothing_of_its_former_units(ended: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, out = ended
    units = len(contents(out))
    _shorten(corpus)
    result = run_over(STAGE, corpus, out, **CUT)
    assert result.sound
    assert result.superseded == units - result.units > 0
    assert everything(out) == _fresh(corpus, tmp_path, **CUT)
    assert status(RunFolder.at(out)).complete


def test_parts_of_records_that_were_retried_go_with_their_unit(ended: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, out = ended
    assert retry(FaultyStage(), source_of(corpus, **CUT), RunFolder.at(out)).mended == 2
    _shorten(corpus)
    assert run_over(STAGE, corpus, out, **CUT).sound
    assert everything(out) == _fresh(corpus, tmp_path, **CUT)


def test_inputs_that_are_cut_otherwise_leave_nothing_of_the_former_cut(
    ended: tuple[Path, Path], tmp_path: Path
) -> None:
    corpus, out = ended
    assert run_over(STAGE, corpus, out).sound
    assert everything(out) == _fresh(corpus, tmp_path)


def test_row_groups_that_are_others_now(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    rows = pa.table({"id": [str(number) for number in range(12)], "text": [f"Entry {n}." for n in range(12)]})
    pq.write_table(rows, corpus / "a.parquet", row_group_size=2)
    assert run_over(STAGE, corpus, out, unit_bytes=1).units == 6
    pq.write_table(rows, corpus / "a.parquet", row_group_size=5)
    result = run_over(STAGE, corpus, out, unit_bytes=1)
    assert (result.sound, result.units, result.superseded) == (True, 3, 3)
    assert everything(out) == _fresh(corpus, tmp_path, unit_bytes=1)


def test_old_parts_stay_until_all_new_ones_are_there(ended: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, out = ended
    before = contents(out)
    _shorten(corpus)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(STAGE, source_of(corpus, **CUT), out, str(corpus), {}, watch=stop)
    assert contents(out).keys() == before.keys()
    result = run_over(STAGE, corpus, out, **CUT)
    assert (result.sound, result.superseded > 0) == (True, True)
    assert everything(out) == _fresh(corpus, tmp_path, **CUT)


def test_shard_that_ends_last_clears(ended: tuple[Path, Path], tmp_path: Path) -> None:
    corpus, out = ended
    before = contents(out)
    _shorten(corpus, lines=9)
    first, last = (run_over(STAGE, corpus, out, Execution(shard=(number, 2)), **CUT) for number in (1, 2))
    assert (first.superseded, last.superseded) == (0, len(before) - last.units)
    assert everything(out) == _fresh(corpus, tmp_path, **CUT)


@pytest.mark.parametrize("what", ["no footer", "another unit", "another stage", "no Parquet"])
def test_file_that_does_not_say_that_it_is_ours_is_named_and_kept(
    ended: tuple[Path, Path], tmp_path: Path, what: str
) -> None:
    corpus, out = ended
    last = sorted(name for name in contents(out) if name.startswith("0."))[-1]
    stranger = out / "parts" / last
    table = pq.read_table(stranger)
    if what == "no footer":
        pq.write_table(table.replace_schema_metadata(), stranger)
    elif what == "another unit":
        shutil.copy(part(out, "1.jsonl-00000000"), stranger)
    elif what == "another stage":
        said = {key: value.replace(b'"stage": "chunk"', b'"stage": "tag"') for key, value in _footer(stranger).items()}
        pq.write_table(table.replace_schema_metadata(said), stranger)
    else:
        stranger.write_bytes(b"notes")
    there = stranger.read_bytes()
    _shorten(corpus)
    result = run_over(STAGE, corpus, out, **CUT)
    assert result.stale == (str(stranger),)
    assert not result.sound
    assert stranger.read_bytes() == there
    stranger.unlink()
    assert run_over(STAGE, corpus, out, **CUT).sound
    assert everything(out) == _fresh(corpus, tmp_path, **CUT)


def test_quarantine_file_of_another_unit_is_named_and_kept(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    first, last = sorted((out / "quarantine").iterdir())
    shutil.copy(first, last)
    _shorten(corpus)
    assert run_over(STAGE, corpus, out, **CUT).stale == (str(last),)
    assert last.exists()


def test_input_that_is_gone_or_empty_keeps_its_parts_and_is_named(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    before = contents(out)
    (corpus / "0.jsonl").write_text("")
    result = run_over(STAGE, corpus, out, **CUT)
    assert (result.sound, result.superseded) == (False, 0)
    (corpus / "0.jsonl").unlink()
    assert run_over(STAGE, corpus, out, **CUT).stale == result.stale
    assert contents(out) == before


def test_limit_clears_nothing(ended: tuple[Path, Path]) -> None:
    corpus, out = ended
    names = contents(out).keys()
    result = run_over(STAGE, corpus, out, limit=3, **CUT)
    assert (result.sound, result.superseded) == (False, 0)
    assert contents(out).keys() == names
    assert run_over(STAGE, corpus, out, **CUT).sound


def _footer(path: Path) -> dict[bytes, bytes]:
    return {b"atlas": pq.read_metadata(path).metadata[b"atlas"]}
