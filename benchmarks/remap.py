"""How fast an annotated run is carried to an edited library, beside copying its files and writing them again.

The run is made of the data's texts, cut every 400 characters, with 14.7 concepts a chunk on average, drawn by Zipf's
law from 16,790 (the figures of the public FineWeb Atlas), each once in a chunk; one file holds ``--chunks`` of them.
``merged`` is how many of the concepts, drawn at random, the edit merged into others. ``often`` merges ten
of the twenty most frequent into the other ten, which stand beside them in many chunks, as synonyms do. ``lost`` is the
share of labels that the edit takes away. ``cpu_times_copy`` compares seconds of the processor, which a busy machine and
its disk disturb less.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from rows import Row, arguments, finish, median_seconds

from atlas.library.successors import Translation
from atlas.products.remap.part import Job, carry, new_footer
from atlas.runner.counts import Counts, counted
from atlas.runner.part_writer import PartWriter
from atlas.tables import annotations

CONCEPTS, CHARS, BATCH = 16_790, 400, 4096
DRAWN = 16.6  # labels of a chunk before those that it has already are left out; 14.7 after
MERGED: tuple[int | str, ...] = (0, 2, 20, 200, 2000, "often")
SETS = ("webdocs", "arxiv-abstracts")
LOCAL = pafs.LocalFileSystem()


def main() -> None:
    options = arguments(__doc__.splitlines()[0], SETS, chunks=200_000, rounds=5)
    rows: list[Row] = []
    for name in options.sets.split(","):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # not on a /tmp that may be in memory
            rows += measured(name, options.data / name / "open.parquet", Path(folder), options.chunks, options.rounds)
    finish(rows, options.json)


def measured(dataset: str, texts: Path, folder: Path, chunks: int, rounds: int) -> list[Row]:
    part, out = folder / "part.parquet", folder / "out.parquet"
    footer = write_part(part, texts, chunks)
    size = part.stat().st_size

    def row(system: str, work: Callable[[], Any], merged: int | str | None = None) -> Row:
        work()  # compiled, and the part in memory
        started = process_time()
        seconds = median_seconds(work, rounds)
        rate = {
            "chunks_per_s": round(chunks / seconds),
            "mb_per_s": round(size / 1e6 / seconds, 1),
            "cpu_ms": round((process_time() - started) * 1000 / rounds, 1),
        }
        return {"benchmark": "remap", "dataset": dataset, "system": system, "merged": merged, **rate}

    rows = [
        row("baseline-file-copy", lambda: shutil.copyfile(part, out)),
        row("baseline-file-copy-fsync", lambda: copied(part, out)),
    ]
    for merged in MERGED:
        job = Job(str(part), str(out), new_footer(footer, f"{merged}"))
        work = partial(carry, job, edited(merged), LOCAL, LOCAL)
        lost = 1 - work().labels / footer["counts"]["labels"]
        rows.append(row("atlas-remap", work, merged) | {"lost": round(lost, 4)})
    rows.append(row("baseline-pyarrow-rewrite", lambda: rewritten(part, out)))
    copy, cpu = rows[1]["mb_per_s"], rows[1]["cpu_ms"]
    return [
        {
            **each,
            "times_copy_fsync": round(copy / each["mb_per_s"], 2),
            "cpu_times_copy": round(each["cpu_ms"] / cpu, 2),
        }
        for each in rows
    ]


def copied(part: Path, out: Path) -> None:
    """What an upload tool that keeps its word does: the bytes are on the disk when it ends."""
    with part.open("rb") as source, out.open("wb") as target:
        shutil.copyfileobj(source, target, 4 << 20)
        target.flush()
        os.fsync(target.fileno())


def rewritten(part: Path, out: Path) -> None:
    """Read and written again by row groups with the runner's settings, without a change."""
    file = pq.ParquetFile(part)
    with (
        out.open("wb") as stream,
        pq.ParquetWriter(stream, file.schema_arrow, compression="zstd", write_page_checksum=True) as writer,
    ):
        for number in range(file.num_row_groups):
            writer.write_table(file.read_row_group(number))
        stream.flush()
        os.fsync(stream.fileno())


