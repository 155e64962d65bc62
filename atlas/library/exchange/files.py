"""Read and write libraries as files of other formats; the ending of a file's name, or a flag, says which."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

import pyarrow.fs as pafs

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.library.exchange import csv_file, graph, parquet_file, skos_read, skos_write, thesaurus
from atlas.library.exchange.records import Reading
from atlas.library.exchange.sources import Sources, addresses
from atlas.storage import atomic_output

Format = Literal["skos", "csv", "parquet"]


def format_of(path: Path) -> Format:
    """The format that a file's name tells.

    Raises:
        AtlasError: an ending that is of none.
    """
    ending = path.suffix.lower()
    if ending in graph.FORMATS:
        return "skos"
    if ending == ".csv":
        return "csv"
    if ending == ".parquet":
        return "parquet"
    raise AtlasError(f"{path}: no known ending; name it {', '.join(graph.FORMATS)}, .csv or .parquet")


def read(
    path: Path,
    form: Format | None = None,
    *,
    facet: str = "content",
    language: str = "en",
    scheme: str | None = None,
) -> Reading:
    """The concepts of a file.

    Args:
        form: as the ending tells where not given; SKOS of an unknown ending is taken for Turtle.
        facet: of concepts whose file gives none.
        language: BCP 47 tag of the labels to take from SKOS.
        scheme: take only SKOS concepts of this concept scheme.

    Raises:
        AtlasError: with file and line, row or subject, for the first thing that is wrong.
    """
    if not path.is_file():
        raise AtlasError(f"{path}: no such file")
    form = form or format_of(path)
    if form == "csv":
        return Reading(tuple(csv_file.read(path, facet)))
    if form == "parquet":
        return Reading(tuple(parquet_file.read(path, facet)))
    subjects = graph.subjects(path, graph.FORMATS.get(path.suffix.lower(), graph.FORMATS[".ttl"]))
    ours = {subject: statements for subject, statements in subjects.items() if skos_read.is_ours(statements)}
    entries = [skos_read.read(s, statements, language, facet, str(path)) for s, statements in ours.items()]
    entries.sort(key=lambda entry: entry.concept.id)
    theirs = {subject: statements for subject, statements in subjects.items() if subject not in ours}
    reading = thesaurus.read(theirs, language, facet, scheme)
    if not entries and not reading.entries:
        said = "; ".join(f"{count} {loss}" for loss, count in reading.losses.items())
        raise AtlasError(f"{path}: holds no skos:Concept that can be read{f' ({said})' if said else ''}")
    return Reading((*entries, *reading.entries), reading.losses)


def write(library: Library, sources: Sources, path: Path, language: str = "en") -> None:
    """Write a whole library in the format that the file's name tells; the file appears whole or not at all.

    Raises:
        AtlasError: an ending that can't be written, or a character that the format can't hold.
    """
    uris = addresses(sources)
    concepts = [(concept, uris.get(concept.id, "")) for concept in library.concepts]
    ending = path.suffix.lower()
    if ending in (".ttl", ".rdf", ".xml"):
        form = "turtle" if ending == ".ttl" else "rdf-xml"
        _whole(path, lambda stream: skos_write.write(concepts, stream, form, language))
    elif ending == ".csv":
        text = io.StringIO(newline="")
        csv_file.write(concepts, text)
        _whole(path, lambda stream: stream.write(text.getvalue().encode()))
    elif ending == ".parquet":
        _whole(path, lambda stream: parquet_file.write(concepts, stream, library.digest))
    else:
        raise AtlasError(f"{path}: no ending to write; name it .ttl, .rdf, .xml, .csv or .parquet")


def _whole(path: Path, write_to: Callable[[BinaryIO], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(path.absolute())) as stream:
        write_to(stream)
