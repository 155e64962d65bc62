"""The documents of a run that are about the same as a benchmark's items: by concepts, whatever the words.

An item and a document are as near as the item's chunks are, on average, to the chunk of the document that is nearest
to each (late interaction: Khattab and Zaharia, ColBERT, SIGIR 2020). Chunks are vectors of scores, weighted by how rare
the concept is in the run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from scipy import sparse

from atlas.products.query import named
from atlas.products.query.asked import Asked

NEAREST = 3
CELLS = 1 << 24  # similarities held at a time, 64 MB
LEAST = 3  # concepts below which an item's profile says too little


@dataclass(frozen=True, slots=True)
class Near:
    """An item and the documents nearest to it: (doc_id, similarity from 0 to 1), nearest first."""

    item: str
    concepts: int
    documents: tuple[tuple[str, float], ...]


def nearest(
    connection: duckdb.DuckDBPyConnection, asked: Asked, chunks: pa.RecordBatch | pa.Table, most: int = NEAREST
) -> list[Near]:
    """The documents nearest to each item, for items with at least three different concepts.

    Args:
        chunks: the items' own chunks as ``annotate`` gives them; ``doc_id`` is the item, ids are of the run's library.
    """
    weights = _rarity(connection, asked)
    lists = chunks.column("concept_ids")
    ids, scores, sizes = _flat(lists, chunks.column("scores"))
    items, of_chunk = np.unique(np.asarray(chunks.column("doc_id").to_pylist()), return_inverse=True)
    queries = _vectors(asked.read_as(ids), scores, sizes, weights)
    kinds = [np.unique(ids[np.repeat(of_chunk, sizes) == place]).size for place in range(len(items))]
    filled = np.diff(queries.indptr) > 0
    mean = sparse.csr_matrix((np.ones(len(of_chunk)), (np.arange(len(of_chunk)), of_chunk)))[filled]
    queries, mean = queries[filled], mean.multiply(1 / np.maximum(1, np.asarray(mean.sum(0)))).tocsr()
    best = np.full((len(items), most), -1.0)
    names = np.full((len(items), most), "", dtype=object)
    for doc_ids, vectors, starts in _documents(connection, asked, weights, max(1, CELLS // max(1, queries.shape[0]))):
        near = np.maximum.reduceat(_similar(vectors, queries), starts, axis=0) @ mean
        _keep_best(best, names, near.T, doc_ids)
    return [
        Near(
            str(item),
            kinds[place],
            tuple((str(names[place, k]), float(best[place, k])) for k in range(most) if best[place, k] > 0),
        )
        for place, item in enumerate(items.tolist())
        if kinds[place] >= LEAST
    ]


def _rarity(connection: duckdb.DuckDBPyConnection, asked: Asked) -> np.ndarray:
    """By concept id: log of chunks over those with the concept, float64; a concept that the run lacks weighs most."""
    view = named.view(asked, "chunks")
    rows = connection.execute(f"select id, count(*) from (select unnest(concept_ids) as id from {view}) group by id")
    counts = dict(rows.fetchall())
    ((total,),) = connection.execute(f"select count(*) from {view}").fetchall()
    size = 1 + max([*counts, *(asked.library.by_id if asked.library is not None else ())], default=0)
    weights = np.full(size, np.log(total + 1.0))
    for id_, number in counts.items():
        weights[id_] = np.log((total + 1) / (number + 1))
    return weights


def _flat(ids: pa.Array, scores: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if isinstance(ids, pa.ChunkedArray):
        ids, scores = ids.combine_chunks(), scores.combine_chunks()
    sizes = np.diff(np.asarray(ids.offsets)).astype(np.int64)
    return np.asarray(ids.flatten()), np.asarray(scores.flatten()), sizes


def _vectors(ids: np.ndarray, scores: np.ndarray, sizes: np.ndarray, weights: np.ndarray) -> sparse.csr_matrix:
    """Chunks × concepts, score times rarity, float64; ids that the run's library does not know are left out."""
    known = (ids >= 0) & (ids < len(weights))
    rows = np.repeat(np.arange(len(sizes)), sizes)[known]
    values = scores[known] * weights[ids[known]]
    return sparse.csr_matrix((values, (rows, ids[known])), shape=(len(sizes), len(weights)))


def _similar(vectors: sparse.csr_matrix, queries: sparse.csr_matrix) -> np.ndarray:
    """Cosine of every chunk with every chunk of an item, float64 [chunks, queries]; 0 for a chunk without concepts."""
    norms = np.outer(_norm(vectors), _norm(queries))
    return (vectors @ queries.T).toarray() / np.where(norms == 0, 1.0, norms)


def _norm(vectors: sparse.csr_matrix) -> np.ndarray:
    return np.sqrt(np.asarray(vectors.multiply(vectors).sum(1))).ravel()


def _documents(
    connection: duckdb.DuckDBPyConnection, asked: Asked, weights: np.ndarray, rows: int
) -> Iterator[tuple[list[str], sparse.csr_matrix, np.ndarray]]:
    """Batches of chunks as vectors, with where each document begins. A document may go on in the next batch."""
    relation = connection.sql(f"select doc_id, concept_ids, scores from {named.view(asked, 'chunks')}")
    for batch in relation.to_arrow_reader(min(rows, 8192)):
        if not batch.num_rows:
            continue
        doc_ids = np.asarray(batch.column("doc_id").to_pylist(), dtype=object)
        starts = np.flatnonzero(np.concatenate([[True], doc_ids[1:] != doc_ids[:-1]]))
        ids, scores, sizes = _flat(batch.column("concept_ids"), batch.column("scores"))
        yield doc_ids[starts].tolist(), _vectors(ids, scores, sizes, weights), starts


def _keep_best(best: np.ndarray, names: np.ndarray, near: np.ndarray, doc_ids: list[str]) -> None:
    """Merge the similarities of some documents, [items, documents], into the best so far, in place."""
    most = best.shape[1]
    take = np.argsort(-near, axis=1, kind="stable")[:, :most]
    for item in np.flatnonzero(near.max(axis=1) > best[:, -1]).tolist():
        merged: dict[str, float] = {}
        pairs = list(zip(names[item].tolist(), best[item].tolist(), strict=True))
        pairs += [(doc_ids[place], float(near[item, place])) for place in take[item].tolist()]
        for name, value in pairs:
            merged[name] = max(value, merged.get(name, -1.0))
        order = sorted(merged.items(), key=lambda pair: -pair[1])[:most]
        for k, (name, value) in enumerate(order):
            names[item, k], best[item, k] = name, value