def edited(merged: int | str) -> Translation:
    """A library in which so many concepts, drawn by a seed, went to others; or the most frequent to neighbours."""
    generator = np.random.default_rng(0)
    ids = np.arange(1, CONCEPTS + 1, dtype=np.int32)
    targets = ids.copy()
    if isinstance(merged, str):
        targets[:20:2] = ids[1:20:2]
        return Translation(ids, targets)
    gone = generator.permutation(CONCEPTS)[:merged]
    stay = np.setdiff1d(np.arange(CONCEPTS), gone)
    targets[gone] = ids[generator.choice(stay, len(gone))]
    return Translation(ids, targets)


def write_part(path: Path, texts: Path, chunks: int) -> dict[str, Any]:
    """One annotated part as the runner writes it; returns its footer."""
    schema = annotations(text=True)
    counts = Counts()
    with path.open("wb") as stream, PartWriter(stream, schema) as writer:
        for batch in batches(texts, chunks, schema):
            writer.write(batch)
            counts += counted(batch)
        footer = {"unit": "part", "key": "of the benchmark", "stage": "annotate", "schema": 1, "library": "before"}
        footer["counts"] = {"labels": counts.labels, "rows": counts.rows}
        writer.close(footer)
    return footer


def batches(texts: Path, chunks: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    generator = np.random.default_rng(0)
    chance = 1 / np.arange(1, CONCEPTS + 1)
    drawn = cut(texts)
    for start in range(0, chunks, BATCH):
        pieces = [next(drawn) for _ in range(min(BATCH, chunks - start))]
        owner = np.repeat(np.arange(len(pieces)), np.minimum(generator.poisson(DRAWN, len(pieces)), 28))
        ids = 1 + generator.choice(CONCEPTS, size=len(owner), p=chance / chance.sum())
        first = np.sort(np.unique(owner * (CONCEPTS + 1) + ids, return_index=True)[1])
        owner, ids = owner[first], ids[first]
        sizes = np.bincount(owner, minlength=len(pieces))
        scores = _falling(generator, owner)
        offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
        columns = {
            "doc_id": pa.array([doc for doc, _, _, _ in pieces]),
            "chunk_id": pa.array([number for _, number, _, _ in pieces], pa.int32()),
            "source": pa.array([texts.parent.name] * len(pieces)),
            "char_start": pa.array([at for _, _, at, _ in pieces], pa.int32()),
            "char_end": pa.array([at + len(text) for _, _, at, text in pieces], pa.int32()),
            "token_count": pa.array([len(text) // 4 for *_, text in pieces], pa.int32()),
            "kind": pa.array(["prose"] * len(pieces)),
            "status": pa.array(["ok"] * len(pieces)),
            "concept_ids": pa.ListArray.from_arrays(offsets, pa.array(ids, pa.int32())),
            "scores": pa.ListArray.from_arrays(offsets, pa.array(scores)),
            "text": pa.array([text for *_, text in pieces]),
        }
        yield pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def _falling(generator: np.random.Generator, owner: np.ndarray) -> np.ndarray:
    """Scores that fall within each chunk."""
    scores = generator.random(len(owner)).astype(np.float32)
    return scores[np.lexsort((-scores, owner))]


def cut(texts: Path) -> Iterator[tuple[str, int, int, str]]:
    """Document, number, offset and text of chunks, round and round the data, each round with other ids."""
    table = pq.read_table(texts, columns=["id", "text"])
    for turn in range(1 << 30):
        for doc, text in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True):
            for number, at in enumerate(range(0, len(text), CHARS)):
                yield f"{doc}/{turn}", number, at, text[at : at + CHARS]


if __name__ == "__main__":
    main()
