"""What an edited library would change in an annotated run, before anything is written."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.library.successors import DENSE_IDS, DROPPED, UNKNOWN, Translation
from atlas.products.remap.labels import IDS, sizes_of
from atlas.products.remap.source import AnnotatedRun

QUOTES = 3
QUOTE_CHARS = 160


@dataclass(frozen=True, slots=True)
class Quote:
    """The beginning of a chunk that would change; of a run without texts, ``text`` is empty."""

    doc_id: str
    chunk_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of the chunks of one concept: ``lose`` it, and of these ``gain`` the heir, as they lack it so far.

    ``heir`` is None where nothing took over.
    """

    concept_id: int
    heir: int | None
    lose: int
    gain: int
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Chunks of a run, how many of them would change, and why; ``per_concept`` are the chunks of every id as it is."""

    chunks: int
    changed: int
    effects: tuple[Effect, ...]
    per_concept: Mapping[int, int] = field(default_factory=dict)


def preview(run: AnnotatedRun, library: Library) -> Preview:
    """Read a run's ids, a row group at a time, and say what ``remap`` would do to them.

    Texts are read of the few row groups alone that quotes are taken from.

    Raises:
        AtlasError: a part is damaged, or holds an id that the library lacks.
    """
    translation = Translation.of(library)
    chunks = changed = 0
    lose: Counter[int] = Counter()
    gain: Counter[int] = Counter()
    per_concept: Counter[int] = Counter()
    quotes: dict[int, list[Quote]] = {}
    for path in run.parts:
        for file, number, column in row_groups(run.folder.filesystem, path):
            ids, sizes = column.flatten().to_numpy(), sizes_of(column)
            chunks += len(sizes)
            _count(per_concept, ids)
            new = translation(ids)
            touched = np.flatnonzero(new != ids)
            if not len(touched):
                continue
            if (new[touched] == UNKNOWN).any():
                missing = int(ids[touched[new[touched] == UNKNOWN][0]])
                raise AtlasError(f"{path}: concept {missing} is not in the edited library; ids are permanent")
            owner = np.repeat(np.arange(len(sizes)), sizes)
            mended = np.zeros(len(sizes), bool)
            mended[owner[touched]] = True
            changed += int(mended.sum())
            near = mended[owner]  # the labels of chunks that change: few, where an edit is small
            _count(lose, ids[touched])
            _count(gain, ids[touched][_lacking(owner[near], ids[near], owner[touched], new[touched])])
            firsts, places = np.unique(ids[touched], return_index=True)
            rows = zip(firsts.tolist(), owner[touched[places]].tolist(), strict=True)
            wanted = {concept: row for concept, row in rows if len(quotes.setdefault(concept, [])) < QUOTES}
            for concept, quote in _quoted(file, number, wanted).items():
                quotes[concept].append(quote)
    gone = translation.changed
    effects = tuple(
        Effect(id_, None if heir == DROPPED else heir, lose[id_], gain[id_], tuple(quotes.get(id_, ())))
        for id_, heir in zip(gone.tolist(), translation(gone).tolist(), strict=True)
        if lose[id_]
    )
    return Preview(chunks, changed, effects, dict(per_concept))


@dataclass(frozen=True, slots=True)
class Covered:
    """Chunks of a run, those with a concept, and the chunks of every id."""

    chunks: int
    with_concept: int
    per_concept: Mapping[int, int]


def covered(run: AnnotatedRun) -> Covered:
    """Count the labels of a run; reads ids alone, a row group at a time."""
    counts: Counter[int] = Counter()
    chunks = labelled = 0
    for path in run.parts:
        for _, _, column in row_groups(run.folder.filesystem, path):
            _count(counts, column.flatten().to_numpy())
            chunks += len(column)
            labelled += int((sizes_of(column) > 0).sum())
    return Covered(chunks, labelled, dict(counts))


def row_groups(filesystem: pafs.FileSystem, path: str) -> Iterator[tuple[pq.ParquetFile, int, pa.Array]]:
    """The row groups of a part, each with its column of ids; nothing else is read.

    Raises:
        AtlasError: it is damaged, or has no concepts.
    """
    try:
        file = pq.ParquetFile(path, filesystem=filesystem, page_checksum_verification=True)
        if IDS not in file.schema_arrow.names:
            raise AtlasError(f"{path}: has no column {IDS}; give a run of `atlas annotate`")
        for number in range(file.num_row_groups):
            yield file, number, _ids(file, number)
    except (pa.ArrowException, OSError) as error:
        raise AtlasError(f"{path}: is damaged ({error}); run again, with --verify, what wrote it") from error


def _ids(file: pq.ParquetFile, number: int) -> pa.Array:
    column = file.read_row_group(number, columns=[IDS], use_threads=False).column(IDS).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _count(counter: "Counter[int]", ids: np.ndarray) -> None:
    if len(ids) and ids.min() >= 0 and ids.max() < DENSE_IDS:
        table = np.bincount(ids)  # 20 times as fast as to sort them
        values = np.flatnonzero(table)
        numbers = table[values]
    else:
        values, numbers = np.unique(ids, return_counts=True)
    for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
        counter[value] += number


def _lacking(owner: np.ndarray, ids: np.ndarray, rows: np.ndarray, heirs: np.ndarray) -> np.ndarray:
    """Which of some labels bring their chunk a concept that it lacks, bool; of dropped ones none does."""
    there = owner.astype(np.int64) << 32 | ids
    wanted = rows.astype(np.int64) << 32 | np.maximum(heirs, 0)
    return (heirs != DROPPED) & ~np.isin(wanted, there)


def _quoted(file: pq.ParquetFile, number: int, rows: Mapping[int, int]) -> dict[int, Quote]:
    """Concept → quote of its row."""
    if not rows:
        return {}
    names = [name for name in ("doc_id", "chunk_id", "text") if name in file.schema_arrow.names]
    table = file.read_row_group(number, columns=names, use_threads=False).take(list(rows.values()))
    return {
        concept: Quote(row["doc_id"], row["chunk_id"], shortened(row.get("text") or ""))
        for concept, row in zip(rows, table.to_pylist(), strict=True)
    }


def shortened(text: str) -> str:
    """A text in one line, cut at a word where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= QUOTE_CHARS else line[: QUOTE_CHARS - 1].rsplit(" ", 1)[0] + "…"
