"""How many distinct concepts does a sample find, chosen at random or for coverage?

Documents with human labels stand for chunks: a strategy chooses a tenth of them, and the distinct labels of the chosen
are counted, over three seeds or as many as ``--seeds`` says. The set ``mixture`` is the others thrown together without
their sources, as on the web. With ``--annotated RUN``, an annotated run is a set too: its chunks and their concepts.

``error`` is the standard error of the mean ``labels``. ``ratio`` is to random. ``ratio_tokens`` counts only the first
of the chosen, until they have as many tokens as the random ones: longer passages say more, and cost more.
``ratio_twice`` counts labels of at least two of the chosen, as a concept needs two chunks to enter a library. The
baselines choose from the same pools as coverage does, by the static encoder's vectors: ``baseline-kmeans`` the passages
nearest to the centres of as many clusters, ``baseline-k-center`` each time the one farthest from all chosen,
``baseline-facility-location`` those to which all others are near; ``baseline-words-and-vectors`` is coverage that also
holds a passage's likeness to what is chosen against it.
"""

import argparse
import heapq
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow.parquet as pq
from rows import Row, finish
from scipy import sparse

from atlas.annotator.distill import unit_rows
from atlas.chunking.tokenizer import tokenizer
from atlas.models.static import static_encoder
from atlas.tagging.config import SampleConfig
from atlas.tagging.coverage import ANSWER_TOKENS, Candidate, cover, word_weights
from atlas.tagging.draw import draw, share
from atlas.tagging.sample import OVERSAMPLE, words_of

SETS = ("yso-abstracts", "openstax", "webdocs", "debtags", "stackexchange-small")
MIXTURE = "mixture"
SHARE = 10  # one of so many is chosen
MOST = 500  # … but no more than this
PASSAGE_TOKENS = 200  # of a document, that a strategy sees: what a chunk may have
PASSAGE_CHARS = 900  # about as many tokens
TOKENIZER = "cl100k_base"
ENCODER = "all-minilm-l6-v2"


@dataclass(frozen=True, slots=True)
class Unit:
    """A chunk, or the beginning of a document that stands for one, with what it is labelled with."""

    passage: Candidate
    text: str
    labels: frozenset[str]


Strategy = Callable[[list[Unit], dict[str, int], int], list[int]]


def documents(path: Path, name: str) -> list[Unit]:
    """The labelled documents of a set, cut to the length of a chunk."""
    table = pq.read_table(path, columns=["id", "text", "source", "labels"])
    rows = [row for row in table.to_pylist() if row["labels"]]
    return [
        unit(f"{name}/{row['id']}", row["source"] or "", row["text"], (f"{name}/{label}" for label in row["labels"]))
        for row in rows
    ]


def annotated(run: Path) -> list[Unit]:
    """The chunks of an annotated run that carry a concept and their text."""
    table = pq.read_table(run / "parts", columns=["doc_id", "source", "text", "token_count", "concept_ids"])
    return [
        unit(row["doc_id"], row["source"] or "", row["text"], map(str, row["concept_ids"]))
        for row in table.to_pylist()
        if row["concept_ids"] and row["token_count"] >= SampleConfig().min_tokens
    ]


def unit(doc_id: str, source: str, text: str, labels: Iterable[str]) -> Unit:
    ids = tokenizer(TOKENIZER).encode(text[: PASSAGE_TOKENS * 20])[:PASSAGE_TOKENS]
    return Unit(Candidate(doc_id, source, len(ids), words_of(ids, TOKENIZER)), text[:PASSAGE_CHARS], frozenset(labels))


def covering(pool: list[Unit], quotas: dict[str, int], per_document: int) -> list[int]:
    return cover([one.passage for one in pool], quotas, per_document)


def kmeans(pool: list[Unit], quotas: dict[str, int], _: int) -> list[int]:
    """The candidates nearest to the centres of as many clusters as are to be chosen, within each source."""
    chosen = []
    vectors = _vectors(pool)
    for source, count in quotas.items():
        members = np.array([place for place, one in enumerate(pool) if one.passage.source == source])
        mine = vectors[members]
        centres = mine[:count]  # the pool is in random order
        for _round in range(8):
            nearest = np.argmax(mine @ centres.T, axis=1)
            sums = sparse.csr_matrix((np.ones(len(mine)), (nearest, np.arange(len(mine)))), (count, len(mine))) @ mine
            kept = np.bincount(nearest, minlength=count)[:, None] > 0
            centres = np.where(kept, unit_rows(sums), centres).astype(np.float32)
        chosen += list(dict.fromkeys(members[np.argmax(centres @ mine.T, axis=1)].tolist()))
    return chosen


