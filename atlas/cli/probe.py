"""What a whole corpus would come to, from a few documents done in memory."""

import time
import zlib
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.corpus.rows import Batch
from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Reject, Unit
from atlas.runner.part import pieces
from atlas.stage import Process, Stage

PROBED_UNITS = 6  # spread evenly over the plan, as files of one corpus differ more than the documents of one file
PROBED_DOCUMENTS = 24  # of each of them
PROBED_BYTES = 1 << 18  # of text of each of them, or one document: bounds the time, a few seconds in all
GOLDEN = (5**0.5 - 1) / 2  # its multiples leave no regular gaps


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was found in the first batch of a unit: rates by which its neighbours are estimated."""

    text_bytes: float  # a record
    stored_bytes: float  # a record, in the corpus's file
    tokens: float  # a byte of text
    seconds: float  # a byte of text


def probe(stage: Stage, source: DocumentSource, units: list[Unit]) -> tuple[float, float, float]:
    """Estimated records, tokens, and seconds on one core for all units.

    The units are dealt into PROBED_UNITS stretches, and each is taken to be like the beginning of one of its units:
    in each at another place, as every middle may be the first unit of a file, where files of many units are alike.
    """
    process = stage.load()
    totals = np.zeros(3)
    warm = False
    for number, stretch in enumerate(stretches(units), 1):
        unit = stretch[int(len(stretch) * (number * GOLDEN % 1))]
        for batch in islice(source.read(unit), 1):
            if not warm:
                _tokens(batch, np.arange(min(1, len(batch.rows))), process)  # the first call opens what is opened once
                warm = True
            totals += extrapolated(stretch, sampled(unit, batch, process))
    records, tokens, seconds = totals.tolist()
    return records, tokens, seconds


def stretches(units: list[Unit]) -> list[list[Unit]]:
    """Neighbouring units, in at most PROBED_UNITS lists whose lengths differ by one at most."""
    count = min(PROBED_UNITS, len(units))
    edges = [len(units) * k // count for k in range(count + 1)]
    return [units[start:stop] for start, stop in pairwise(edges)]


def extrapolated(units: list[Unit], found: Sampled) -> np.ndarray:
    """Records, tokens, seconds of units; by their bytes where their rows are not known beforehand."""
    records = sum(unit.rows if unit.rows >= 0 else unit.bytes / max(1.0, found.stored_bytes) for unit in units)
    text = records * found.text_bytes
    return np.array([records, text * found.tokens, text * found.seconds])


def sampled(unit: Unit, batch: Batch, process: Process) -> Sampled:
    """Try documents spread evenly over a batch, of PROBED_BYTES at most."""
    records = len(batch.rows) + len(batch.rejects)
    sizes = pc.binary_length(batch.documents.column("text")).to_numpy(zero_copy_only=False).astype(np.int64)
    chosen = _spread(sizes)
    start = time.perf_counter()
    tokens = _tokens(batch, chosen, process)
    seconds = time.perf_counter() - start
    tried = max(1, int(sizes[chosen].sum()))
    return Sampled(float(sizes.sum()) / records, stored(unit, batch), tokens / tried, seconds / tried)


def _spread(sizes: np.ndarray) -> np.ndarray:
    """At most PROBED_DOCUMENTS rows, evenly spread, of PROBED_BYTES together; but always one where there is one."""
    rows = np.unique(np.linspace(0, len(sizes) - 1, min(len(sizes), PROBED_DOCUMENTS)).astype(np.int64))
    return rows[: max(1, int(np.searchsorted(np.cumsum(sizes[rows]), PROBED_BYTES, side="right")))]


def _tokens(batch: Batch, chosen: np.ndarray, process: Process) -> int:
    """Tokens of the chosen documents; those that can't be processed count none, as in a run they are quarantined."""
    documents = batch.documents.take(pa.array(chosen))
    rejects: list[Reject] = []
    done = pieces(documents, [batch.rows[row] for row in chosen], str, process, rejects)
    return sum(pc.sum(rows.column("token_count")).as_py() or 0 for rows in done)


def stored(unit: Unit, batch: Batch) -> float:
    """Bytes in the file for each record of a batch."""
    numbers = [*batch.rows, *(reject.row for reject in batch.rejects)]
    if unit.rows > 0:
        return unit.bytes / unit.rows
    if unit.format == "jsonl" and len(numbers) > 1:  # row numbers are byte offsets
        return (max(numbers) - min(numbers)) / (len(numbers) - 1)
    texts = "\n".join(batch.documents.column("text").to_pylist()).encode()
    return len(texts if unit.format == "jsonl" else zlib.compress(texts, 6)) / len(numbers)
