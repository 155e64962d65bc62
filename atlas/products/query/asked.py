"""The run that is asked about, and the library that its ids are read with."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Library
from atlas.library.successors import Translation
from atlas.products.beside import library_of, run_in
from atlas.products.remap.source import AnnotatedRun, annotated_run
from atlas.runner.folder import SUMMARY
from atlas.tables import annotations

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """An annotated run under a name. ``library`` is None where none was found; ``notes`` are for the user to know."""

    name: str
    run: AnnotatedRun
    library: Library | None
    notes: tuple[str, ...]

    @property
    def url(self) -> str:
        return self.run.folder.url

    @property
    def parts(self) -> list[str]:
        return list(self.run.parts)

    def schema(self) -> pa.Schema:
        """Columns of the run's parts."""
        if not self.run.parts:
            return annotations(text=False)
        return pq.read_schema(self.parts[0], filesystem=self.run.folder.filesystem)

    def translation(self) -> Translation | None:
        """What the run's ids mean today; None where they mean themselves."""
        if self.library is None or self.library.digest == self.run.library:
            return None
        found = Translation.of(self.library)
        return found if len(found.changed) else None

    def read_as(self, ids: np.ndarray) -> np.ndarray:
        """Today's ids of an int32 array; unlike a run's view, retired ones without heir are DROPPED (-1)."""
        found = self.translation()
        if found is None:
            return ids
        today = found(ids)
        return np.where(today == -2, ids, today)

    def need_text(self) -> None:
        """See that the run holds its texts.

        Raises:
            AtlasError: it was made without.
        """
        if "text" not in self.schema().names:
            raise AtlasError(
                f"{self.url}: stores no text (it was made with --no-chunk-text), and this question reads it; "
                "annotate the corpus with its text"
            )

    def need_library(self) -> Library:
        """The library.

        Raises:
            AtlasError: none was found.
        """
        if self.library is None:
            raise AtlasError(f"{self.url}: no library was found beside it; name the folder with --library")
        return self.library


def asked(url: str, library: Path | None = None, name: str = "") -> Asked:
    """Find a run and its library.

    Args:
        url: folder or URL of an annotated run, or of a pipeline that holds one.
        library: folder of the library; else it is looked for beside the run and beside its annotator.
        name: schema of its views, "" where it is the only one.

    Raises:
        AtlasError: there is no annotated run; its parts are damaged or of several libraries; the name is no name.
    """
    if name and not _NAME.fullmatch(name):
        raise AtlasError(f"--run {name}={url}: {name!r} can't be a schema; use letters, digits and _")
    url = run_in(url)
    run = annotated_run(url, ended=False)
    notes = _state(run)
    found = library if library is not None else library_of(url, run.manifest, run.library)
    if found is None:
        return Asked(name, run, None, (*notes, f"{url}: no library was found, so concepts have no names; --library"))
    loaded = store.load(found)
    if run.library not in ("", loaded.digest):
        notes += (
            f"{found} is not the library that {url} was annotated with ({run.library[:12]}), or was edited since: "
            "ids are read as what they mean in it today",
        )
    return Asked(name, run, loaded, notes)


def _state(run: AnnotatedRun) -> tuple[str, ...]:
    summary: dict[str, Any] | None = run.folder.read(SUMMARY)
    if summary is None:
        return (f"{run.folder.url}: the run has not ended; this is what it holds so far",)
    if not summary.get("balanced"):
        return (f"{run.folder.url}: the run is not in balance; `atlas status {run.folder.url}` says why",)
    held = sum(footer["counts"]["rows"] for footer in run.parts.values())
    if held != summary["counts"]["rows"]:
        return (f"{run.folder.url}: its summary says {summary['counts']['rows']:,} chunks, its parts hold {held:,}",)
    return ()
