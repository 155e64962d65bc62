"""One run, killed and resumed until it is complete, and what came of it."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soak_compare import differences
from soak_sitting import Sitting
from soak_watch import Watch

HUNG_SECONDS = 300.0  # after which a run that neither ends nor gets on counts as hung
POLL_SECONDS = 0.1  # between looks whether a driver has ended, while parts are waited for
WORKER_KILLS = 2  # a sitting: a unit that loses three workers is held to be at fault, and rightly
AFTER_A_KILL = "before it was ready for work"  # says a run that lost a worker which was still loading

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """A command whose output folder and number of workers are yet to be given."""

    name: str
    line: tuple[str, ...]
    victims: tuple[str, ...]
    workers: tuple[int, ...]

    def command(self, out: Path, workers: int) -> list[str]:
        return [*self.line, "--out", str(out), "--workers", str(workers)]


@dataclass
class Round:
    """What happened to one run. ``begun`` units were taken up, ``finished`` parts appeared, of ``units`` there are.

    ``in_flight`` is how many units may have been lost at work by the kills together; ``moments`` are the parts that
    were there at each kill; ``seconds`` is how long it took.
    """

    units: int
    kills: Counter[str] = field(default_factory=Counter)
    moments: list[int] = field(default_factory=list)
    sittings: int = 0
    begun: int = 0
    finished: int = 0
    in_flight: int = 0
    seconds: float = 0.0
    left_behind: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def passes(self) -> float:
        """Units taken up, in relation to those there are."""
        return self.begun / self.units

    def when(self, first: float, last: float) -> int:
        """Kills while at least ``first`` and less than ``last`` of all parts were there."""
        return sum(first <= moment / self.units < last for moment in self.moments)


def undisturbed(job: Job, out: Path, workers: int) -> int:
    """Run it once without a kill; how many parts it has."""
    sitting = Sitting(job.command(out, workers), out.with_name(f"{out.name}.txt"))
    if not sitting.ended(HUNG_SECONDS) or sitting.driver.returncode or sitting.left_behind():
        raise SystemExit(f"the undisturbed run failed: {sitting.said()}")
    if lines := differences(out, out):
        raise SystemExit(f"the undisturbed run is not sound: {lines}")
    return len(list((out / "parts").glob("*.parquet")))


def disturbed(job: Job, out: Path, like: Path, units: int, seconds: float, most: int, seed: str, say: Say) -> Round:
    """Run it, kill it at random moments (``_moment_comes``), until it ends by itself.

    After ``most`` kills it is left undisturbed.
    """
    choice, started = random.Random(seed), time.perf_counter()
    result = Round(units)
    with Watch(out / "parts") as watch:
        done = False
        while not done:
            result.sittings += 1
            workers = choice.choice(job.workers)
            sitting = Sitting(job.command(out, workers), out.with_name(f"{out.name}-{result.sittings}.txt"))
            say(f"  sitting {result.sittings}: {workers} workers, {_there(out)} of {units} parts there")
            done = _sit(job, sitting, workers, out, result, seconds, most, choice, watch, say)
    result.begun, result.finished, result.seconds = watch.begun, watch.parts, time.perf_counter() - started
    result.problems += differences(out, like)
    if result.begun > units + result.in_flight:
        result.problems.append(f"{result.begun} of {units} units begun, {result.in_flight} in flight at kills")
    return result


def _sit(
    job: Job,
    sitting: Sitting,
    workers: int,
    out: Path,
    result: Round,
    seconds: float,
    most: int,
    choice: random.Random,
    watch: Watch,
    say: Say,
) -> bool:
    """One start: kill until it is dead or has ended; whether the run is complete, or can't become so."""
    worker_kills, started, killed = 0, result.kills.total(), False
    while not killed:
        if result.kills.total() >= most:
            if not sitting.ended(HUNG_SECONDS):
                result.problems.append(f"hung: {sitting.said()}")
                sitting.kill("group", choice)
            break
        if not _moment_comes(sitting, watch, result.units, seconds, choice):
            break
        victims = [v for v in job.victims if v != "worker" or worker_kills < WORKER_KILLS]
        victim = choice.choice(victims)
        there = _there(out)
        if not (struck := sitting.kill(victim, choice)):
            continue
        result.kills[victim] += 1
        result.moments.append(there)
        result.in_flight += 1 if victim == "worker" else workers
        say(f"    SIGKILL to {struck}: {there} parts there, {_half_written(out)}")
        worker_kills += victim == "worker"
        killed = victim != "worker"
    if killed and not sitting.ended(HUNG_SECONDS):
        result.problems.append(f"does not end though killed: {sitting.said()}")
        sitting.kill("group", choice)
    status = sitting.driver.wait()
    if left := sitting.left_behind():
        result.left_behind += len(left)
        result.problems.append(f"left behind: {', '.join(p.name() for p in left)}")
    watch.read()
    if status == 0:
        return True
    if killed or (result.kills.total() > started and AFTER_A_KILL in sitting.said()):
        return False
    result.problems.append(f"ended with status {status}: {sitting.said()}")
    return True


