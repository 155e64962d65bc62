"""What a chunk costs, found out by tagging a few for real."""

import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.rows import Batch
from atlas.corpus.source import DocumentSource
from atlas.corpus.units import Unit
from atlas.errors import AtlasError
from atlas.llm.costs import EngineCosts
from atlas.models.catalogue import catalogue
from atlas.models.fetch import cached
from atlas.stage import Process
from atlas.tables import CHUNKS, SUMMED
from atlas.tagging.budget import ChunkCost, Probed, cost_of
from atlas.tagging.config import SampleConfig, TagConfig
from atlas.tagging.stage import TagStage

LOOKED_UNITS = 6  # spread evenly over the corpus
LOOKED_DOCUMENTS = 16  # of each
PROBED_CHUNKS = 64  # at most: a server that takes more at once is somewhat faster than the probe says
# Chunks a second of the default model on two cores of 2024 server CPUs (docs/benchmarks).
EMBEDDED_MODEL, EMBEDDED_RATE = "atlas-tagger-135m", 2.5


@dataclass(frozen=True, slots=True)
class Look:
    """The beginning of some units: chunks that may be tagged (schema CHUNKS), and about how many there are in all."""

    chunks: pa.RecordBatch
    available: int


def look(source: DocumentSource, chunk: ChunkConfig, sample: SampleConfig) -> Look:
    """Chunk a few documents here and there; the same ones each time."""
    units = source.units()
    named = tokenizer(chunk.tokenizer)
    step = max(1, len(units) // LOOKED_UNITS)
    found, documents, bytes_, picks = [], 0, 0, 0
    for unit in units[::step][:LOOKED_UNITS]:
        for batch in islice(source.read(unit), 1):
            some = batch.documents.slice(0, LOOKED_DOCUMENTS)
            if not some.num_rows:
                continue
            rows = chunk_documents(some, chunk, named).columns.select(CHUNKS.names)
            fit = pc.and_(
                pc.not_equal(rows.column("status"), "empty"),
                pc.greater_equal(rows.column("token_count"), sample.min_tokens),
            )
            rows = rows.filter(fit)
            documents += some.num_rows
            bytes_ += _stored(unit, batch) * some.num_rows
            counts = pc.value_counts(rows.column("doc_id")).field("counts").to_pylist()
            picks += sum(min(count, sample.per_document) for count in counts)
            found.append(rows)
    chunks = pa.Table.from_batches(found, schema=CHUNKS).combine_chunks().to_batches()
    if not chunks:
        return Look(pa.RecordBatch.from_pylist([], schema=CHUNKS), 0)
    total = _documents(units, bytes_ / documents)
    return Look(_spread(chunks[0], PROBED_CHUNKS), round(picks / documents * total))


def _documents(units: list[Unit], bytes_each: float) -> float:
    return sum(unit.rows if unit.rows >= 0 else unit.bytes / max(1.0, bytes_each) for unit in units)


def _stored(unit: Unit, batch: Batch) -> float:
    """About how many bytes of its file a document takes; it matters where rows are not known beforehand."""
    text = pc.sum(pc.binary_length(batch.documents.column("text"))).as_py()
    return unit.bytes / unit.rows if unit.rows > 0 else text / batch.documents.num_rows


def _spread(chunks: pa.RecordBatch, count: int) -> pa.RecordBatch:
    """At most so many chunks, evenly spread."""
    step = max(1, chunks.num_rows // count)
    return chunks.take(pa.array(range(0, chunks.num_rows, step)[:count], pa.int64()))


def chunk_cost(tag: TagConfig, chunks: pa.RecordBatch, *, paid: bool = True) -> ChunkCost:
    """What a chunk costs with the configured engine, from tagging a few of these for real.

    Where the model was not fetched yet, only what is known of it beforehand. So too, without ``paid``, where a probe
    takes long to start or may be billed.

    Raises:
        AtlasError: nothing listens, a wrong key, or not one of the chunks could be tagged.
    """
    engine = tag.engine
    costs = engine if isinstance(engine, EngineCosts) else EngineCosts()
    model = catalogue().get(engine.model)
    if costs.runs_here and model is not None and cached(model) is None:
        return _known(tag, costs, f"{engine.model} is to be fetched first: `atlas models fetch {engine.model}`")
    if not (paid or costs.probe_is_free):
        return _known(tag, costs, f"--estimate asks {engine.kind} to tag a few chunks, and says more")
    if not chunks.num_rows:
        return _known(tag, costs, "the corpus has no chunk to try")
    probed = _tagged(TagStage(tag).load(), _spread(chunks, costs.probe_chunks))
    return cost_of(probed, costs.prices, costs.chunks_per_s)


def _known(tag: TagConfig, costs: EngineCosts, why: str) -> ChunkCost:
    """What is known without the engine: its rate, where the settings or the documentation tell it."""
    rate, basis = costs.chunks_per_s, "the rate from the settings"
    if rate is None and tag.engine.kind == "ctranslate2" and tag.engine.model == EMBEDDED_MODEL:
        rate, basis = EMBEDDED_RATE, "the documented rate on two cores"
    if rate is None:
        return ChunkCost(basis=why)
    money = costs.prices.of(0, 0, 1 / rate) if costs.prices.given and not costs.prices.per_token else None
    return ChunkCost(seconds=1 / rate, money=money, basis=f"{basis}; {why}")


def _tagged(process: Process, chunks: pa.RecordBatch) -> Probed:
    process(chunks.slice(0, 1))  # the first call opens what is opened once
    start = time.perf_counter()
    rows = process(chunks)
    seconds = time.perf_counter() - start
    statuses = Counter(rows.column("tag_status").to_pylist())
    if not statuses["ok"]:
        found = ", ".join(f"{count} {status}" for status, count in statuses.items())
        raise AtlasError(
            f"no chunk could be tagged to find out the cost ({found}): see that the engine works, and that the prompt "
            "suits the model"
        )
    sums = [pc.sum(rows.column(name)).as_py() for name in SUMMED if name in rows.schema.names]
    prompt, completion = sums or (0, 0)
    return Probed(rows.num_rows, prompt, completion, seconds)
