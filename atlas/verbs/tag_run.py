"""A run of tags, as the verbs that go on from it read it."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.runner.folder import MANIFEST, RunFolder
from atlas.tables import TAGS


def opened(run: Path) -> tuple[RunFolder, dict[str, Any]]:
    """The folder of a tag run, and its manifest.

    Raises:
        AtlasError: the folder holds no tag run, or one without a part.
    """
    folder = RunFolder.at(run)
    manifest = folder.read(MANIFEST)
    if manifest is None or manifest.get("stage") not in ("tag", "retag"):
        raise AtlasError(f"{run}: holds no tags; make them with `atlas tag`")
    if not folder.parts():
        raise AtlasError(f"{run}: the tag run has no part yet; run `atlas tag` first")
    return folder, manifest


def read_tags(run: Path) -> pa.Table:
    """All tagged chunks of a tag run, schema TAGS.

    Raises:
        AtlasError: the folder holds no tag run, or one without a part.
    """
    import pyarrow.parquet as pq

    folder, _ = opened(run)
    tables = [pq.read_table(path, filesystem=folder.filesystem, columns=TAGS.names) for path in folder.parts()]
    return pa.concat_tables(tables)


def digest_of(tags: pa.Table) -> str:
    """Digest of which tags each chunk has."""
    return of_json(tags.select(["doc_id", "chunk_id", "content", "entity", "tone", "form"]).to_pylist())
