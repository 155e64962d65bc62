"""Parts taken over as they are: byte for byte, with their checksums, nothing decoded."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.products.export.folder import ExportFolder
from atlas.products.export.source import Part, Source
from atlas.products.hf_dataset.facts import DataFile
from atlas.runner.footers import read_footer

COPY_BYTES = 8 << 20


def copied(source: Source, part: Part, folder: ExportFolder, name: str) -> DataFile:
    """Copy a part, unless it is there; COPY_BYTES are held.

    Raises:
        AtlasError: the part was changed while it was read.
    """
    size = source.filesystem.get_file_info(part.path).size
    there = read_footer(folder.filesystem, folder.path(name))
    if there != source.footers[part.number] or folder.size(name) != size:
        with source.filesystem.open_input_stream(part.path) as stream, folder.create(name) as out:
            written = sum(out.write(block) for block in _blocks(stream))
        if written != size:
            raise AtlasError(f"{part.path}: was changed while it was read; export again")
    return described(folder, name)


def described(folder: ExportFolder, name: str) -> DataFile:
    """What a Parquet file of the dataset is, read to its last byte for its checksum."""
    state = hashlib.sha256()
    with folder.filesystem.open_input_stream(folder.path(name)) as stream:
        for block in _blocks(stream):
            state.update(block)
    metadata = pq.read_metadata(folder.path(name), filesystem=folder.filesystem)
    memory = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    size = folder.size(name) or 0
    return DataFile(name, metadata.num_rows, size, memory, state.hexdigest())


def _blocks(stream: Any) -> Iterator[bytes]:
    while block := stream.read(COPY_BYTES):
        yield block
