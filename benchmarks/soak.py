"""Kill runs at random times, resume them, and compare: is anything lost, doubled or torn?

``python benchmarks/soak.py --out DIR`` starts `atlas chunk` and `atlas annotate` in turn as real processes, over a
corpus of some 50 units with bad records among them, and sends SIGKILL at seeded random times: to a worker, to the
driver, to the whole process group, and on Ray also to the raylet and the GCS. A killed run is started again, with
another number of workers, until it has ended; then every byte of its folder is compared with an undisturbed run's.

Of ``--kills``, some are no accident: a driver, a worker and a process group are killed when half the parts are there,
to see how much is done twice. Linux only. The log of all kills and comparisons is DIR/soak.log; exit status 1 where a
run was not as if undisturbed, or left a process behind.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import soak_corpus
from rows import Row, finish
from soak_round import Job, Round, Say, disturbed, half, tidy, undisturbed

EXAMPLES = "examples/corpus/*.parquet"
UNITS = 48
LOCAL, RAY = ("worker", "driver", "group"), ("worker", "driver", "group", "node")


def main() -> None:
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    with _log(options.out / "soak.log") as say:
        rows = soak(options, say)
    finish(rows, options.json)
    if any(row["differences"] or row["left_behind"] for row in rows):
        raise SystemExit(1)


def soak(options: argparse.Namespace, say: Say) -> list[Row]:
    """Rounds until the number of kills is reached; one row for each stage and way of killing."""
    records = soak_corpus.documents(options.corpus, options.id, options.documents)
    unit_bytes, count = soak_corpus.write(options.out / "corpus", records, options.units)
    jobs = [_job(options, stage, unit_bytes) for stage in options.stages.split(",")]
    say(f"{count} records; seed {options.seed}; {options.executor}; {', '.join(job.name for job in jobs)}")
    units, seconds = {}, {}
    for job in jobs:
        started = time.perf_counter()
        units[job.name] = undisturbed(job, options.out / f"undisturbed-{job.name}", options.workers)
        seconds[job.name] = time.perf_counter() - started
        say(f"{job.name}: undisturbed, {units[job.name]} units in {seconds[job.name]:.1f} s")
    rounds: dict[str, list[Round]] = {job.name: [] for job in jobs}
    halves: dict[str, list[Round]] = {job.name: [] for job in jobs}
    killed = 0
    for job in jobs if options.halves else []:
        for victim in job.victims[:3]:
            out = options.out / f"half-{job.name}-{victim}"
            tidy(out)
            like = options.out / f"undisturbed-{job.name}"
            say(f"{job.name}: killed at one half")
            found = half(job, out, like, units[job.name], victim, (options.workers, job.workers[-1]), say)
            halves[job.name].append(_told(found, out, say))
            killed += found.kills.total()
    number = 0
    while killed < options.kills:
        job = jobs[number % len(jobs)]
        number += 1
        out = options.out / f"round-{number}"
        tidy(out)
        say(f"round {number}, {job.name}:")
        like, most = options.out / f"undisturbed-{job.name}", options.kills - killed
        seed = f"{options.seed}/{number}"
        found = disturbed(job, out, like, units[job.name], seconds[job.name], most, seed, say)
        rounds[job.name].append(_told(found, out, say))
        killed += found.kills.total()
        if not found.kills:  # a machine that others use, too, is not always as fast: kills would come too late
            seconds[job.name] = found.seconds
    dataset = f"{count} records, {options.executor}, seed {options.seed}"
    return [
        _row(dataset, f"atlas {name}, {how}", of)
        for how, all_of in (("killed at one half", halves), ("killed at random", rounds))
        for name, of in all_of.items()
        if of
    ]


def _told(result: Round, out: Path, say: Say) -> Round:
    """Say how a round ended; the folder of a good one is not kept."""
    if result.problems:
        for line in result.problems:
            say(f"  PROBLEM {line}")
    else:
        say(f"  {result.kills.total()} kills, {result.sittings} sittings: as if undisturbed")
        tidy(out)
    return result


def _row(dataset: str, system: str, of: Sequence[Round]) -> Row:
    kills = {victim: sum(r.kills[victim] for r in of) for victim in RAY}
    return {
        "benchmark": "soak",
        "dataset": dataset,
        "system": system,
        "runs": len(of),
        "kills": sum(kills.values()),
        **{f"of_{victim}": count for victim, count in kills.items()},
        "before_first_part": sum(r.moments.count(0) for r in of),
        "amid": sum(0 < moment < r.units for r in of for moment in r.moments),
        "after_last_part": sum(r.when(1, 2) for r in of),
        "sittings": sum(r.sittings for r in of),
        "units": sum(r.units for r in of),
        "finished": sum(r.finished for r in of),
        "begun": sum(r.begun for r in of),
        "most_passes": round(max(r.passes for r in of), 3),
        "left_behind": sum(r.left_behind for r in of),
        "differences": sum(len(r.problems) for r in of),
    }


def _job(options: argparse.Namespace, stage: str, unit_bytes: int) -> Job:
    model = ["--model", str(options.model)] if stage == "annotate" else []
    line = [str(Path(sys.executable).with_name("atlas")), stage, str(options.out / "corpus"), "--id", "id", *model]
    line += ["--unit-bytes", str(unit_bytes), "--executor", options.executor]
    workers = tuple(dict.fromkeys((options.workers, 1, options.workers + 1)))
    return Job(stage, tuple(line), RAY if options.executor == "ray" else LOCAL, workers)


@contextmanager
def _log(path: Path) -> Iterator[Say]:
    started = time.perf_counter()
    with path.open("w") as log:

        def say(line: str) -> None:
            log.write(f"{time.perf_counter() - started:7.1f} {line}\n")
            log.flush()

        yield say


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for corpus, runs and soak.log")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, default=2, help="others, too, in resumes")
    parser.add_argument("--stages", default="chunk,annotate", help="in turn; a start of chunk takes less time")
    parser.add_argument("--corpus", default=EXAMPLES, help="its documents are cut in small files with bad ones between")
    parser.add_argument("--id", default="doc_id", help="its column of ids")
    parser.add_argument("--documents", type=int, default=720, help="how many of them")
    parser.add_argument("--units", type=int, default=UNITS, help="about so many")
    parser.add_argument("--model", type=Path, default=Path("runs/quickstart/annotator"), help="for annotate")
    parser.add_argument("--halves", action=argparse.BooleanOptionalAction, default=True, help="kill at one half, too")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
