"""Does the annotator label better than extreme classifiers, and faster? Documents with human labels, seven sets.

    python benchmarks/annotator.py --data DIR [--sets a,b] [--systems a,b] [--limit N] [--peers PYTHON] [--annif PYTHON]

Every system gets the same documents (title and text, whole; for Atlas a document is one chunk), split by a hash of
their ids: 80 % to train, 5 % to choose the cut for F1, 15 % to report on, or ``heldout.parquet`` where there is one.
Labels without a training document cannot be given, but count as misses in recall, PSP and F1, not in ``psp_seen``
(with ``--every-label`` systems that read names may give them). Every system runs in a process of its own on one core.
Seconds are of the processor, from raw text: features are fitted in ``train_s`` and made in ``docs_per_s`` (the median
of three; reading a trained model back is in neither). ``peak_rss_mb`` is of training and prediction, libraries
included.

``micro_f1`` and ``macro_f1``: with one score for all labels or one number of labels, whichever is best on the tune
part, 20 labels at most. ``ece``: 15 bins of equal width over each document's first ten labels, ``ece_mass``: of equal
mass over the first twenty, where scores are to be probabilities. ``r@10 5-19``: share of the true labels with 5 to 19
training documents that are among the first ten.

Peers' packages and Atlas's do not agree on numpy, so that peers have interpreters of their own: ``--peers`` and
``--annif``. Where one is not named or lacks a package, its rows are left out, and how to install it is printed. With
``--json FILE`` rows are written after each system, and ``--resume`` keeps those that are there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import annotator_metrics as metrics
import numpy as np
from annotator_data import SETS, Task, split, write
from annotator_systems import SYSTEMS
from rows import Row, finish

HERE = Path(__file__).parent
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def main() -> None:
    options = _arguments()
    interpreters = {"own": Path(sys.executable), "peers": options.peers, "annif": options.annif}
    systems = [name for name in options.systems.split(",") if _importable(name, interpreters)]
    kept: list[Row] = []
    if options.resume and options.json and options.json.is_file():
        kept = json.loads(options.json.read_text(encoding="utf-8"))
    rows = list(kept)
    for dataset in options.sets.split(","):
        task = split(options.data, dataset, options.seed, options.limit, options.every_label)
        print(f"{task.described()}, seed {options.seed}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            write(task, Path(folder))
            for system in systems:
                if any((row["dataset"], row["system"]) == (dataset, system) for row in kept):
                    continue
                interpreter = interpreters[SYSTEMS[system].environment]
                failed = run(system, Path(folder), interpreter, options.core, options.minutes)
                if failed:
                    print(f"{dataset}, {system}: {failed}", file=sys.stderr, flush=True)
                    continue
                rows.append(row_of(system, task, Path(folder)))
                print(f"{dataset}, {system}: {rows[-1]}", file=sys.stderr, flush=True)
                if options.json is not None:
                    options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    finish([{key: _shown(value) for key, value in row.items()} for row in rows], None)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", "--datasets", default=",".join(SETS), help=f"comma-separated, of: {', '.join(SETS)}")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help=f"comma-separated, of: {', '.join(SYSTEMS)}")
    parser.add_argument("--limit", type=int, help="training documents of each set at most")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.add_argument("--every-label", action="store_true", help="labels without a training document may be given")
    parser.add_argument("--peers", type=Path, help="Python with libpecos, omikuji, napkinxc and fasttext")
    parser.add_argument("--annif", type=Path, help="Python with annif")
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1, help="that every system runs on")
    parser.add_argument("--minutes", type=float, default=60, help="that a system may take on a set")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    parser.add_argument("--resume", action="store_true", help="keep the rows of --json, run what is not there")
    return parser.parse_args()


def _importable(system: str, interpreters: dict[str, Path | None]) -> bool:
    """Whether a system can run; if not, says how to install it."""
    if system not in SYSTEMS:
        sys.exit(f"--systems {system}: unknown; known are {', '.join(SYSTEMS)}")
    entry = SYSTEMS[system]
    interpreter = interpreters[entry.environment]
    missing = interpreter is None or not _imports(interpreter, entry.needs)
    if missing:
        print(
            f"{system} is left out: needs --{entry.environment} PYTHON, of an environment with {entry.install}",
            file=sys.stderr,
        )
    return not missing


@lru_cache
def _imports(interpreter: Path, packages: tuple[str, ...]) -> bool:
    code = "; ".join(f"import {package}" for package in packages) or "pass"
    return subprocess.run([interpreter, "-c", code], capture_output=True).returncode == 0


def run(system: str, folder: Path, interpreter: Path, core: int, minutes: float) -> str:
    """Run a system on the task in a folder; what went wrong, or nothing."""
    command = [str(part) for part in (interpreter, HERE / "annotator_child.py", system, folder, core)]
    environment = os.environ | dict.fromkeys(ONE_THREAD, "1") | {"HF_HUB_OFFLINE": "1", "PYTHONHASHSEED": "0"}
    start = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60 * minutes)
    except subprocess.TimeoutExpired:
        return f"left out, as it took more than {minutes:g} minutes"
    if done.returncode:
        return f"failed after {time.monotonic() - start:.0f} s: {done.stderr.strip()[-2000:]}"
    return ""


def row_of(system: str, task: Task, folder: Path) -> Row:
    """Metrics of what a system wrote."""
    with np.load(folder / f"{system}.npz") as found:
        tune = metrics.ordered(found["tune_ids"], found["tune_scores"], metrics.MOST_LABELS)
        report = metrics.ordered(found["report_ids"], found["report_scores"], metrics.MOST_LABELS)
    gold = task.report.gold
    row: Row = {"benchmark": "annotator", "dataset": task.dataset, "system": system}
    row |= metrics.ranked_metrics(report, gold, task.documents, len(task.training.texts))
    row |= metrics.decided_metrics(report, gold, metrics.best_cut(tune, task.tune.gold))
    if SYSTEMS[system].probabilities:
        row["ece"] = metrics.calibration_error(report, gold, 10, equal_mass=False)
        row["ece_mass"] = metrics.calibration_error(report, gold, metrics.MOST_LABELS, equal_mass=True)
    else:
        row |= {"ece": None, "ece_mass": None}
    return row | json.loads((folder / f"{system}.json").read_text(encoding="utf-8"))


def _shown(value: object) -> object:
    return round(value) if isinstance(value, float) and value >= 100 else value


if __name__ == "__main__":
    main()
