"""The verb ``export``: products that are made of an annotated run.

Each function claims a folder, writes it, and returns what is in it; stopped and called again, it goes on. The token
stream is a verb of its own, ``atlas.verbs.token_stream``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.runner.folder import RunFolder

if TYPE_CHECKING:
    from atlas.products.export.output import Exported  # it brings the annotator's compiler along


def fineweb(run: str | Path, out: str | Path, library: Path | None = None, **settings: Any) -> "Exported":
    """Write a run in the layout of the public FineWeb Atlas; settings as of ``atlas.products.fineweb.fineweb``."""
    from atlas.products.fineweb import fineweb as write

    return write(*located(run, library), out, **settings)


def field_guide(run: str | Path, out: str | Path, library: Path | None = None, **settings: Any) -> "Exported":
    """Write each concept's best chunks and documents; settings as of ``atlas.products.field_guide.field_guide``."""
    from atlas.products.field_guide import field_guide as write

    return write(*located(run, library), out, **settings)


def cooccurrence(run: str | Path, out: str | Path, library: Path | None = None, **settings: Any) -> "Exported":
    """Write the pairs of concepts that share chunks; settings as of ``atlas.products.cooccurrence.cooccurrence``."""
    from atlas.products.cooccurrence import cooccurrence as write

    return write(*located(run, library), out, **settings)


def lift(run: str | Path, out: str | Path, library: Path | None = None, **settings: Any) -> "Exported":
    """Write each concept's words and tokens; settings as of ``atlas.products.lift.lift``."""
    from atlas.products.lift import lift as write

    return write(*located(run, library), out, **settings)


def hf_dataset(
    run: str | Path,
    out: str | Path,
    library: Path | None = None,
    *,
    push: str | None = None,
    private: bool = True,
    **settings: Any,
) -> "Exported":
    """Write a Hugging Face dataset; settings as of ``atlas.products.hf_dataset.hf_dataset``.

    Args:
        push: ``owner/name`` on the hub to upload it to. ``private``: where it is made there.

    Raises:
        AtlasError: wrong input; there is no token for the hub, or the hub refuses.
    """
    from atlas.products.hf_dataset import hf_dataset as write
    from atlas.products.hf_dataset.push import push as upload
    from atlas.products.hf_dataset.push import token_or_refuse

    if push is not None and "://" in str(out):
        raise AtlasError(f"{out}: only a local folder can be pushed; give one with --out")
    token = token_or_refuse() if push is not None else ""
    written = write(*located(run, library), out, **settings)
    if push is not None:
        upload(Path(out), push, token, private=private)
    return written


def located(run: str | Path, library: Path | None) -> tuple[str, Library]:
    """An annotated run and its library, given as such or as a pipeline's folder.

    Where none is given it is looked for as `atlas query` does: beside the run, and beside its annotator.

    Raises:
        AtlasError: it is no annotated run; no library is given, and there is none beside the run or its annotator.
    """
    from atlas.library import store
    from atlas.products.beside import library_of, run_in
    from atlas.runner.footers import read_footer

    url = run_in(str(run))
    if library is None:
        folder = RunFolder.at(url)
        first = next((footer for path in folder.parts() if (footer := read_footer(folder.filesystem, path))), {})
        library = library_of(url, digest=first.get("library", ""))
    if library is None:
        raise AtlasError(
            f"{run}: there is no library beside it or its annotator; give the one that it was annotated with: --library"
        )
    return url, store.load(library)
