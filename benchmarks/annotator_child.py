"""One system on one set, in a process of its own: trains, predicts, measures itself, writes what it found.

    python benchmarks/annotator_child.py SYSTEM FOLDER CORE

Run by ``annotator.py`` with the interpreter that has the system's package. FOLDER has ``task.json``; here come
``SYSTEM.npz`` (rankings of the tune and report documents) and ``SYSTEM.json`` (costs).
"""

import importlib
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from annotator_systems import SYSTEMS

DEPTH = 20
REPEATED_S = 6.0  # prediction is timed three times where it takes less; the median counts


class Predictor(Protocol):
    """A trained system."""

    def predict(self, texts: Sequence[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        """Label numbers and scores, [documents, k]; where there are fewer, number -1. Texts as they come."""

    def save(self, folder: Path) -> None:
        """Everything that prediction needs; its size is measured."""


def main(system: str, folder: Path, core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    task: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    module = importlib.import_module(SYSTEMS[system].module)
    work = folder / f"{system}.work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    start = time.process_time()
    train = getattr(module, SYSTEMS[system].function)
    predictor: Predictor = train(task["texts"], task["labels"], task["names"], work)
    train_s = time.process_time() - start
    tune = predictor.predict(task["tune"], DEPTH)
    seconds: list[float] = []
    while len(seconds) < 3 and sum(seconds) < REPEATED_S:
        start = time.process_time()
        report = predictor.predict(task["report"], DEPTH)
        seconds.append(time.process_time() - start)
    peak = peak_rss_mb()
    model = work / "model"
    model.mkdir()
    predictor.save(model)
    found = {"tune_ids": tune[0], "tune_scores": tune[1], "report_ids": report[0], "report_scores": report[1]}
    np.savez(folder / f"{system}.npz", allow_pickle=False, **found)
    costs = {
        "train_docs": getattr(predictor, "trained_on", len(task["texts"])),
        "train_s": train_s,
        "docs_per_s": len(task["report"]) / sorted(seconds)[len(seconds) // 2],
        "peak_rss_mb": peak,
        "model_mb": sum(path.stat().st_size for path in model.rglob("*") if path.is_file()) / 1e6,
    }
    (folder / f"{system}.json").write_text(json.dumps(costs), encoding="utf-8")
    shutil.rmtree(work)


def peak_rss_mb() -> float:
    """Peak memory of this process. The kernel's ``ru_maxrss`` would count the parent's, from before it was replaced."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
