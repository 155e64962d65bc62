"""Which names are one concept, and which concept does a name mean? Beside the field's usual ways, on people's gold.

``python benchmarks/canonicalization.py --data DIR``. Every system gets the same names and the same sentence vectors.
Where a system has a threshold, it is the best of a list by F1 on the set's fitting half; ``atlas-as-shipped`` has the
one threshold that ships for all sets. ``atlas_f1`` in a peer's row is the best F1 that atlas reaches, at any threshold,
at a precision no lower than that peer's. ``atlas-without-lexicon`` knows no names that people wrote down as meaning the
same. Needs ``pip install semhash``.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

import numpy as np
from partition_metrics import agreement, false_merges
from rows import Row, finish, parser
from synonym_sets import SETS, Names, Synonyms, names, read

from atlas.canonical import lexicon
from atlas.canonical.cluster import average_linkage, labels
from atlas.canonical.config import CanonicalizeConfig
from atlas.canonical.link import rank
from atlas.canonical.neighbours import near_in_meaning, pairs
from atlas.canonical.same import probabilities
from atlas.canonical.strings import letter_grams, stem, taken_apart
from atlas.library.names import normal_form
from atlas.models.encoder import encoder, remembering
from atlas.models.static import static_encoder

Vectors = np.ndarray
Partition = Callable[[Sequence[str], Vectors, float], np.ndarray]
MODEL = "all-minilm-l6-v2"
COSINES = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
STEPS = (0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)
K_MEANS_SHARES = (0.5, 0.7, 0.85)
MERGED_AT = 0.9
QUERIES_MOST = 2500


def normal_forms(texts: Sequence[str], vectors: Vectors, least: float) -> np.ndarray:
    return np.unique([normal_form(text) for text in texts], return_inverse=True)[1]


def semhash(texts: Sequence[str], vectors: Vectors, least: float) -> np.ndarray:
    """semhash's duplicates, each with the record it was found to repeat."""
    from semhash import SemHash

    place = dict(zip(texts, vectors, strict=True))

    class Encoder:
        def encode(self, inputs: Sequence[str], **_: object) -> np.ndarray:
            return np.stack([place[text] for text in inputs])

    found = SemHash.from_records(records=list(texts), model=Encoder()).self_deduplicate(threshold=least)
    number = {text: row for row, text in enumerate(texts)}
    edges = []
    for repeated in found.filtered:
        edges += [(number[repeated.record], number[other]) for other, _ in repeated.duplicates[:1]]
    return _components(len(texts), edges)


def instag(texts: Sequence[str], vectors: Vectors, least: float) -> np.ndarray:
    """InsTag (Lu et al., 2023): rules and stems first, then DBSCAN over the phrases' vectors."""
    from sklearn.cluster import DBSCAN

    keys = [
        " ".join(stem(word) for word in text.casefold().replace("-", " ").replace("_", " ").split()) for text in texts
    ]
    _, first, own = np.unique(keys, return_index=True, return_inverse=True)
    return DBSCAN(eps=1 - least, min_samples=1, metric="cosine", n_jobs=1).fit_predict(vectors[first])[own]


def k_means(texts: Sequence[str], vectors: Vectors, share: float) -> np.ndarray:
    """k-means; clusters whose most central names are near are merged (the published recipe of the closed Atlas)."""
    import faiss

    k = max(2, int(share * len(texts)))
    means = faiss.Kmeans(vectors.shape[1], k, niter=5, seed=0, spherical=True, min_points_per_centroid=1)
    means.train(vectors)
    nearness, own = means.index.search(vectors, 1)
    own, nearness = own[:, 0], nearness[:, 0]
    order = np.lexsort((-nearness, own))
    used, first = np.unique(own[order], return_index=True)
    central = vectors[order[first]]
    found = near_in_meaning(central, central, 6)
    alike = np.einsum("nkd,nd->nk", central[found], central)
    edges = [
        (row, int(other))
        for row in range(len(used))
        for other, s in zip(found[row], alike[row], strict=True)
        if s >= MERGED_AT
    ]
    return _components(len(used), edges)[np.searchsorted(used, own)]


@lru_cache(maxsize=1)
def _tree(key: int):  # type: ignore[no-untyped-def]
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    return linkage(pdist(_VECTORS[key], "cosine"), "average")


_VECTORS: dict[int, np.ndarray] = {}


def agglomerative(texts: Sequence[str], vectors: Vectors, least: float) -> np.ndarray:
    """Average linkage over all pairs' cosines."""
    from scipy.cluster.hierarchy import fcluster

    _VECTORS[id(vectors)] = vectors
    return fcluster(_tree(id(vectors)), 1 - least, "distance")


def _components(count: int, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = np.array(edges, np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), (count, count))
    return connected_components(graph, directed=False)[1]


PEERS: dict[str, tuple[Partition, Sequence[float]]] = {
    "baseline-normal-form": (normal_forms, (1.0,)),
    "semhash": (semhash, COSINES),
    "instag-dbscan": (instag, COSINES),
    "faiss-kmeans-merge-0.9": (k_means, K_MEANS_SHARES),
    "scipy-agglomerative": (agglomerative, COSINES),
}


