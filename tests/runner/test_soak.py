"""The soak in small: runs killed at seeded random moments end as if undisturbed (``benchmarks/soak.py``)."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import soak
from run_files import Write, run_over
from soak_compare import differences
from soak_watch import Watch
from stages_with_faults import MARK, Raises

ROOT = Path(__file__).parents[2]
STAGE = Raises()


def _options(out: Path) -> Namespace:
    how = {"executor": "local", "kills": 10, "seed": 1, "workers": 2, "stages": "chunk", "halves": False, "model": None}
    corpus = {"corpus": str(ROOT / soak.EXAMPLES), "id": "doc_id", "documents": 45, "units": 15}
    return Namespace(out=out, **how, **corpus)


@pytest.mark.slow
def test_runs_killed_at_random_end_as_if_undisturbed_and_leave_no_process(tmp_path: Path) -> None:
    said: list[str] = []
    (row,) = soak.soak(_options(tmp_path), said.append)
    assert not [line for line in said if "PROBLEM" in line]
    assert (row["differences"], row["left_behind"]) == (0, 0)
    assert row["kills"] == 10
    assert row["finished"] == row["units"]
    assert sum("SIGKILL" in line for line in said) == 10


@pytest.fixture
def pair(write_corpus: Write, tmp_path: Path) -> tuple[Path, Path]:
    """Two runs that are the same."""
    corpus = write_corpus(files=2, text={"1-2": MARK})
    for name in ("one", "other"):
        assert run_over(STAGE, corpus, tmp_path / name).balanced
    return tmp_path / "one", tmp_path / "other"


def test_comparison_of_runs_that_are_the_same_finds_nothing(pair: tuple[Path, Path]) -> None:
    one, other = pair
    (one / ".footers.parquet").write_bytes(b"a cache")
    assert differences(one, other) == []


@pytest.mark.parametrize("folder", ["parts", "quarantine"])
@pytest.mark.parametrize("how", ["missing", "too many", "other bytes"])
def test_comparison_finds_every_file_that_is_not_as_it_should_be(
    pair: tuple[Path, Path], folder: str, how: str
) -> None:
    one, other = pair
    file = sorted((one / folder).iterdir())[-1]
    if how == "missing":
        file.unlink()
    elif how == "too many":
        file = file.with_name(".tmp-half")
        file.touch()
    else:
        file.write_bytes(file.read_bytes() + b"!")
    assert differences(one, other) == [f"{how}: {folder}/{file.name}"]


def test_comparison_finds_a_run_without_balance(pair: tuple[Path, Path]) -> None:
    one, _ = pair
    summary = one / "summary.json"
    summary.write_text(summary.read_text().replace('"sound": true', '"sound": false'))
    assert [line.split(":")[0] for line in differences(one, one)] == ["not in balance"]


def test_watch_counts_what_is_begun_and_what_gets_its_name(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(files=3), tmp_path / "out"
    with Watch(out / "parts") as watch:
        run_over(STAGE, corpus, out)
        watch.read()
        assert (watch.begun, watch.parts) == (3, 3)
        next((out / "parts").iterdir()).unlink()
        (out / "parts" / ".tmp-half").touch()
        run_over(STAGE, corpus, out)
        watch.read()
    assert (watch.begun, watch.parts) == (5, 4)
    assert sorted(watch.finished.values()) == [1, 1, 2]
