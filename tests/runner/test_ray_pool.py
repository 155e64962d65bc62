"""The pool of actors: how large it is, what it is given, and what becomes of those that die."""

import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from run_files import Write, run_over, source_of
from stages_with_faults import small_chunks

from atlas.errors import AtlasError
from atlas.runner import on_ray
from atlas.runner.executors import Died, Failed
from atlas.runner.folder import RunFolder
from atlas.runner.on_ray import AHEAD, OnRay
from atlas.runner.plan import plan
from atlas.runner.ray_cluster import Share
from atlas.runner.run import Execution, _make_worker

CPUS = 2  # of the tests' cluster
SMALL = 4096  # bytes


def _doubles() -> Callable[[int], int]:
    return lambda number: 2 * number


def _kills_itself() -> Callable[[int], int]:
    def work(number: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return number

    return work


@pytest.mark.parametrize(
    ("least", "most", "share", "slots"),
    [
        (1, None, Share(), CPUS + AHEAD),
        (1, None, Share(0.5), 2 * CPUS + AHEAD),
        (5, 5, Share(), 5),
        (1, 1, Share(), 1),
        (1, 9, Share(), CPUS + AHEAD),
        (3, 9, Share(), 3 + AHEAD),
    ],
)
def test_pool_follows_the_room_between_what_is_asked_for_and_what_is_allowed(
    least: int, most: int | None, share: Share, slots: int, ray_cluster: None
) -> None:
    pool = OnRay[int, int](_doubles, least, most, share=share)
    assert pool.slots == slots
    pool.close()


def test_every_task_is_answered_once(ray_cluster: None) -> None:
    pool = OnRay[int, int](_doubles)
    for number in range(pool.slots):
        pool.submit(number)
    answers = [pool.answer() for _ in range(pool.slots)]
    pool.close()
    assert sorted(answers) == [2 * number for number in range(pool.slots)]  # type: ignore[type-var]


def test_workers_that_share_a_cpu_are_at_work_at_the_same_time(tmp_path: Path, ray_cluster: None) -> None:
    here, leave = str(tmp_path / "here"), str(tmp_path / "leave")
    os.mkfifo(here)
    os.mkfifo(leave)

    def make() -> Callable[[int], int]:
        def work(number: int) -> int:
            Path(here).write_text(".")
            gate = os.open(leave, os.O_RDONLY)
            os.read(gate, 1)
            os.close(gate)
            return number

        return work

    fifo, gate = os.open(here, os.O_RDWR), os.open(leave, os.O_RDWR)

    def let_them_go_when_all_are_there() -> None:
        met = b""
        while len(met) < 2 * CPUS:
            met += os.read(fifo, 100)
        os.write(gate, b"." * 2 * CPUS)

    meeting = threading.Thread(target=let_them_go_when_all_are_there, daemon=True)
    meeting.start()
    pool = OnRay[int, int](make, share=Share(0.5))
    for number in range(2 * CPUS):
        pool.submit(number)
    answers = {pool.answer() for _ in range(2 * CPUS)}
    meeting.join()
    pool.close()
    os.close(fifo)
    os.close(gate)
    assert answers == set(range(2 * CPUS))


def test_worker_that_is_killed_may_have_died_of_memory_and_the_next_answers_go_on(ray_cluster: None) -> None:
    pool = OnRay[int, int](_kills_itself, 1, 1)
    pool.submit(7)
    died = pool.answer()
    pool.close()
    assert isinstance(died, Died)
    assert (died.task, died.memory) == (7, True)
    assert died.how.startswith("The actor is dead because its worker process has died")
    assert "\n" not in died.how


def test_answer_that_can_not_be_sent_is_the_tasks_failure(ray_cluster: None) -> None:
    pool = OnRay[int, object](lambda: lambda _: threading.Lock(), 1, 1)
    pool.submit(7)
    failed = pool.answer()
    pool.close()
    assert isinstance(failed, Failed)
    assert failed.task == 7
    assert "lock" in str(failed.error)


def test_node_with_another_version_of_atlas_is_refused(ray_cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "__version__", "0.0.0")
    pool = OnRay[int, int](_doubles)
    pool.submit(7)
    with pytest.raises(AtlasError, match=r"and here is 0\.0\.0"):
        pool.answer()
    pool.close()


def test_more_than_any_node_has_is_refused_where_no_node_can_come(
    write_corpus: Write, tmp_path: Path, ray_cluster: None
) -> None:
    with pytest.raises(AtlasError, match=r"each worker needs 1 CPU, 1 GPU, and no node of Ray here has that"):
        run_over(small_chunks(), write_corpus(), tmp_path / "out", Execution("ray", gpus=1))


class _Said(Exception):
    """What was logged."""


class _Stops(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise _Said(record.getMessage())


def test_cluster_that_may_grow_is_waited_for_but_not_in_silence(
    ray_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_ray, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(on_ray, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(on_ray.log, "handlers", [_Stops()])
    pool = OnRay[int, int](_doubles, address="one that may grow", share=Share(gpus=1))
    pool.submit(7)
    with pytest.raises(_Said, match=r"each needs 1 CPU, 1 GPU\): no node of the cluster has it"):
        pool.answer()
    pool.close()


def test_tasks_and_workers_travel_as_names_and_settings(write_corpus: Write, tmp_path: Path) -> None:
    corpus = write_corpus(files=1, documents=2000)
    stage, source, folder = small_chunks(), source_of(corpus), RunFolder.at(tmp_path / "out")
    (task,) = plan(stage, source, folder).todo
    assert len(pickle.dumps(task)) < SMALL
    assert len(pickle.dumps((_make_worker, stage, source, folder))) < SMALL
