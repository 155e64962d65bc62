"""Records of every kind that can't be processed: each is named, counted and kept, and comes back once it is mended."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import poisoned
import pytest
from poisoned import Bad
from run_files import contents, documents_in_parts, run_over, source_of, times
from stages_with_faults import MARK, FaultyStage, Kills, small_chunks

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.errors import Unavailable
from atlas.runner.balance import Result
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import quarantined, status
from atlas.runner.retry import Retried, retry
from atlas.runner.run import Execution
from atlas.stage import Stage


@dataclass(frozen=True)
class Ended:
    """A run over a poisoned corpus, with what is bad in it by file."""

    corpus: Path
    out: Path
    bad: dict[str, list[Bad]]
    result: Result | None = None

    @property
    def waiting(self) -> int:
        return sum(len(records) for records in self.bad.values())

    def retry(self, stage: Stage) -> Retried:
        return retry(stage, source_of(self.corpus), RunFolder.at(self.out))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("poison")
    bad = poisoned.write_corpus(folder / "corpus")
    result = run_over(Kills(), folder / "corpus", folder / "out", Execution(workers=2))
    return Ended(folder / "corpus", folder / "out", bad, result)


@pytest.fixture
def ended(first: Ended, tmp_path: Path) -> Ended:
    """A copy to work on."""
    shutil.copytree(first.corpus, tmp_path / "corpus")
    shutil.copytree(first.out, tmp_path / "out")
    return Ended(tmp_path / "corpus", tmp_path / "out", first.bad)


def _records(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Quarantined records by file, in the order in which they stand there."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(quarantined(RunFolder.at(out)), key=lambda row: row["row"]):
        found.setdefault(row["unit"].rsplit("-", 2)[0], []).append(row)
    return found


def _place(corpus: Path, name: str, bad: Bad) -> str:
    """Where a record is, as people are told."""
    path = corpus / name
    if name == "none.parquet":
        return str(path)
    if name.endswith(".parquet"):
        return f"{path}, row {bad.at}"
    if name.endswith(".gz"):
        return f"{path}, from line {bad.at + 1} on"
    return f"{path}, byte {_offset(path, bad.at)}"


def _offset(path: Path, line: int) -> int:
    return sum(map(len, path.read_bytes().splitlines(keepends=True)[:line]))


@pytest.mark.parametrize("name", poisoned.KINDS)
def test_record_is_named_by_file_place_and_reason_and_its_content_is_kept(name: str, first: Ended) -> None:
    found = _records(first.out)[name]
    assert [(row["reason"], row["location"]) for row in found] == [
        (bad.reason, _place(first.corpus, name, bad)) for bad in first.bad[name]
    ]
    for row, bad in zip(found, first.bad[name], strict=True):
        assert row["detail"].startswith(bad.detail)
        if bad.reason == "unreadable":
            assert row["content"] == bad.raw
        else:
            assert isinstance(json.loads(row["content"]), dict)


def test_good_records_come_out_and_the_balance_counts_the_others(first: Ended) -> None:
    assert first.result is not None
    assert first.result.balanced
    counts = first.result.counts
    ids = documents_in_parts(first.out)
    assert counts.quarantined == first.waiting == sum(map(len, _records(first.out).values()))
    assert counts.records_in == counts.records_out + counts.quarantined
    assert len(ids) == len(set(ids)) == counts.records_out
    cut = first.bad["cut.jsonl.gz"][0].at
    good = {"good.jsonl": 5, "good.parquet": 5, "values.jsonl": 1, "gigantic.jsonl": 2, "page.parquet": 8}
    good |= {"cut.jsonl.gz": cut, "killer.jsonl": 3}
    assert sorted(ids) == sorted(f"{name}-{row}" for name, rows in good.items() for row in _rows_of(name, rows))


def _rows_of(name: str, good: int) -> list[int]:
    lost = {"gigantic.jsonl": {1}, "page.parquet": {4, 5, 6, 7}, "killer.jsonl": {2}}.get(name, set())
    return [row for row in range(good + len(lost)) if row not in lost]


def test_retry_of_what_nobody_mended_changes_nothing(ended: Ended) -> None:
    when = times(ended.out)
    assert ended.retry(Kills()) == Retried(mended=0, left=ended.waiting)
    assert times(ended.out) == when


def test_one_mended_file_is_made_anew_and_no_other_part_is_touched(ended: Ended) -> None:
    when = times(ended.out)
    poisoned.write(ended.corpus, "values.jsonl", mended=True)
    unit = "values.jsonl-00000000-00000001"
    assert ended.retry(Kills()) == Retried(len(poisoned.VALUES), ended.waiting - len(poisoned.VALUES), (unit,))
    now = times(ended.out)
    assert now.keys() == when.keys()
    assert {name for name in now if now[name] != when[name]} == {f"{unit}.parquet"}
    assert "values.jsonl" not in _records(ended.out)
    assert status(RunFolder.at(ended.out)).complete


def test_file_mended_by_half_is_made_anew_and_the_other_half_stays_in_quarantine(ended: Ended) -> None:
    path = ended.corpus / "values.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if line != poisoned.VALUES[0][0]))  # a line less
    retried = ended.retry(Kills())
    assert (retried.mended, retried.left) == (1, ended.waiting - 1)
    assert [row["reason"] for row in _records(ended.out)["values.jsonl"]] == [
        reason for _, reason, _ in poisoned.VALUES[1:]
    ]


def test_record_that_killed_its_worker_comes_back_when_the_stage_can(ended: Ended) -> None:
    when = times(ended.out)
    assert ended.retry(small_chunks()) == Retried(mended=1, left=ended.waiting - 1)
    now = times(ended.out)
    assert {name: now[name] for name in when} == when
    assert now.keys() - when.keys() == {"killer.jsonl-00000000-00000001.retry.parquet"}


def test_all_mended_is_folded_in_and_good_parts_are_not_rewritten(ended: Ended, tmp_path: Path) -> None:
    when = times(ended.out)
    for name in poisoned.KINDS:
        poisoned.write(ended.corpus, name, mended=True)
    retried = ended.retry(Kills())
    assert (retried.mended, retried.left, retried.problems) == (ended.waiting, 0, ())
    assert retried.removed == ("none.parquet-00000000-00000001",)  # its one unit now has three row groups
    now = times(ended.out)
    assert {name for name, time in when.items() if now.get(name) == time} == {
        "good.jsonl-00000000-00000001.parquet",
        "good.parquet-00000000-00000001.parquet",
    }
    assert status(RunFolder.at(ended.out)).complete
    assert not list((ended.out / "quarantine").iterdir())
    poisoned.write_corpus(tmp_path / "sound", mended=True)
    run_over(small_chunks(), tmp_path / "sound", tmp_path / "undisturbed")
    assert contents(ended.out) == contents(tmp_path / "undisturbed")
    manifests = [json.loads((out / "run.json").read_text()) for out in (ended.out, tmp_path / "undisturbed")]
    assert manifests[0]["inputs"] == manifests[1]["inputs"]


def test_file_that_was_no_parquet_and_is_gone_leaves_nothing_behind(ended: Ended) -> None:
    (ended.corpus / "none.parquet").unlink()
    retried = ended.retry(Kills())
    assert (retried.mended, retried.removed) == (1, ("none.parquet-00000000-00000001",))
    assert status(RunFolder.at(ended.out)).complete


def test_file_with_good_records_that_is_gone_is_named_and_its_part_stays(ended: Ended) -> None:
    (ended.corpus / "values.jsonl").unlink()
    retried = ended.retry(Kills())
    assert (retried.mended, retried.removed) == (0, ())
    assert any("values.jsonl-00000000-00000001.parquet" in problem for problem in retried.problems)
    assert (ended.out / "parts" / "values.jsonl-00000000-00000001.parquet").exists()


def test_changed_file_without_a_record_in_quarantine_is_a_runs_to_do(ended: Ended) -> None:
    when = times(ended.out)
    good = ended.corpus / "good.jsonl"
    good.write_text(good.read_text().replace("tide", "moon"))
    retried = ended.retry(Kills())
    assert (retried.mended, retried.left, retried.remade) == (0, ended.waiting, ())
    changed = "its input, settings or models have changed; run the same command again"
    assert retried.problems == (f"not done: good.jsonl-00000000-00000001: {changed}",)
    assert times(ended.out) == when


@dataclass(frozen=True)
class BreaksOff(FaultyStage):
    """Can't go on at a marked record, as long as the file ``cause`` is there."""

    cause: str = ""

    def fault(self, text: str) -> None:
        if Path(self.cause).exists():
            raise Unavailable("the engine is gone")


