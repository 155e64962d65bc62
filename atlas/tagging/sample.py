"""Which chunks the LLM sees: a deterministic sample by document, spread over the sources."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.storage import atomic_output, write_text
from atlas.tables import CHUNKS
from atlas.tagging.config import SampleConfig


def rank(doc_id: str, chunk_id: int, seed: int) -> int:
    """A number that orders chunks at random but the same way on every machine."""
    text = f"{seed}\0{doc_id}\0{chunk_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def share(available: dict[str, int], budget: int) -> dict[str, int]:
    """Split a budget over sources in proportion to the square root of what each has, at most all of it.

    The square root keeps small sources visible beside big ones.
    """
    given = dict.fromkeys(available, 0)
    left = min(budget, sum(available.values()))
    while left > 0:
        open_ = {s: n for s, n in available.items() if given[s] < n}
        total = sum(n**0.5 for n in open_.values())
        before = left
        for source in sorted(open_, key=lambda s: (-open_[s], s)):
            more = min(open_[source] - given[source], max(1, round(before * open_[source] ** 0.5 / total)), left)
            given[source] += more
            left -= more
    return given


def choose(keys: Iterable[tuple[str, int, str]], config: SampleConfig) -> set[tuple[str, int]]:
    """The (doc_id, chunk_id) to tag, out of (doc_id, chunk_id, source).

    Within a source, documents take turns: every document's first pick comes before any document's second.
    """
    by_source: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for doc_id, chunk_id, source in keys:
        by_source[source][doc_id].append((rank(doc_id, chunk_id, config.seed), chunk_id))
    ordered: dict[str, list[tuple[str, int]]] = {}
    for source, documents in by_source.items():
        picks = [
            (turn, rank(doc_id, -1, config.seed), doc_id, chunk_id)
            for doc_id, chunks in documents.items()
            for turn, (_, chunk_id) in enumerate(sorted(chunks)[: config.per_document])
        ]
        ordered[source] = [(doc_id, chunk_id) for _, _, doc_id, chunk_id in sorted(picks)]
    budget = share({source: len(picks) for source, picks in ordered.items()}, config.chunks)
    return {pick for source, picks in ordered.items() for pick in picks[: budget[source]]}


def write_sample(
    corpus: CorpusConfig, chunk: ChunkConfig, config: SampleConfig, unit_chunks: int, out: Path
) -> pa.Table:
    """Chunk the corpus, choose, and write the sample as one Parquet file with row groups of ``unit_chunks``.

    A file already there for the same corpus and settings is kept; what it was made for is noted beside it, so
    that the bytes depend on the chosen chunks alone and a change elsewhere in the corpus leaves their tags valid.
    Two passes over the corpus, one batch in memory at a time: the first sees keys alone, the second takes the
    texts of the chosen.
    """
    source = DocumentSource(corpus)
    key = of_json(
        {
            "units": [unit.identity() for unit in source.units()],
            "source": source.identity(),
            "chunk": chunk.model_dump(mode="json"),
            "sample": config.model_dump(mode="json"),
            "unit_chunks": unit_chunks,
        }
    )
    note = out.with_suffix(".key")
    if out.is_file() and note.is_file() and note.read_text() == key:
        return pq.read_table(out)
    keys = (
        (row["doc_id"], row["chunk_id"], row["source"] or "")
        for batch in _chunked(source, chunk)
        for row in batch.select(["doc_id", "chunk_id", "source", "token_count", "status"]).to_pylist()
        if row["status"] != "empty" and row["token_count"] >= config.min_tokens
    )
    chosen = choose(keys, config)
    if not chosen:
        raise AtlasError(
            f"{corpus.path}: no chunk has {config.min_tokens} tokens or more, so there is nothing to tag; "
            "lower sample.min_tokens"
        )
    kept = []
    for batch in _chunked(source, chunk):
        pairs = zip(batch.column("doc_id").to_pylist(), batch.column("chunk_id").to_pylist(), strict=True)
        kept.append(batch.select(CHUNKS.names).filter(pa.array([pair in chosen for pair in pairs])))
    table = pa.Table.from_batches(kept, schema=CHUNKS)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(out)) as stream:
        pq.write_table(table, stream, row_group_size=unit_chunks, compression="zstd")
    write_text(note, key)
    return table


def _chunked(source: DocumentSource, config: ChunkConfig) -> Iterator[pa.RecordBatch]:
    named = tokenizer(config.tokenizer)
    for unit in source.units():
        for batch in source.read(unit):
            if batch.documents.num_rows:
                yield chunk_documents(batch.documents, config, named).columns