def partition(gold: Names, vectors: Vectors, thresholds: Sequence[float], nearest: int) -> list[np.ndarray]:
    """Atlas's partition at each threshold; the pairs are judged once."""
    strings = taken_apart(gold.texts, vectors)
    held = lexicon.known_pairs(strings)
    rows = pairs(strings, nearest, held)
    alike = probabilities(strings, rows, held)
    return [labels(average_linkage(len(gold.texts), rows, alike, least), len(gold.texts)) for least in thresholds]


def without_lexicon():  # type: ignore[no-untyped-def]
    """Within it, nobody has written down which names mean the same."""
    return patch.object(lexicon, "lexicon", return_value=lexicon.read([]))


def cluster_rows(data: Path, name: str, embed) -> list[Row]:  # type: ignore[no-untyped-def]
    config = CanonicalizeConfig()
    fit, gold = names(read(data, name, "fit")), names(read(data, name))
    vectors = {id(part): embed([normal_form(text) for text in part.texts]) for part in (fit, gold)}
    concept, mine = np.array(gold.concept), vectors[id(gold)]
    heads = np.flatnonzero(gold.preferred)
    neighbour = heads[near_in_meaning(mine[heads], mine[heads], 2)]
    neighbour = np.where(neighbour[:, 0] == heads, neighbour[:, 1], neighbour[:, 0])

    def row(system: str, found: np.ndarray, threshold: float, seconds: float) -> Row:
        told = agreement(found, concept) | false_merges(found, heads, neighbour, concept)
        return (
            {"benchmark": "canonicalization", "dataset": name, "system": system, "threshold": threshold}
            | {key: round(value, 4) for key, value in told.items()}
            | {"seconds": round(seconds, 2)}
        )

    def chosen_step() -> int:
        fitted = partition(fit, vectors[id(fit)], STEPS, config.neighbours)
        return max(range(len(STEPS)), key=lambda step: agreement(fitted[step], np.array(fit.concept))["f1"])

    chosen = chosen_step()
    started = perf_counter()
    curve = partition(gold, mine, [config.same, *STEPS], config.neighbours)
    seconds = perf_counter() - started
    rows = [
        row("atlas", curve[1 + chosen], STEPS[chosen], seconds),
        row("atlas-as-shipped", curve[0], config.same, seconds),
    ]
    with without_lexicon():
        least = STEPS[chosen_step()]
        started = perf_counter()
        (bare,) = partition(gold, mine, [least], config.neighbours)
        rows.append(row("atlas-without-lexicon", bare, least, perf_counter() - started))
    reached = [agreement(found, concept) for found in curve[1:]]
    for system, (divide, thresholds) in PEERS.items():
        best, told = thresholds[0], np.array(fit.concept)
        if len(thresholds) > 1:
            best = max(thresholds, key=lambda t: agreement(divide(fit.texts, vectors[id(fit)], t), told)["f1"])
        started = perf_counter()
        found = divide(gold.texts, mine, best)
        peer = row(system, found, best, perf_counter() - started)
        above = [point["f1"] for point in reached if point["precision"] >= peer["precision"]]
        rows.append(peer | {"atlas_f1": round(max(above), 4) if above else None})
    _tree.cache_clear()
    return rows


def link_rows(gold: Synonyms, embed, quick) -> list[Row]:  # type: ignore[no-untyped-def]
    asked = [(text, own) for own, others in gold.concepts for text in others if text != own]
    asked = asked[:: max(1, len(asked) // QUERIES_MOST)]
    place = {text: number for number, text in enumerate(gold.targets)}
    right = np.array([place[own] for _, own in asked])
    queries, targets = [text for text, _ in asked], list(gold.targets)
    known, new = (embed([normal_form(text) for text in texts]) for texts in (targets, queries))
    grams = letter_grams([normal_form(text) for text in (*targets, *queries)])
    letters, meaning = (grams[len(targets) :] @ grams[: len(targets)].T).toarray(), new @ known.T
    started = perf_counter()
    counts = [gold.counts.get(text, 0) for text in targets]
    ours = rank(queries, targets, embed, quick, counts).rows
    seconds = perf_counter() - started
    with without_lexicon():
        bare = rank(queries, targets, embed, quick, counts).rows
    found = {"atlas": ours, "atlas-without-lexicon": bare} | {
        system: np.argsort(-scores, axis=1, kind="stable")[:, :10]
        for system, scores in (
            ("baseline-letters", letters),
            ("baseline-minilm", meaning),
            ("baseline-letters+minilm", letters + meaning),
        )
    }
    return [
        {
            "benchmark": "canonicalization",
            "dataset": f"{gold.name}-link",
            "system": system,
            "queries": len(asked),
            "targets": len(targets),
        }
        | {f"link_r@{k}": round(float((rows[:, :k] == right[:, None]).any(axis=1).mean()), 4) for k in (1, 5, 10)}
        | ({"seconds": round(seconds, 1)} if system == "atlas" else {})
        for system, rows in found.items()
    ]


def main() -> None:
    flags = parser(__doc__ or "", SETS)
    flags.add_argument("--only", choices=["link"], help="leave the clustering out")
    args = flags.parse_args()
    embed, quick = remembering(encoder(MODEL).encode), static_encoder(MODEL).encode
    rows: list[Row] = []
    for name in args.sets.split(","):
        rows += [] if args.only == "link" else cluster_rows(args.data, name, embed)
        rows += link_rows(read(args.data, name), embed, quick)
    finish(rows, args.json)


if __name__ == "__main__":
    main()