def test_retry_that_breaks_off_is_taken_up_where_it_was_and_old_units_go(tmp_path: Path) -> None:
    corpus, out, cause = tmp_path / "corpus", tmp_path / "out", tmp_path / "cause"
    corpus.mkdir()
    lines = [json.dumps({"id": str(number), "text": f"Entry {number}. {MARK}"}) + "\n" for number in range(9)]
    one = len(lines[0].encode())
    (corpus / "a.jsonl").write_text("".join(["broken".ljust(one - 1) + "\n", *lines]))
    source = source_of(corpus, unit_bytes=2 * one)
    stage = BreaksOff(cause=str(cause))
    assert run_over(stage, corpus, out, unit_bytes=2 * one).units == 5
    (corpus / "a.jsonl").write_text("".join(lines[:5]))  # three units
    cause.touch()
    with pytest.raises(Unavailable):
        retry(stage, source, RunFolder.at(out))
    assert not status(RunFolder.at(out)).complete
    cause.unlink()
    retried = retry(stage, source, RunFolder.at(out))
    assert (retried.mended, retried.left, retried.problems) == (1, 0, ())
    assert retried.removed == tuple(f"a.jsonl-0000000{number}-0000000{number + 1}" for number in (3, 4))
    assert documents_in_parts(out) == ["0", "1", "2", "3", "4"]
    assert status(RunFolder.at(out)).complete


def test_units_made_with_other_settings_are_a_runs_to_do(ended: Ended) -> None:
    for name in poisoned.KINDS:
        poisoned.write(ended.corpus, name, mended=True)
    when = times(ended.out)
    retried = ended.retry(ChunkStage(ChunkConfig(target_tokens=20, max_tokens=40)))
    assert (retried.mended, retried.left, retried.remade) == (0, ended.waiting, ())
    assert times(ended.out) == when
    assert not status(RunFolder.at(ended.out)).complete
