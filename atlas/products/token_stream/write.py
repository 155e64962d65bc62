"""An annotated run as a token stream: shard by shard, each whole or not at all, in bounded memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow.fs as pafs

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.library.successors import UNKNOWN, Translation
from atlas.products.token_stream.shard import writing
from atlas.reader.labels import translation_of
from atlas.reader.parquet import ParquetCorpus
from atlas.reader.row_group import RowGroup
from atlas.reader.stream_layout import FILES, FORMAT, HEADER, SHARDS, VERSION, shard_name
from atlas.runner.folder import RunFolder
from atlas.storage import TEMPORARY, atomic_output, is_local

SHARD_TOKENS = 1 << 27  # 1 GiB of records
MOST_SHARD_TOKENS = 1 << 31  # spans are numbered in 32 bits
LAYOUTS = ("records", "compact")

Watch = Callable[[str, dict[str, int]], None]


@dataclass(frozen=True, slots=True)
class Written:
    """What a token stream holds: shards, and tokens, spans, documents and labels in ``counts``."""

    shards: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A chunk of a corpus: number of the block, and of the row within it."""

    block: int
    row: int


def write(
    run: str | Path,
    out: str | Path,
    *,
    tokenizer: Any = None,
    end_of_chunk: int | None = None,
    end_of_document: int | None = None,
    layout: Literal["records", "compact"] = "records",
    shard_tokens: int = SHARD_TOKENS,
    library: Any = None,
    watch: Watch | None = None,
) -> Written:
    """Write the token stream of an annotated run. What is done is kept: after a stop, the same call does the rest.

    The bytes follow from the run and the settings alone. A shard ends with the first document that brings it to
    ``shard_tokens``.

    Args:
        run: annotated run, or a folder of its parts.
        out: a new folder, or one that an earlier call began for the same run and settings.
        tokenizer: as of ``reader.encode.Encoder``; None: the one of the run. With another, the texts are encoded.
        end_of_chunk, end_of_document: token ids to put after each chunk and document.
        layout: ``records``: 8 bytes a token, with its span; ``compact``: 4 bytes, spans are found by search.
        library: as of ``reader.labels.translation_of``: a concept id that it does not have is refused.
        watch: called with the name and counts of each shard that was written.

    Raises:
        AtlasError: as of ``ParquetCorpus``; the folder holds something else; a concept that the library lacks.
    """
    if layout not in LAYOUTS:
        raise AtlasError(f"layout {layout!r}: is none; use one of {', '.join(LAYOUTS)}")
    if not 0 < shard_tokens <= MOST_SHARD_TOKENS:
        raise AtlasError(f"shard_tokens {shard_tokens}: must be from 1 to {MOST_SHARD_TOKENS:,}")
    for name, token in (("end_of_chunk", end_of_chunk), ("end_of_document", end_of_document)):
        if token is not None and not 0 <= token < 1 << 32:
            raise AtlasError(f"{name} {token}: must be a token id, 0 or more")
    corpus = ParquetCorpus(
        run, tokenizer=tokenizer, end_of_chunk=end_of_chunk, end_of_document=end_of_document, cache_bytes=0
    )
    known = None if library is None else translation_of(library)
    key = of_json([FORMAT, VERSION, corpus.fingerprint, layout, shard_tokens])
    folder = RunFolder.at(out)
    _check(folder, key)
    with folder.writing():
        folder.filesystem.create_dir(f"{folder.root}/{SHARDS}", recursive=True)
        _sweep(folder)
        shards, place = _done(folder, key)
        while place is not None:
            entry, place = _shard(corpus, place, folder, len(shards), key, layout, shard_tokens, known)
            shards.append(entry)
            if watch is not None:
                watch(entry["name"], entry["counts"])
        header = _header(corpus, key, layout, shard_tokens, shards)
        if folder.read(HEADER) != header:
            folder.write(HEADER, header)
    return Written(len(shards), header["counts"])


def _check(folder: RunFolder, key: str) -> None:
    """See that the folder is free, or this stream's."""
    header = folder.read(HEADER)
    first = folder.read(_sidecar(0))
    there = header or first
    if there is not None and there.get("key") != key:
        raise AtlasError(
            f"{folder.url}: holds another token stream (of another run, or by other settings); "
            "choose another folder, or delete that one"
        )
    selector = pafs.FileSelector(folder.root, allow_not_found=True)
    names = {info.base_name for info in folder.filesystem.get_file_info(selector)}
    strangers = sorted(name for name in names - {HEADER, SHARDS} if not name.startswith("."))
    if there is None and strangers:
        raise AtlasError(
            f"{folder.url}: holds files that are no token stream's ({', '.join(strangers[:3])}); "
            "choose an empty or new output folder"
        )