def k_center(pool: list[Unit], quotas: dict[str, int], _: int) -> list[int]:
    """Farthest first (Gonzalez, 1985), within each source."""
    chosen = []
    vectors = _vectors(pool)
    for source, count in quotas.items():
        members = np.array([place for place, one in enumerate(pool) if one.passage.source == source])
        mine = vectors[members]
        nearness = np.full(len(mine), -np.inf)
        best = int(np.argmax(mine @ mine.mean(axis=0)))
        for _turn in range(count):
            chosen.append(int(members[best]))
            nearness = np.maximum(nearness, mine @ mine[best])
            best = int(np.argmin(nearness))
    return chosen


def facility_location(pool: list[Unit], quotas: dict[str, int], per_document: int) -> list[int]:
    """Those to which all others are near, for their length (Lin & Bilmes, 2011)."""
    vectors = _vectors(pool)
    alike = np.maximum(vectors @ vectors.T, 0)
    nearest = np.zeros(len(pool), np.float32)

    def gain(place: int) -> float:
        return float(np.maximum(alike[place] - nearest, 0).sum()) / (pool[place].passage.tokens + ANSWER_TOKENS)

    def add(place: int) -> None:
        np.maximum(nearest, alike[place], out=nearest)

    return greedy(pool, quotas, per_document, gain, add)


def words_and_vectors(pool: list[Unit], quotas: dict[str, int], per_document: int) -> list[int]:
    """Coverage whose gain is less by half the cosine with the nearest one chosen."""
    vectors = _vectors(pool)
    weights = word_weights([one.passage.words for one in pool])
    seen, nearest = np.zeros(len(weights)), np.zeros(len(pool), np.float32)

    def gain(place: int) -> float:
        one = pool[place].passage
        new = float(weights[one.words] @ (1.0 / (seen[one.words] + 1.0))) / (one.tokens + ANSWER_TOKENS)
        return new * (1 - 0.5 * float(nearest[place]))

    def add(place: int) -> None:
        seen[pool[place].passage.words] += 1.0
        np.maximum(nearest, vectors @ vectors[place], out=nearest)

    return greedy(pool, quotas, per_document, gain, add)


def greedy(
    pool: list[Unit],
    quotas: dict[str, int],
    per_document: int,
    gain: Callable[[int], float],
    add: Callable[[int], None],
) -> list[int]:
    """What gains most each time, lazily, as gains only fall; limits as in ``cover``."""
    left, used, chosen = dict(quotas), dict[str, int](), list[int]()
    heap = [(-gain(place), place, 0) for place in range(len(pool))]
    heapq.heapify(heap)
    while heap:
        _, place, as_of = heapq.heappop(heap)
        one = pool[place].passage
        if left.get(one.source, 0) == 0 or used.get(one.doc_id, 0) == per_document:
            continue
        if as_of < len(chosen):
            heapq.heappush(heap, (-gain(place), place, len(chosen)))
            continue
        chosen.append(place)
        left[one.source] -= 1
        used[one.doc_id] = used.get(one.doc_id, 0) + 1
        add(place)
    return chosen


def _vectors(pool: list[Unit]) -> np.ndarray:
    """The static encoder's vectors, centred, float32 [pool, dimensions]."""
    vectors = static_encoder(ENCODER).encode([one.text for one in pool])
    return unit_rows(vectors - vectors.mean(axis=0)).astype(np.float32)


STRATEGIES: dict[str, Strategy | None] = {
    "atlas-random": None,
    "atlas-coverage": covering,
    "baseline-words-and-vectors": words_and_vectors,
    "baseline-facility-location": facility_location,
    "baseline-kmeans": kmeans,
    "baseline-k-center": k_center,
}


