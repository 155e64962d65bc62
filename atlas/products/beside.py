"""Where a run's library is, when none is named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atlas.library import store
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.storage import below

ANNOTATIONS, LIBRARY = "annotations", "library"  # where a pipeline's folder has them


def run_in(url: str) -> str:
    """The annotated run itself, where a pipeline's folder is given."""
    within = below(url, ANNOTATIONS)
    if RunFolder.at(url).read(MANIFEST) is None and RunFolder.at(within).read(MANIFEST) is not None:
        return within
    return url


def library_of(url: str, manifest: Mapping[str, Any] | None = None, digest: str = "") -> Path | None:
    """The library of a pipeline's folder: that of the run, else that of its annotator; None where there is neither.

    Args:
        url: the annotated run. manifest: what its ``run.json`` says, read where not given.
        digest: of the library that the run is of; of several folders, the one that has it goes first.

    Raises:
        LibraryError: a library that breaks its rules.
    """
    said = manifest if manifest is not None else RunFolder.at(url).read(MANIFEST) or {}
    annotator = said.get("recipe", {}).get("model")
    homes = [Path(url).expanduser().absolute().parent] if "://" not in url else []
    homes += [Path(annotator).parent] if annotator else []
    folders = [home / LIBRARY for home in dict.fromkeys(homes) if any((home / LIBRARY).glob("*.yaml"))]
    if len(folders) > 1 and digest:
        return next((folder for folder in folders if store.load(folder).digest == digest), folders[0])
    return folders[0] if folders else None
