"""Bytes a chunk in annotated parts without texts, by column: the encodings that are chosen beside others.

    python benchmarks/part_size.py --data DATA [--model runs/quickstart/annotator] [--sets webdocs] [--labels 15]

The documents of DATA/<set>/open.parquet are annotated with one threshold for all concepts, so low that a chunk has
--labels labels on average. The set ``<set>-33k`` has the same chunks and scores under a library of 33,000 concepts:
each concept stands for some 140 others, one of which is drawn for each document, by Zipf's law. In
``<set>-33k-loose`` one is drawn for each label, so that neighbouring chunks share less than under any library. Every
system writes the same rows, in row groups of the same size but for those whose name says otherwise; seconds are the
median of three.

With ``--train yso-abstracts`` in place of --model, an annotator of that set's labels is trained first, from 4,000 of
its documents, and the simulated libraries are left out.
"""

import argparse
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, finish, median_seconds, parser

from atlas.annotator import artefact, stage
from atlas.annotator.artefact import Annotator
from atlas.chunking.config import ChunkConfig
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.runner.part_writer import ROW_GROUP_ROWS, encodings

SETS = ("webdocs", "openstax")
LARGE = 33_000
TRAINED_ON = 4_000  # documents
TUNED_ON = 200  # documents on which the threshold is looked for
STEPS = 12  # of the bisection
IDS, SCORES = "concept_ids.list.element", "scores.list.element"

Settings = dict[str, Any]


def main() -> None:
    known = parser(__doc__.splitlines()[0], SETS)
    known.add_argument("--model", type=Path, default=Path("runs/quickstart/annotator"), help="annotator")
    known.add_argument("--train", help="set whose labels an annotator is trained for")
    known.add_argument("--labels", type=float, default=15, help="labels a chunk")
    known.add_argument("--documents", type=int, help="at most so many of each set")
    args = known.parse_args()
    annotator = trained(args.train, args.data) if args.train else artefact.load(args.model)
    finish([row for name in args.sets.split(",") for row in _of_set(name, annotator, args)], args.json)


def trained(name: str, data: Path) -> Annotator:
    """An annotator of a set's own labels."""
    from annotator_atlas import train_fast
    from annotator_data import split

    task = split(data, name, 0, TRAINED_ON, False)
    labels = [sorted(own) for own in task.training.gold]
    made = train_fast(task.training.texts, labels, task.names, Path()).annotator
    return replace(made, settings={"chunk": ChunkConfig().model_dump()})


def _of_set(name: str, annotator: Annotator, args: argparse.Namespace) -> Iterator[Row]:
    corpus = CorpusConfig(path=str(args.data / name / "open.parquet"), id="id", limit=args.documents)
    source = DocumentSource(corpus)
    batches = [batch.documents for unit in source.units() for batch in source.read(unit)]
    exact = labelled(batches, annotator, args.labels)
    tables = {f"{name}-{args.train}" if args.train else name: exact}
    if not args.train:
        tables[f"{name}-33k"] = enlarged(exact, by_document=True)
        tables[f"{name}-33k-loose"] = enlarged(exact, by_document=False)
    for dataset, table in tables.items():
        rounded = _rounded(table, stage.SCORE_DECIMALS)
        sizes = {"rows": table.num_rows, "labels": len(_values(table, "concept_ids")) / table.num_rows}
        ids = len(np.unique(_values(table, "concept_ids")))
        for system, write in systems(table, rounded).items():
            yield {"benchmark": "part_size", "dataset": dataset, "system": system, "ids": ids} | sizes | write()


