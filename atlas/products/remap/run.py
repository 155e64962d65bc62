"""Carry a whole run over: plan, keep what is done, write the rest, add up."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.library.history import Entry
from atlas.library.successors import Translation
from atlas.products.remap.needs import Need, known, needs
from atlas.products.remap.part import STAGE, Job, carry, new_footer
from atlas.products.remap.source import AnnotatedRun, annotated_run
from atlas.runner.balance import Result
from atlas.runner.counts import Counts
from atlas.runner.folder import RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.footers import quarantined_rows, read_footer
from atlas.storage import is_local

NEEDS = "reannotate.json"
WORKERS = 2  # threads; the work is to copy bytes, so more of them than disks can feed don't help

Watch = Callable[[str, Counts], None]


@dataclass(frozen=True, slots=True)
class Remapped:
    """What became of a run: its balance, its labels before, and the concepts that only an annotator can give."""

    result: Result
    labels_before: int
    needs: tuple[Need, ...]


def remap(
    run: str | Path,
    library: Library,
    out: str | Path,
    *,
    old: Library | None = None,
    history: Sequence[Entry] = (),
    workers: int = WORKERS,
    watch: Watch | None = None,
) -> Remapped:
    """Write an annotated run again as if it had been labelled by the ids of an edited library.

    Labels of merged concepts go to the one that took over; those of retired ones go. What is done is kept: after a
    stop, the same call does what is missing. The source is not touched.

    Args:
        run: an annotated or remapped run, in balance.
        library: the edited library; its tombstones tell what became of each id.
        out: a new folder, or one that an earlier call wrote from the same run.
        old: the library of the run, where it is at hand: the run is held against it.
        history: of the library, for what was split.
        watch: called with the name and counts of each part that was written.

    Raises:
        AtlasError: wrong input; an id that the library does not have. What was written stays.
    """
    source = annotated_run(run, old)
    folder = RunFolder.at(out)
    if folder.root == source.folder.root or folder.root.startswith(source.folder.root + "/"):
        raise AtlasError(f"{out}: is the run itself, or within it; a run is never changed: choose another folder")
    translation = Translation.of(library)
    needed = needs(library, known(source, old), history)
    corpus = _as_given(run)
    folder.check(STAGE, corpus)
    with folder.writing():
        folder.claim(STAGE, corpus, {**source.manifest["recipe"], "run": str(run), "library": library.digest})
        folder.sweep()
        jobs = list(_jobs(source, folder, library.digest))
        counts = {job.out: done for job in jobs if (done := _done(job, folder)) is not None}
        before = sum(not path.endswith(RETRY_ENDING) for path in counts)
        todo = [job for job in jobs if job.out not in counts]
        if todo:
            folder.remove(SUMMARY)
        for job, done in _carried(todo, translation, source.folder, folder, workers):
            counts[job.out] = done
            if watch is not None:
                watch(job.footer["unit"], done)
        result = Result(
            sum(counts.values(), Counts()),
            source.units,
            before,
            stale=_strangers(folder, jobs),
            parts=tuple(job.out for job in jobs),
        )
        folder.write(NEEDS, {"library": library.digest, "concepts": [asdict(need) for need in needed]})
        _settle(folder, result)
    labels = sum(footer["counts"]["labels"] for footer in source.parts.values())
    return Remapped(result, labels, needed)


def _jobs(source: AnnotatedRun, folder: RunFolder, library: str) -> Iterator[Job]:
    for path, footer in source.parts.items():
        unit, new = footer["unit"], new_footer(footer, library)
        if path.endswith(RETRY_ENDING):
            yield Job(path, folder.retry_part(unit), new)
            continue
        kept = footer["counts"]["quarantined"]
        quarantine = (source.folder.quarantine(unit), folder.quarantine(unit)) if kept else None
        yield Job(path, folder.part(unit), new, quarantine)


def _done(job: Job, folder: RunFolder) -> Counts | None:
    """Counts of the part where it is already there with the right key, and its quarantine file with it."""
    there = read_footer(folder.filesystem, job.out)
    if there is None or there.get("key") != job.footer["key"]:
        return None
    if job.quarantine is not None:
        kept = quarantined_rows(folder.filesystem, job.quarantine[1])
        if kept != job.footer["counts"]["quarantined"]:
            return None
    return Counts(**there["counts"])


def _carried(
    jobs: Sequence[Job], translation: Translation, here: RunFolder, there: RunFolder, workers: int
) -> Iterator[tuple[Job, Counts]]:
    """Parts as they are finished. Threads do: copying, Parquet and most of numpy leave the interpreter's lock."""
    with ThreadPoolExecutor(workers) as pool:
        try:
            running = {pool.submit(carry, job, translation, here.filesystem, there.filesystem): job for job in jobs}
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)  # parts in the making are finished, no more are begun
            raise


def _strangers(folder: RunFolder, jobs: Sequence[Job]) -> tuple[str, ...]:
    ours = {job.out for job in jobs} | {job.quarantine[1] for job in jobs if job.quarantine is not None}
    return tuple(path for path in (*folder.parts(), *folder.quarantined()) if path not in ours)


def _settle(folder: RunFolder, result: Result) -> None:
    summary = {
        "counts": asdict(result.counts),
        "units": result.units,
        "balanced": result.balanced,
        "sound": result.sound,
        "problems": result.problems(),
    }
    if folder.read(SUMMARY) != summary:
        folder.write(SUMMARY, summary)


def _as_given(run: str | Path) -> str:
    return str(run) if not is_local(RunFolder.at(run).filesystem) else os.path.normpath(run)
