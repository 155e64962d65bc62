"""The sample that the LLM sees, as a file: the corpus is chunked, chunks are chosen, their texts are written."""

from collections.abc import Container, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import Chunked, chunk_documents
from atlas.chunking.tokenizer import tokenizer
from atlas.chunking.vocabulary import DROPPED, folded_vocabulary
from atlas.corpus.config import CorpusConfig
from atlas.corpus.source import DocumentSource
from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.llm.costs import prices
from atlas.storage import atomic_output, write_text
from atlas.tables import CHUNKS
from atlas.tagging.budget import affordable, is_counted
from atlas.tagging.config import SampleConfig, TagConfig
from atlas.tagging.coverage import Candidate, cover
from atlas.tagging.draw import Key, choose, draw, rank, share
from atlas.tagging.probe import chunk_cost, look
from atlas.tagging.prompt import prompt_digest

OVERSAMPLE = 10  # coverage chooses out of so many times the budget, drawn at random
POOL_CHUNKS = 200_000  # but out of no more than so many chunks, as their texts are held in memory: about 150 MB


def write_sample(
    corpus: CorpusConfig,
    chunk: ChunkConfig,
    config: SampleConfig,
    unit_chunks: int,
    out: Path,
    tag: TagConfig | None = None,
) -> pa.Table:
    """Chunk the corpus, choose, and write the sample as one Parquet file with row groups of ``unit_chunks``.

    A file already there for the same corpus and settings is kept; what it was made for is noted beside it, so
    that the bytes depend on the chosen chunks alone and a change elsewhere in the corpus leaves their tags valid.
    Two passes over the corpus, one batch in memory at a time: the first sees keys alone, the second takes the
    texts of the chosen, or of the pool that coverage chooses from.

    Args:
        tag: engine and prompt, for a budget in tokens, minutes or money. What a chunk costs is found out when the
            sample is made, and never again for it: the rate of another day does not change the sample.
    """
    source = DocumentSource(corpus)
    key = _key(source, chunk, config, unit_chunks, tag)
    if _is_for(out, key):
        return pq.read_table(out)
    chunks = _chunks(source, chunk, config, tag)
    pick = _covering if config.strategy == "coverage" else _random
    table = pick(source, chunk, config, chunks)
    if not table.num_rows:
        raise AtlasError(
            f"{corpus.path}: no chunk has {config.min_tokens} tokens or more, so there is nothing to tag; "
            "lower sample.min_tokens"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(pafs.LocalFileSystem(), str(out)) as stream:
        pq.write_table(table, stream, row_group_size=unit_chunks, compression="zstd")
    write_text(_note(out), key)
    return table


def is_made(
    corpus: CorpusConfig, chunk: ChunkConfig, config: SampleConfig, unit_chunks: int, out: Path, tag: TagConfig | None
) -> bool:
    """Whether ``write_sample`` would keep what is there."""
    return _is_for(out, _key(DocumentSource(corpus), chunk, config, unit_chunks, tag))


def _key(
    source: DocumentSource, chunk: ChunkConfig, config: SampleConfig, unit_chunks: int, tag: TagConfig | None
) -> str:
    return of_json(
        {
            "units": [unit.identity() for unit in source.units()],
            "source": source.identity(),
            "chunk": chunk.model_dump(mode="json"),
            "sample": config.model_dump(mode="json"),
            "unit_chunks": unit_chunks,
            "engine": None if is_counted(config) or tag is None else _priced(tag),
        }
    )


def _note(out: Path) -> Path:
    """Where it stands what a sample was made for."""
    return out.with_suffix(".key")


def _is_for(out: Path, key: str) -> bool:
    return out.is_file() and _note(out).is_file() and _note(out).read_text() == key


def _priced(tag: TagConfig) -> dict[str, Any]:
    """What decides how many chunks a budget pays for."""
    engine = tag.engine
    return {
        "kind": engine.kind,
        "model": engine.model,
        "prompt": prompt_digest(tag.prompt_name),
        "prices": repr(prices(engine)),
        "chunks_per_s": getattr(engine, "chunks_per_s", None),
    }


def _chunks(source: DocumentSource, chunk: ChunkConfig, config: SampleConfig, tag: TagConfig | None) -> int:
    """How many chunks the budget pays for."""
    if is_counted(config):
        return affordable(config).chunks
    if tag is None:
        raise AtlasError("a budget in tokens, minutes or money depends on the engine: give the tag settings too")
    return affordable(config, chunk_cost(tag, look(source, chunk, config).chunks)).chunks


def _random(source: DocumentSource, chunk: ChunkConfig, config: SampleConfig, chunks: int) -> pa.Table:
    chosen = choose(_keys(source, chunk, config), config, chunks)
    return pa.Table.from_batches([batch for batch, _ in _rows(source, chunk, chosen)], schema=CHUNKS)


def _covering(source: DocumentSource, chunk: ChunkConfig, config: SampleConfig, chunks: int) -> pa.Table:
    """Draw a pool at random, in the sources' proportions, and choose from it what covers most."""
    times = max(1, min(OVERSAMPLE, POOL_CHUNKS // chunks))
    drawn = draw(_keys(source, chunk, config), config, times * chunks, times * config.per_document)
    quotas = share({name: found.available for name, found in drawn.items()}, chunks)
    sources = {key: name for name, found in drawn.items() for key in found.keys[: times * quotas[name]]}
    batches: list[pa.RecordBatch] = []
    words: dict[Key, np.ndarray] = {}
    for batch, tokens in _rows(source, chunk, sources.keys()):
        batches.append(batch)
        words |= zip(_pairs(batch), (words_of(ids, chunk.tokenizer) for ids in tokens), strict=True)
    table = pa.Table.from_batches(batches, schema=CHUNKS)
    sizes = dict(zip(_pairs(table), table.column("token_count").to_pylist(), strict=True))
    ordered = sorted(
        sources, key=lambda key: (rank(key[0], key[1], config.seed), key)
    )  # not by files: they may be moved about
    pool = [Candidate(key[0], sources[key], sizes[key], words[key]) for key in ordered]
    chosen = {ordered[place] for place in cover(pool, quotas, config.per_document)}
    return table.filter(pa.array([pair in chosen for pair in _pairs(table)], pa.bool_()))


def words_of(tokens: np.ndarray, tokenizer_name: str) -> np.ndarray:
    """The different words in a chunk. Numbers are none: tables are full of them, and they name nothing."""
    table, _ = folded_vocabulary(tokenizer_name)
    found = np.unique(table[tokens])
    return found[(found != DROPPED) & _has_letters(tokenizer_name)[found]]


@lru_cache(maxsize=2)
def _has_letters(tokenizer_name: str) -> np.ndarray:
    _, words = folded_vocabulary(tokenizer_name)
    return np.array([any(character.isalpha() for character in word) for word in words], dtype=bool)


def _keys(source: DocumentSource, chunk: ChunkConfig, config: SampleConfig) -> Iterator[tuple[str, int, str]]:
    """Key and source of every chunk that may be tagged."""
    for chunked in _chunked(source, chunk):
        columns = chunked.columns.select(["doc_id", "chunk_id", "source", "token_count", "status"])
        for row in columns.to_pylist():
            if row["status"] != "empty" and row["token_count"] >= config.min_tokens:
                yield row["doc_id"], row["chunk_id"], row["source"] or ""


def _rows(
    source: DocumentSource, chunk: ChunkConfig, wanted: Container[Key]
) -> Iterator[tuple[pa.RecordBatch, list[np.ndarray]]]:
    """The wanted chunks in corpus order, with their token ids."""
    for chunked in _chunked(source, chunk):
        kept = [pair in wanted for pair in _pairs(chunked.columns)]
        tokens = [ids for ids, keep in zip(chunked.tokens, kept, strict=True) if keep]
        yield chunked.columns.select(CHUNKS.names).filter(pa.array(kept, pa.bool_())), tokens


def _pairs(rows: pa.Table | pa.RecordBatch) -> Iterator[Key]:
    return zip(rows.column("doc_id").to_pylist(), rows.column("chunk_id").to_pylist(), strict=True)


def _chunked(source: DocumentSource, config: ChunkConfig) -> Iterator[Chunked]:
    named = tokenizer(config.tokenizer)
    for unit in source.units():
        for batch in source.read(unit):
            if batch.documents.num_rows:
                yield chunk_documents(batch.documents, config, named)
