"""The parts of an annotated run, and that they are all there and of one kind."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.runner.folder import MANIFEST, RETRY_ENDING, SUMMARY, RunFolder
from atlas.runner.part_writer import FOOTER_KEY

THREADS = 16  # footers read together: each is a wait for the disk or the network
SAME = ("tokenizer", "library", "annotator")


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its path, what its footer says, its columns, and the rows of each row group."""

    path: str
    footer: dict[str, Any]
    columns: frozenset[str]
    group_rows: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def annotated_parts(url: str | Path) -> tuple[pafs.FileSystem, list[Part]]:
    """The parts of an annotated run, or of a folder of its parts, in name order.

    Raises:
        AtlasError: there is none, one is missing or damaged, or they are of two tokenizers, libraries or annotators.
    """
    folder = RunFolder.at(url)
    paths = folder.parts()
    manifest, summary = folder.read(MANIFEST), folder.read(SUMMARY)
    if manifest is None and not paths:
        selector = pafs.FileSelector(folder.root, allow_not_found=True)
        names = [info.path for info in folder.filesystem.get_file_info(selector)]
        paths = sorted(name for name in names if name.endswith(".parquet") and "/." not in name)
    if manifest is not None and summary is None:
        raise AtlasError(f"{url}: the run has not ended; run again what made it, to its end")
    units = sum(not path.endswith(RETRY_ENDING) for path in paths)
    if summary is not None and units != summary.get("units", units):
        raise AtlasError(
            f"{url}: {units} parts of {summary['units']} are there; copy the missing ones, "
            f"or run again what made it (`atlas status {url}` names what is not done)"
        )
    if not paths:
        raise AtlasError(f"{url}: holds no part of an annotated run and no token stream; give the folder of one")
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(lambda path: _part(folder.filesystem, path), paths))
    for key in SAME:
        _same(parts, key)
    return folder.filesystem, parts


def _part(filesystem: pafs.FileSystem, path: str) -> Part:
    try:
        metadata = pq.read_metadata(path, filesystem=filesystem)
    except (pa.ArrowInvalid, OSError) as error:
        raise AtlasError(
            f"{path}: is no whole Parquet file ({error}); run again, with --verify, what wrote it"
        ) from error
    text = (metadata.metadata or {}).get(FOOTER_KEY)
    columns = frozenset(metadata.schema.to_arrow_schema().names)
    if text is None or "concept_ids" not in columns:
        raise AtlasError(f"{path}: is no part of an annotated run; give the folder that `atlas annotate` wrote")
    groups = (metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    return Part(path, json.loads(text), columns, tuple(groups))


def _same(parts: Sequence[Part], key: str) -> None:
    first = parts[0]
    for part in parts:
        if part.footer.get(key) != first.footer.get(key):
            raise AtlasError(
                f"{part.path}: is of {key} {part.footer.get(key)}, but {first.name} of {first.footer.get(key)}; "
                f"token and concept ids mean nothing across them: annotate the corpus to the end with one {key}"
            )
