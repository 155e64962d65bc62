"""The token data of the reader's benchmark: annotated parts, and the same windows for other packages.

Real texts, encoded with cl100k_base and cut every 100 tokens; labels as many and as unevenly spread as in the public
FineWeb Atlas (14.7 a chunk of 16,790 concepts, drawn by Zipf's law).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.chunking.tokenizer import tokenizer
from atlas.reader import read_windows
from atlas.runner.part_writer import PartWriter
from atlas.tables import annotations

CONCEPTS, LABELS, CHUNK_TOKENS, ROWS = 16_790, 14.7, 100, 4096
PART_TOKENS = 8_000_000
FOOTER = {"tokenizer": "cl100k_base", "library": "of the benchmark", "annotator": "of the benchmark"}


def write_parts(folder: Path, texts: Path, tokens: int) -> None:
    """Annotated parts with token ids of about so many tokens in all."""
    folder.mkdir(parents=True)
    schema = annotations(text=False, tokens=True)
    chunks = _chunks(texts)
    generator = np.random.default_rng(0)
    for number in range(max(1, round(tokens / PART_TOKENS))):
        left = min(tokens, PART_TOKENS)
        with (folder / f"part-{number:03d}.parquet").open("wb") as stream, PartWriter(stream, schema) as writer:
            while left > 0:
                rows = [next(chunks) for _ in range(ROWS)]
                left -= sum(len(ids) for _, _, ids in rows)
                writer.write(_labelled(rows, generator, schema))
            while rows and (following := next(chunks))[1]:  # to the end of the document
                writer.write(_labelled([following], generator, schema))
            writer.close({**FOOTER, "unit": f"part-{number:03d}", "key": f"{number}"})


def _chunks(texts: Path) -> Iterator[tuple[str, int, np.ndarray]]:
    """Document, number and token ids of chunks, round and round the texts, each round with other ids."""
    encode = tokenizer("cl100k_base").encode
    table = pq.read_table(texts, columns=["id", "text"])
    encoded = [
        (one, encode(text)) for one, text in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)
    ]
    for turn in range(1 << 30):
        for doc, ids in encoded:
            for number, at in enumerate(range(0, len(ids), CHUNK_TOKENS)):
                yield f"{doc}/{turn}", number, ids[at : at + CHUNK_TOKENS]


def _labelled(rows: list[tuple[str, int, np.ndarray]], generator: np.random.Generator, schema: pa.Schema) -> pa.Table:
    chance = 1 / np.arange(1, CONCEPTS + 1)
    sizes = np.minimum(generator.poisson(LABELS, len(rows)), 24)
    ids = 1 + generator.choice(CONCEPTS, size=int(sizes.sum()), p=chance / chance.sum())
    scores = generator.random(len(ids)).astype(np.float32)
    scores = scores[np.lexsort((-scores, np.repeat(np.arange(len(rows)), sizes)))]
    lengths = np.array([len(tokens) for _, _, tokens in rows])
    numbers = pa.array([number for _, number, _ in rows], pa.int32())
    columns = {
        "doc_id": pa.array([doc for doc, _, _ in rows]),
        "chunk_id": numbers,
        "source": pa.array(["benchmark"] * len(rows)),
        "char_start": numbers,
        "char_end": numbers,
        "token_count": pa.array(lengths, pa.int32()),
        "kind": pa.array(["prose"] * len(rows)),
        "status": pa.array(["ok"] * len(rows)),
        "concept_ids": _lists(sizes, ids.astype(np.int32)),
        "scores": _lists(sizes, scores),
        "token_ids": _lists(lengths, np.concatenate([tokens for _, _, tokens in rows])),
    }
    return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def _lists(sizes: np.ndarray, values: np.ndarray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(sizes)), pa.int32()), pa.array(values))


def write_arrays(stream: Path, folder: Path, length: int, k: int) -> None:
    """The windows of a stream in order, for other packages: ``tokens.npy`` [N, T] and ``concepts.npy`` [N, T, K]."""
    folder.mkdir(parents=True)
    windows = read_windows(stream, length, concepts_per_token=k, order="sequential")
    shapes = {"tokens": (windows.count, length), "concepts": (windows.count, length, k)}
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.int32, shape) for name, shape in shapes.items()
    }
    for number, window in enumerate(windows):
        arrays["tokens"][number] = window.tokens
        arrays["concepts"][number] = window.concept_ids
    for array in arrays.values():
        array.flush()