def _done(folder: RunFolder, key: str) -> tuple[list[dict[str, Any]], Place | None]:
    """Entries of the shards that are there whole, from the first on, and where the next one begins."""
    shards: list[dict[str, Any]] = []
    place: Place | None = Place(0, 0)
    while place is not None:
        said = folder.read(_sidecar(len(shards)))
        if said is None or said["key"] != key or not _whole(folder, said["entry"]):
            break
        shards.append(said["entry"])
        place = None if said["next"] is None else Place(*said["next"])
    return shards, place


def _whole(folder: RunFolder, entry: dict[str, Any]) -> bool:
    paths = [f"{folder.root}/{SHARDS}/{entry['name']}.{kind}" for kind in FILES]
    infos = folder.filesystem.get_file_info(paths)
    sizes = [entry["files"][kind]["bytes"] for kind in FILES]
    return all(i.type == pafs.FileType.File and i.size == size for i, size in zip(infos, sizes, strict=True))


def _shard(
    corpus: ParquetCorpus,
    place: Place,
    folder: RunFolder,
    number: int,
    key: str,
    layout: str,
    limit: int,
    known: Translation | None,
) -> tuple[dict[str, Any], Place | None]:
    """Write one shard that begins at a place; returns its entry, and where the next one begins (None: nowhere)."""
    name = shard_name(number)
    following: Place | None = None
    with writing(folder.filesystem, f"{folder.root}/{SHARDS}/{name}", layout) as shard:
        for at, block in _blocks(corpus, place.block):
            first = place.row if at == place.block else 0
            end = _cut(block, first, limit - shard.tokens, begun=shard.spans > 0)
            if known is not None:
                _check_ids(block, known, corpus.part_of(at).path)
            if end > first:
                shard.add(block, first, end)
            if end < len(block.starts):
                following = Place(at, end)
                break
        entry = {"name": name, **shard.close()}
    said = {"key": key, "entry": entry, "next": None if following is None else [following.block, following.row]}
    with atomic_output(folder.filesystem, f"{folder.root}/{_sidecar(number)}") as stream:
        stream.write((json.dumps(said, indent=1, sort_keys=True) + "\n").encode())
    return entry, following


def _blocks(corpus: ParquetCorpus, first: int) -> Iterator[tuple[int, RowGroup]]:
    for number in range(first, len(corpus.block_tokens)):
        yield number, corpus.block(number)  # the one in the cache is where the shard before ended


def _cut(block: RowGroup, first: int, room: int, *, begun: bool) -> int:
    """The row behind the last that still belongs to a shard which has ``room`` for so many tokens."""
    borders = first + block.first_of_document[first:].nonzero()[0]
    if not begun:
        borders = borders[borders > first]
    full = block.starts[borders] - block.starts[first] >= room if len(block.starts) > first else borders > 0
    return int(borders[full][0]) if full.any() else len(block.starts)


def _check_ids(block: RowGroup, known: Translation, place: str) -> None:
    ids = block.labels(0, len(block.starts)).ids
    unknown = ids[known(ids) == UNKNOWN]
    if len(unknown):
        raise AtlasError(
            f"{place}: concept id {unknown[0]} is not in the library given; "
            "give the library that the run was annotated with, or a later state of it"
        )


def _header(
    corpus: ParquetCorpus, key: str, layout: str, shard_tokens: int, shards: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "layout": layout,
        "key": key,
        "tokenizer": corpus.tokenizer,
        "library": corpus.library,
        "annotator": corpus.annotator,
        "end_of_chunk": corpus.end_of_chunk,
        "end_of_document": corpus.end_of_document,
        "shard_tokens": shard_tokens,
        "counts": {name: sum(shard["counts"][name] for shard in shards) for name in shards[0]["counts"]},
        "greatest_concept_id": max(shard["greatest_concept_id"] for shard in shards),
        "shards": shards,
    }


def _sidecar(number: int) -> str:
    return f"{SHARDS}/{shard_name(number)}.json"


def _sweep(folder: RunFolder) -> None:
    """Delete what a killed call left half-written."""
    if is_local(folder.filesystem):
        for leftover in (Path(folder.root) / SHARDS).glob(f"{TEMPORARY}*"):
            leftover.unlink(missing_ok=True)