def labelled(batches: list[pa.RecordBatch], annotator: Annotator, labels: float) -> pa.Table:
    """Annotated rows, with about so many labels a chunk and scores as the annotator gives them."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        table = _annotated([batches[0].slice(0, TUNED_ON)], annotator, middle)
        low, high = (middle, high) if len(_values(table, "concept_ids")) > labels * table.num_rows else (low, middle)
    return _annotated(batches, annotator, low)


def _annotated(batches: list[pa.RecordBatch], annotator: Annotator, threshold: float) -> pa.Table:
    thresholds = np.full_like(annotator.weights.thresholds, threshold)
    lowered = replace(annotator, weights=annotator.weights._replace(thresholds=thresholds))
    decimals, stage.SCORE_DECIMALS = stage.SCORE_DECIMALS, 7  # all that float32 has; each system rounds on its own
    try:
        made = [stage.annotate_documents(batch, lowered, text=False) for batch in batches]
    finally:
        stage.SCORE_DECIMALS = decimals
    return pa.Table.from_batches(made).combine_chunks()


def enlarged(table: pa.Table, *, by_document: bool) -> pa.Table:
    """The same rows, each id replaced by one of several that stand for it, so that there are LARGE in all."""
    ids, draw = _values(table, "concept_ids"), np.random.default_rng(5)
    concepts, places = np.unique(ids, return_inverse=True)
    each = LARGE // len(concepts)
    weights = 1 / np.arange(1, each + 1)
    weights /= weights.sum()
    if by_document:
        offsets = table["concept_ids"].combine_chunks().offsets.to_numpy()
        documents = np.unique(table["doc_id"].to_numpy(), return_inverse=True)[1]
        owner = np.repeat(documents, np.diff(offsets))
        pairs, place_of_pair = np.unique(owner * len(concepts) + places, return_inverse=True)
        variant = draw.choice(each, len(pairs), p=weights)[place_of_pair]
    else:
        variant = draw.choice(each, len(ids), p=weights)
    renamed = draw.permutation(len(concepts) * each) + 1
    return _replaced(table, "concept_ids", renamed[places * each + variant].astype(np.int32))


def systems(exact: pa.Table, rounded: pa.Table) -> dict[str, partial[Row]]:
    """What to measure: how the same rows are written."""
    ours = encodings(rounded.schema)
    numbers = dict(ours["column_encoding"])
    without = {name: [c for c in ours["use_dictionary"] if c != name] for name in (IDS, SCORES)}
    plain_ids = ours | {"use_dictionary": without[IDS], "column_encoding": numbers | {IDS: "PLAIN"}}
    delta_ids = ours | {"use_dictionary": without[IDS], "column_encoding": numbers | {IDS: "DELTA_BINARY_PACKED"}}
    plain_scores = ours | {"use_dictionary": without[SCORES], "column_encoding": numbers | {SCORES: "PLAIN"}}
    split: Settings = {"use_dictionary": without[SCORES], "column_encoding": numbers | {SCORES: "BYTE_STREAM_SPLIT"}}
    written = {
        "atlas": partial(measured, rounded, ours),
        "baseline-pyarrow": partial(measured, exact, {}),
        "baseline-pyarrow-zstd": partial(measured, exact, {"compression": "zstd"}),
        "pyarrow, zstd, scores rounded": partial(measured, rounded, {"compression": "zstd"}),
        "scores not rounded": partial(measured, exact, ours),
        "scores not rounded, byte stream split": partial(measured, exact, ours | split),
        "scores of 2 decimals": partial(measured, _rounded(exact, 2), ours),
        "scores of 4 decimals": partial(measured, _rounded(exact, 4), ours),
        "scores byte stream split": partial(measured, rounded, ours | split),
        "scores plain": partial(measured, rounded, plain_scores),
        "ids plain": partial(measured, rounded, plain_ids),
        "ids as differences": partial(measured, rounded, delta_ids),
        "numbers by dictionary": partial(measured, rounded, {**ours, "use_dictionary": True, "column_encoding": None}),
        "lists plain": partial(
            measured, rounded, plain_ids | {"use_dictionary": [c for c in without[IDS] if c != SCORES]}
        ),
    }
    written |= {
        f"zstd {level}": partial(measured, rounded, ours | {"compression_level": level}) for level in (1, 9, 19)
    }
    groups = (1_024, 8_192, 131_072)
    return written | {f"row groups of {rows:,}": partial(measured, rounded, ours, rows=rows) for rows in groups}


def measured(table: pa.Table, settings: Settings, rows: int = ROW_GROUP_ROWS) -> Row:
    """Bytes a chunk of the whole file and of its columns, and the seconds to write it."""
    whole = _written(table, settings, rows)
    metadata = pq.ParquetFile(io.BytesIO(whole)).metadata
    columns: Counter[str] = Counter()
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            columns[column.path_in_schema] += column.total_compressed_size
    of = {name.removesuffix(".list.element"): size / table.num_rows for name, size in columns.items()}
    spans = sum(of.pop(name) for name in ("chunk_id", "char_start", "char_end", "token_count"))
    marks = sum(of.pop(name) for name in ("doc_id", "source", "kind", "status"))
    seconds = median_seconds(lambda: _written(table, settings, rows))
    total = len(whole) / table.num_rows
    rest = total - spans - marks - sum(of.values())
    row: Row = {"bytes": total, **of, "spans": spans, "names": marks, "footer": rest, "write_s": seconds}
    return row


def _written(table: pa.Table, settings: Settings, rows: int) -> bytes:
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema, write_page_checksum=True, **settings) as writer:
        writer.write_table(table, row_group_size=rows)
    return out.getvalue()


def _values(table: pa.Table, column: str) -> np.ndarray:
    return table[column].combine_chunks().values.to_numpy()


def _rounded(table: pa.Table, decimals: int) -> pa.Table:
    return _replaced(table, "scores", np.round(_values(table, "scores"), decimals))


def _replaced(table: pa.Table, column: str, values: np.ndarray) -> pa.Table:
    lists = pa.ListArray.from_arrays(table[column].combine_chunks().offsets, pa.array(values))
    number = table.schema.get_field_index(column)
    return table.set_column(number, table.schema.field(number), lists)


if __name__ == "__main__":
    main()