def _moment_comes(sitting: Sitting, watch: Watch, units: int, seconds: float, choice: random.Random) -> bool:
    """Wait for a random moment; False where the driver ends before.

    Every other time it is any moment within the ``seconds`` that an undisturbed run takes, else one within the time
    that a unit takes after a random number of further parts: starts and ends take more time than the work between.
    """
    if choice.random() < 0.5:
        return not sitting.ended(choice.uniform(0, seconds))
    enough = watch.parts + choice.randrange(1, max(2, units - len(watch.finished)))
    while watch.parts < enough:
        watch.read(POLL_SECONDS)
        if sitting.driver.poll() is not None:
            return False
    return not sitting.ended(choice.uniform(0, seconds / units))


def half(job: Job, out: Path, like: Path, units: int, victim: str, workers: Sequence[int], say: Say) -> Round:
    """Run it with the first of ``workers``, kill it when half the parts are there, and resume it with the last."""
    result = Round(units, sittings=2, in_flight=1 if victim == "worker" else workers[0])
    choice = random.Random(victim)
    with Watch(out / "parts") as watch:
        sitting = Sitting(job.command(out, workers[0]), out.with_name(f"{out.name}-1.txt"))
        while watch.parts < units // 2 and sitting.driver.poll() is None:
            watch.read(POLL_SECONDS)
        if sitting.kill(victim, choice):
            result.kills[victim] += 1
            result.moments.append(watch.parts)
        if victim != "worker":
            sitting.ended(HUNG_SECONDS)
            result.left_behind = len(sitting.left_behind())
            sitting = Sitting(job.command(out, workers[-1]), out.with_name(f"{out.name}-2.txt"))
        if not sitting.ended(HUNG_SECONDS) or sitting.driver.returncode:
            result.problems.append(f"not completed: {sitting.said()}")
        result.left_behind += len(sitting.left_behind())
        watch.read()
    result.begun, result.finished = watch.begun, watch.parts
    result.problems += differences(out, like)
    if result.left_behind:
        result.problems.append(f"{result.left_behind} processes left behind")
    if result.begun > 1.02 * units + result.in_flight:
        result.problems.append(f"{result.begun} units begun of {units}")
    say(f"  {victim} killed at {result.moments}: {result.begun} of {units} units begun, {result.finished} finished")
    return result


def tidy(out: Path) -> None:
    """Delete a run's folder, and what its sittings printed."""
    shutil.rmtree(out, ignore_errors=True)
    for said in out.parent.glob(f"{out.name}-*.txt"):
        said.unlink()


def _there(out: Path) -> int:
    return len([path for path in (out / "parts").iterdir() if path.suffix == ".parquet"])


def _half_written(out: Path) -> str:
    """Which files are half-written at this moment."""
    counts = Counter[str]()
    for path in out.rglob(".tmp-*"):
        counts[path.relative_to(out).parts[0] if path.parent != out else "manifest or summary"] += 1
    return ", ".join(f"{count} half-written in {name}" for name, count in counts.items()) or "nothing half-written"
