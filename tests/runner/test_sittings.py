"""A run's log says who worked on it, when, with what and how far, and whether somebody still does."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from run_files import Write, everything, source_of
from stages_with_faults import small_chunks

from atlas import __version__, verbs
from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.units import Unit
from atlas.runner import live
from atlas.runner.counts import Counts
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import Status, status
from atlas.runner.plan import plan
from atlas.runner.run import Execution
from atlas.runner.sittings import Sitting, and_unit, begun, ended, inputs_of, sittings, write
from atlas.verbs import Hooks

HERE = socket.gethostname()
GONE = subprocess.Popen([sys.executable, "-c", ""])  # a process that has been, and so a pid of none
GONE.wait()


def chunked(corpus: Path, out: Path, hooks: Hooks = verbs.QUIET, execution: Execution = verbs.HERE) -> None:
    verbs.chunk(CorpusConfig(path=str(corpus), id="id"), ChunkConfig(), out, execution, hooks)


def looked_at(out: Path) -> Status:
    return status(RunFolder.at(out))


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def sitting(write_corpus: Write, tmp_path: Path) -> Sitting:
    """One of this process, that has just begun on four units."""
    stage = small_chunks()
    planned = plan(stage, source_of(write_corpus()), RunFolder.at(tmp_path / "out"))
    return begun(planned, {"executor": "local", "workers": 1}, stage.identity())


# What is noted


def test_run_notes_who_when_with_what_from_what(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    chunked(corpus, out)
    (noted,) = sittings(RunFolder.at(out))
    assert (noted.host, noted.pid, noted.outcome) == (HERE, os.getpid(), "done")
    assert noted.started < noted.last <= noted.ended
    assert noted.versions["atlas"] == __version__
    assert noted.how == {"executor": "local", "workers": 1}
    assert noted.settings["tokenizer"] == "cl100k_base"
    assert noted.settings["chunk"]["target_tokens"] == 100
    size = sum(file.stat().st_size for file in corpus.iterdir())
    assert (noted.inputs["files"], noted.inputs["bytes"]) == (4, size)
    assert (noted.units, noted.before, noted.todo, noted.done) == (4, 0, 4, 4)
    assert (noted.todo_bytes, noted.done_bytes) == (size, size)
    assert noted.counts == looked_at(out).counts


def test_retry_notes_who_when_and_what_came_of_it(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    chunked(corpus, out)
    left = verbs.retry(out).left
    _, noted = sittings(RunFolder.at(out))
    assert (noted.pid, noted.how["verb"], noted.done) == (os.getpid(), "retry", 0)
    assert noted.outcome == f"0 records came out of quarantine, {left} are left"
    assert looked_at(out).state == "complete"


def test_retry_that_is_stopped_is_noted_so(
    write_corpus: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    chunked(corpus, out)
    monkeypatch.setattr("atlas.runner.retry.mended_inputs", stop)
    with pytest.raises(KeyboardInterrupt):
        verbs.retry(out)
    assert sittings(RunFolder.at(out))[-1].outcome == "stopped: interrupted"


def test_stopped_and_resumed_run_has_two_sittings_and_else_the_same_bytes(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        chunked(corpus, out, Hooks(watch=stop))
    chunked(corpus, out)
    first, second = sittings(RunFolder.at(out))
    assert (first.outcome, first.done, first.ended != "") == ("stopped: interrupted", 1, True)
    assert (second.outcome, second.before, second.todo, second.done) == ("done", 1, 3, 3)
    chunked(corpus, tmp_path / "undisturbed")
    assert everything(out) == everything(tmp_path / "undisturbed")


def test_start_with_nothing_to_do_leaves_no_note(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    chunked(corpus, out)
    chunked(corpus, out)
    assert len(sittings(RunFolder.at(out))) == 1


def test_shards_have_a_sitting_each(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    for number in (1, 2):
        chunked(corpus, out, execution=Execution(shard=(number, 2)))
    one, two = sittings(RunFolder.at(out))
    assert [(each.how["shard"], each.todo, each.outcome) for each in (one, two)] == [
        ("1/2", 2, "waits for other shards"),
        ("2/2", 2, "done"),
    ]


def test_log_that_can_not_be_written_stops_no_run(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    out.mkdir()
    (out / "log").touch()
    chunked(corpus, out)
    assert looked_at(out).complete


def test_damaged_note_is_passed_over(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    chunked(corpus, out)
    (note,) = (out / "log").iterdir()
    (out / "log" / "0.json").write_bytes(note.read_bytes()[:-20])
    (out / "log" / "1.json").write_text(json.dumps({"of": "another version"}))
    assert [each.outcome for each in sittings(RunFolder.at(out))] == ["done"]
    assert looked_at(out).complete


def unit(label: str, fingerprint: str = "f", form: str = "jsonl", stop: int = 1) -> Unit:
    return Unit(label, form, f"/corpus/{label}", label, 0, stop, fingerprint, -1, 10)


def test_digest_of_inputs_goes_by_content_and_not_by_order_or_place() -> None:
    ab = inputs_of([unit("a"), unit("b")])
    assert ab == inputs_of([unit("b"), unit("a")])
    assert (ab["files"], ab["bytes"]) == (2, 20)
    assert ab["digest"] != inputs_of([unit("a"), unit("b", "g")])["digest"]
    elsewhere = [replace(each, path=f"/mnt/{each.label}") for each in (unit("a"), unit("b"))]
    assert inputs_of(elsewhere) == ab


def test_files_are_counted_not_units_and_text_files_one_by_one() -> None:
    two_units = [unit("a"), replace(unit("a"), start=1, stop=2)]
    assert inputs_of(two_units)["files"] == 1
    assert inputs_of([unit("text", form="text", stop=7)])["files"] == 7


def test_time_left_is_by_bytes(sitting: Sitting) -> None:
    assert sitting.left() is None
    later = replace(
        sitting, started="2026-01-01T00:00:00Z", last="2026-01-01T00:00:10Z", todo_bytes=300, done_bytes=100
    )
    assert later.left() == pytest.approx(20.0)


# Who is at work


def test_status_of_a_live_run_says_who_and_how_far(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    seen: list[Status] = []
    chunked(corpus, out, Hooks(watch=lambda *_: seen.append(looked_at(out))))
    assert [found.state for found in seen] == ["running"] * 4
    assert [(found.parts, found.planned) for found in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [each.pid for found in seen for each in found.live] == [os.getpid()] * 4
    after = looked_at(out)
    assert (after.state, after.running, after.live) == ("complete", False, ())


def test_status_of_a_shard_at_work_is_running(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    seen: list[Status] = []
    watch = Hooks(watch=lambda *_: seen.append(looked_at(out)))
    chunked(corpus, out, watch, Execution(shard=(2, 2)))
    assert [found.state for found in seen] == ["running"] * 2
    assert looked_at(out).state == "stopped"


def test_looking_does_not_keep_a_run_out(write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        chunked(corpus, out, Hooks(watch=stop))
    assert live.held(RunFolder.at(out)) is False
    chunked(corpus, out)
    assert looked_at(out).complete


def test_run_that_was_killed_is_stopped(sitting: Sitting, write_corpus: Write, tmp_path: Path) -> None:
    corpus, out = write_corpus(), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        chunked(corpus, out, Hooks(watch=stop))
    write(RunFolder.at(out), replace(sitting, pid=GONE.pid))
    found = looked_at(out)
    assert (found.state, found.live, found.planned) == ("stopped", (), 4)


def test_without_locks_a_process_of_this_machine_is_looked_for(sitting: Sitting) -> None:
    assert live.at_work([sitting], None) == [sitting]
    assert live.at_work([replace(sitting, pid=GONE.pid)], None) == []
    assert live.at_work([ended(sitting, "done")], None) == []


def test_without_locks_a_machine_elsewhere_counts_as_at_work_until_it_is_silent_for_long(sitting: Sitting) -> None:
    elsewhere = replace(sitting, host="elsewhere")
    assert live.at_work([elsewhere], None) == [elsewhere]
    silent = replace(elsewhere, started="2026-01-01T00:00:00Z", last="2026-01-01T00:00:10Z")
    assert live.at_work([silent], None) == []
    again = and_unit(silent, unit("a"), Counts())
    assert live.at_work([again], None) == [again]


def test_of_each_shard_the_last_sitting_alone_can_be_at_work(sitting: Sitting) -> None:
    killed, now = replace(sitting, host="elsewhere"), replace(sitting, host="elsewhere", pid=7)
    assert live.at_work([killed, now], True) == [now]
    one, two = (replace(sitting, how={"shard": f"{number}/2"}) for number in (1, 2))
    assert live.at_work([one, two], True) == [one, two]


def test_run_on_a_store_without_locks_has_a_log_and_is_live_while_its_process_is(
    write_corpus: Write, tmp_path: Path
) -> None:
    corpus, out = write_corpus(), f"memory://{tmp_path.name}"
    seen: list[Status] = []

    def look(*_: object) -> None:
        seen.append(status(RunFolder.at(out)))

    corpus_config = CorpusConfig(path=str(corpus), id="id")
    verbs.chunk(corpus_config, ChunkConfig(), out, verbs.HERE, Hooks(watch=look))
    assert [found.state for found in seen] == ["running"] * 4
    after = status(RunFolder.at(out))
    assert (after.state, [each.outcome for each in after.log]) == ("complete", ["done"])
