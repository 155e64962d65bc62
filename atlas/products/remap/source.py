"""An annotated run that is to be carried over: that it is one, whole, and of one library."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.products.remap.part import STAGE, Footer
from atlas.runner.folder import MANIFEST, RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.footers import quarantined_rows, read_footer
from atlas.runner.many import THREADS

STAGES = ("annotate", STAGE)


@dataclass(frozen=True, slots=True)
class AnnotatedRun:
    """The parts of an annotated run with their footers, and the digest of the library it is of.

    ``parts``: path → footer, in name order; retry parts are among them. ``library`` is "" where there is no part.
    """

    folder: RunFolder
    manifest: dict[str, Any]
    units: int
    parts: dict[str, Footer]
    library: str


def annotated_run(run: str | Path, old: Library | None = None, *, ended: bool = True) -> AnnotatedRun:
    """Look at an annotated run.

    Args:
        old: the library that the run should be of, where it is known.
        ended: refuse a run that has not come to its end, or is not in balance.

    Raises:
        AtlasError: it is no annotated run, is damaged or of another library than ``old``.
    """
    folder = RunFolder.at(run)
    manifest = folder.read(MANIFEST)
    if manifest is None:
        raise AtlasError(f"{run}: holds no run ({MANIFEST} is missing); give the folder of an annotated run")
    if manifest.get("stage") not in STAGES:
        raise AtlasError(f"{run}: is a {manifest.get('stage')} run, without concepts; give an annotated run")
    summary = folder.read(SUMMARY) or {}
    if ended and not summary:
        raise AtlasError(f"{run}: the run has not ended; run again what made it, to its end")
    if ended and not summary.get("balanced"):
        raise AtlasError(f"{run}: the run is not in balance; `atlas status {run}` says why. Bring it in order first")
    parts = _footers(folder)
    digests: dict[str, str] = {}
    for path, footer in parts.items():
        digests.setdefault(footer["library"], path)
    if len(digests) > 1:
        (one, first), (other, second) = list(digests.items())[:2]
        raise AtlasError(
            f"{run}: {first} is of library {one[:12]}, but {second} of {other[:12]}; "
            "annotate the corpus to the end with one annotator"
        )
    library = next(iter(digests), "")
    if old is not None and library not in ("", old.digest):
        raise AtlasError(
            f"{run}: is of library {library[:12]}, but the old library given is {old.digest[:12]}; "
            "give the one that the run was annotated with, or leave it out"
        )
    return AnnotatedRun(folder, manifest, summary.get("units", 0), parts, library)


def _footers(folder: RunFolder) -> dict[str, Footer]:
    paths = folder.parts()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(partial(read_footer, folder.filesystem), paths))
    for path, footer in zip(paths, found, strict=True):
        if footer is None or "library" not in footer:
            raise AtlasError(f"{path}: is no whole annotated part; run again, with --verify, what wrote it")
        quarantine = folder.quarantine(footer["unit"])
        kept = 0 if path.endswith(RETRY_ENDING) else footer["counts"]["quarantined"]
        if kept and quarantined_rows(folder.filesystem, quarantine) != kept:
            raise AtlasError(f"{quarantine}: is damaged or missing; run again, with --verify, what wrote it")
    return {path: footer for path, footer in zip(paths, found, strict=True) if footer is not None}