def choose(units: list[Unit], strategy: Strategy | None, budget: int, seed: int) -> list[Unit]:
    """What the strategy chooses, in order of choice, with the shares of sources and the limits of ``tag.sample``."""
    config = SampleConfig(seed=seed)
    numbers: dict[str, int] = {}
    by_key = {}
    for one in units:  # the chunks of a document are numbered as they come
        doc_id = one.passage.doc_id
        by_key[doc_id, numbers.setdefault(doc_id, 0)] = one
        numbers[doc_id] += 1
    times = OVERSAMPLE if strategy else 1
    keys = ((doc_id, chunk_id, one.passage.source) for (doc_id, chunk_id), one in by_key.items())
    drawn = draw(keys, config, times * budget, times * config.per_document if strategy else config.per_document)
    quotas = share({source: found.available for source, found in drawn.items()}, budget)
    pool = [by_key[key] for source, found in drawn.items() for key in found.keys[: times * quotas[source]]]
    if strategy is None:
        return pool
    return [pool[place] for place in strategy(pool, quotas, config.per_document)]


def measure(dataset: str, units: list[Unit], budget: int, seeds: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    base: list[tuple[int, int, int]] = []
    for system, strategy in STRATEGIES.items():
        found, twice, within, tokens, seconds = [], [], [], [], []
        for number, seed in enumerate(seeds):
            start = perf_counter()
            chosen = choose(units, strategy, budget, seed)
            seconds.append(perf_counter() - start)
            spent = np.cumsum([one.passage.tokens + ANSWER_TOKENS for one in chosen])
            if strategy is None:
                base.append((distinct(chosen), distinct(chosen, 2), int(spent[-1])))
            allowed = int(np.searchsorted(spent, base[number][2], side="right"))
            found.append(distinct(chosen))
            twice.append(distinct(chosen, 2))
            within.append(distinct(chosen[:allowed]))
            tokens.append(statistics.mean(one.passage.tokens for one in chosen))
        row: Row = {"benchmark": "tag_sampling", "dataset": f"{dataset}, {budget} of {len(units)}", "system": system}
        row |= {"labels": statistics.mean(found), "error": statistics.stdev(found) / len(found) ** 0.5}
        row |= {f"seed_{seed}": count for seed, count in zip(seeds, found, strict=True)}
        row |= {
            "ratio": sum(found) / sum(b[0] for b in base),
            "ratio_tokens": sum(within) / sum(b[0] for b in base),
            "ratio_twice": sum(twice) / max(1, sum(b[1] for b in base)),
            "tokens_each": statistics.mean(tokens),
            "seconds": statistics.mean(seconds),
        }
        rows.append(row)
    return rows


def distinct(chosen: Sequence[Unit], least: int = 1) -> int:
    """How many labels at least so many of the chosen have."""
    counts: dict[str, int] = {}
    for one in chosen:
        for label in one.labels:
            counts[label] = counts.get(label, 0) + 1
    return sum(count >= least for count in counts.values())


def mixed(sets: dict[str, list[Unit]]) -> list[Unit]:
    """All sets as if from one source."""
    whole = [one for units in sets.values() for one in units]
    return [replace(one, passage=replace(one.passage, source="")) for one in whole]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark data")
    parser.add_argument("--sets", default=",".join((*SETS, MIXTURE)), help="comma-separated")
    parser.add_argument("--annotated", type=Path, help="also the chunks of this annotated run")
    parser.add_argument("--seeds", type=int, default=3, help="how many, at least two")
    parser.add_argument("--json", type=Path, help="also write the rows as JSON")
    options = parser.parse_args()
    asked = [name for name in options.sets.split(",") if name]
    needed = SETS if MIXTURE in asked else [name for name in SETS if name in asked]
    sets = {name: documents(options.data / name / "open.parquet", name) for name in needed}
    wanted = {name: sets[name] for name in SETS if name in asked}
    if MIXTURE in asked:
        wanted[MIXTURE] = mixed(sets)
    if options.annotated is not None:
        wanted[str(options.annotated)] = annotated(options.annotated)
    rows: list[Row] = []
    for name, units in wanted.items():
        rows += measure(name, units, min(MOST, len(units) // SHARE), range(options.seeds))
    finish(rows, options.json)


if __name__ == "__main__":
    main()
