"""The export of lift sets."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from atlas.chunking.tokenizer import Tokenizer, tokenizer
from atlas.errors import AtlasError
from atlas.library.concept import Library
from atlas.products.export import concepts
from atlas.products.export.folder import ExportFolder
from atlas.products.export.output import Exported, Watch, output, silent
from atlas.products.export.source import TEXT, Source, source_of
from atlas.products.export.threads import in_threads
from atlas.products.lift import incidence
from atlas.products.lift.choose import Rules, sets
from atlas.products.lift.count import CELL
from atlas.products.lift.counting import Counting
from atlas.products.lift.incidence import TOKENS, Reading
from atlas.products.lift.spelling import spellings
from atlas.storage import is_local

PRODUCT = "lift"
VOCABULARY = 30_000
MEMORY_MB = 512
WORKERS = 2
RULES = Rules()
Kind = Literal["both", "word", "token"]

SETS = pa.schema(
    [
        pa.field("concept_id", pa.int32(), nullable=False),
        pa.field("concept", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("side", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("token_id", pa.int32()),
        pa.field("count_in", pa.int64(), nullable=False),
        pa.field("count_out", pa.int64(), nullable=False),
        pa.field("documents_in", pa.int64(), nullable=False),
        pa.field("lift", pa.float32(), nullable=False),
        pa.field("llr", pa.float32(), nullable=False),
    ]
)


def lift(
    run: str | Path,
    library: Library,
    out: str | Path,
    *,
    kind: Kind = "both",
    rules: Rules = RULES,
    words: int = VOCABULARY,
    memory_mb: int = MEMORY_MB,
    work: str | Path | None = None,
    workers: int = WORKERS,
    watch: Watch = silent,
) -> Exported:
    """Write, for each concept, the words and tokens that its chunks favour and those that they avoid.

    A chunk has an item or has not; how often does not matter. Sets are chosen and ranked by Dunning's log-likelihood
    ratio, with a floor of chunks and documents. Only the ``words`` most frequent words and tokens are looked at.

    First each piece of the run is read once and its items are written to work files (of about half the texts'
    size); then counts are made from these, exact, for as many concepts at a time as ``memory_mb`` mebibytes take.

    Args:
        kind: words, tokens, or both. Tokens are the run's ``token_ids``, else its texts are encoded.
        work: local folder for work files; by default within ``out``, or a temporary one where that is a URL.

        watch: told of every file that is finished.

    Raises:
        AtlasError: wrong input; a run without what ``kind`` needs.
    """
    source = source_of(run, library)
    named = _needed(source, kind)
    settings = {"kind": kind, "words": words, "memory_mb": memory_mb, **asdict(rules)}
    with output(PRODUCT, source, out, settings, watch) as made:
        if (before := made.done()) is not None:
            return before
        made.plan(["concepts.parquet"])  # claims the folder
        place = _work(made.folder, made.key, work)
        encode = named if TOKENS not in source.schema.names else None
        reading = Reading(source, ExportFolder.at(place), kind != "token", kind != "word", encode)
        split = list(incidence.pieces(source))
        for number, _ in enumerate(in_threads(partial(incidence.write, reading), split, workers), start=1):
            watch(f"read piece {number:,} of {len(split):,}")
        counting = Counting.prepared(reading, split, words, rules.min_count)
        found = concepts.counted(source)
        tall = np.flatnonzero(found.chunks >= rules.min_count)
        together = max(1, (memory_mb << 20) // (CELL * max(1, len(counting.known))))
        groups = [tall[start : start + together] for start in range(0, len(tall), together)]
        names = [f"sets/{number:05}.parquet" for number in range(len(groups))]
        made.plan([*names, "concepts.parquet"])
        spelled = [*counting.known.words, *spellings(named, counting.known.tokens)]
        for name, mine in zip(names, groups, strict=True):
            made.parquet(name, SETS, _sets(counting, spelled, mine, rules))
        made.parquet("concepts.parquet", concepts.CONCEPTS, [concepts.table(source, found)])
        done = made.finish()
        shutil.rmtree(place, ignore_errors=True)  # not before all is there: a killed export goes on from it
        return done


def _needed(source: Source, kind: Kind) -> Tokenizer | None:
    """See that the run has what is needed; the tokenizer, where tokens are."""
    if kind != "token":
        source.need(TEXT, "which words are taken from: annotate with --chunk-text, or choose --kind token")
    if kind == "word":
        return None
    if TOKENS not in source.schema.names:
        source.need(TEXT, f"nor {TOKENS}, which tokens are taken from: annotate with --chunk-text or --tokens")
    footer = source.footers[0]
    named = tokenizer(footer.get("chunk", {}).get("tokenizer", footer["tokenizer"]))
    if named.name != footer["tokenizer"]:
        raise AtlasError(
            f"{source.parts[0].path}: was cut by tokenizer {footer['tokenizer']}, but {named.name} is what is there "
            "now; put the tokenizer back, or choose --kind word"
        )
    return named


def _work(folder: ExportFolder, key: str, work: str | Path | None) -> str:
    if work is not None:
        return str(Path(work) / f"atlas-lift-{key}")
    if is_local(folder.filesystem):
        return folder.path(".work")
    return str(Path(tempfile.gettempdir()) / f"atlas-lift-{key}")


def _sets(counted: Counting, spelled: Sequence[str], mine: np.ndarray, rules: Rules) -> Iterator[pa.RecordBatch]:
    """The sets of some concepts, given by their places, a batch a set."""
    source, known = counted.reading.source, counted.known
    found = counted.of(mine)
    overall, anywhere = found.overall, found.anywhere
    for number, place in enumerate(mine.tolist()):
        concept = source.library.by_id[int(source.concept_ids[place])]
        within, documents = found.within(number)
        for kind, some in known.kinds.items():
            looked = (within[some], documents[some], overall[some], anywhere[some])
            both = sets(*looked, int(found.chunks[number]), found.total, rules)
            for side, chosen in zip(("positive", "negative"), both, strict=True):
                at = chosen.places + some.start
                size = len(at)
                if not size:
                    continue
                columns = {
                    "concept_id": [concept.id] * size,
                    "concept": [concept.name] * size,
                    "kind": [kind] * size,
                    "side": [side] * size,
                    "rank": list(range(1, size + 1)),
                    "item": [spelled[each] for each in at.tolist()],
                    "token_id": known.tokens[chosen.places].tolist() if kind == "token" else [None] * size,
                    "count_in": within[at],
                    "count_out": overall[at] - within[at],
                    "documents_in": documents[at],
                    "lift": chosen.lift.astype(np.float32),
                    "llr": chosen.llr.astype(np.float32),
                }
                yield pa.RecordBatch.from_pydict(columns, schema=SETS)
