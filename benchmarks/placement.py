"""Are concepts placed in the right class of the Library of Congress Classification?

Gold: terms of the PLOS thesaurus by their second-level term, key terms of textbooks by their book, and arXiv
categories and a random sample of YSO subjects each by hand. ``lcc_gold.tsv`` says which subclasses are right, often
several, as libraries too place by the side of a thing that a book is about. What ``lcc_scope.txt`` and
``lcc_topics.txt`` say word for word is left out. Textbook terms are noisy: a book on microbiology also explains
chemistry.

Half of each set (by a checksum of the term) chose the parameters; figures are of the other half. ``class`` and
``subclass`` are accuracies where every concept is placed, ``p@60`` the share of right classes among the 60 % that a
system is most sure of, ``coverage`` and ``precision`` (of classes) are what Atlas places by default, and ``subclass
precision`` is that of the placed ones whose place is deeper than a class. ``atlas-place-no-topics`` lacks the topics
that people placed, ``atlas-place-no-notes`` has the bare outline; ``baseline-nearest`` takes the nearest subject by
cosine, ``baseline-tfidf`` by words in common. ``speed`` is 33,000 concepts, embedding apart.
"""

import csv
import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from time import perf_counter

import numpy as np
import pyarrow.parquet as pq
from rows import Row, arguments, finish
from sklearn.feature_extraction.text import TfidfVectorizer

from atlas.canonical.outline import Outline, outline, without_topics
from atlas.canonical.place import LEAST_CONFIDENCE, Placement, place_vectors
from atlas.canonical.subjects import subject_vectors
from atlas.library.names import normal_form
from atlas.models.encoder import encoder

SETS = ("plos", "openstax", "arxiv", "yso", "speed")
MOST = 2000  # terms of a set, drawn at random
MANY = 33_000
Gold = dict[tuple[str, str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Term:
    name: str
    text: str
    right: frozenset[str]  # subclasses

    @property
    def letters(self) -> set[str]:
        return {subclass[0] for subclass in self.right}


def gold() -> Gold:
    with Path(__file__).with_name("lcc_gold.tsv").open(encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return {(row["set"], row["group"]): frozenset(row["subclasses"].split(",")) for row in rows}


def plos(data: Path, right: Gold) -> Iterator[Term]:
    """Terms all of whose second-level terms are in the gold."""
    with gzip.open(data / "canonicalization/plos_thesaurus.open.jsonl.gz", "rt", encoding="utf-8") as lines:
        terms = {term["pref"]: term for term in map(json.loads, lines)}
    tops = {name for name, term in terms.items() if not term["broader"]}

    def seconds(name: str, seen: tuple[str, ...]) -> set[str]:
        found: set[str] = set()
        for above in terms[name]["broader"]:
            if above in tops:
                found.add(f"{above} > {name}")
            elif above in terms and above not in seen:
                found |= seconds(above, (*seen, above))
        return found

    for name, term in terms.items():
        groups = seconds(name, ()) if name not in tops else set()
        if groups and all(("plos", group) in right for group in groups):
            also = f". Also called {', '.join(term['alts'][:3])}" if term["alts"] else ""
            yield Term(name, name + also, frozenset().union(*(right["plos", group] for group in groups)))


def openstax(data: Path, right: Gold) -> Iterator[Term]:
    """Key terms of one book alone."""
    books = defaultdict(set)
    table = pq.ParquetFile(data / "openstax/open.parquet").read(columns=["labels", "extra"])
    for row in table.to_pylist():
        for label in row["labels"]:
            books[label].add(json.loads(row["extra"])["book"])
    for label in sorted(books):
        (book, *others) = books[label]
        if not others and ("openstax", book) in right:
            yield Term(label, label, right["openstax", book])


def terms_of(name: str, data: Path, right: Gold, tree: Outline) -> list[Term]:
    if name == "plos":
        found = list(plos(data, right))
    elif name == "openstax":
        found = list(openstax(data, right))
    else:
        found = [Term(group, group, classes) for (set_, group), classes in right.items() if set_ == name]
    notes = {normal_form(words) for _, words in tree.scope}
    known = [term for term in found if normal_form(term.name) not in notes]
    Random(3).shuffle(known)
    return known[:MOST]


def nearest(similar: np.ndarray, tree: Outline) -> list[Placement]:
    best = similar.argmax(axis=1)
    nodes = [tree.nodes[tree.voters[i][0]] for i in best.tolist()]
    sure = similar.max(axis=1).tolist()
    return [Placement(node.path, node.code, score) for node, score in zip(nodes, sure, strict=True)]


def score(terms: list[Term], found: list[Placement]) -> Row:
    """Accuracies, over all and over the surest 60 %."""
    right = np.array([place.code[0] in term.letters for term, place in zip(terms, found, strict=True)])
    deep = np.array([_subclass(place) in term.right for term, place in zip(terms, found, strict=True)])
    surest = np.argsort([-place.confidence for place in found], kind="stable")[: round(0.6 * len(found))]
    return {"terms": len(terms), "class": right.mean(), "subclass": deep.mean(), "p@60": right[surest].mean()}


def _subclass(place: Placement) -> str:
    return "".join(c for c in place.code.partition("-")[0] if c.isalpha())


def placed(terms: list[Term], found: list[Placement], least: float) -> Row:
    """What is placed from a confidence on, and how much of it is right."""
    kept = [(term, place) for term, place in zip(terms, found, strict=True) if place.confidence >= least]
    deep = [(term, place) for term, place in kept if len(place.path) > 1]
    return {
        "coverage": len(kept) / len(terms),
        "precision": np.mean([place.code[0] in term.letters for term, place in kept]) if kept else None,
        "subclass precision": np.mean([_subclass(place) in term.right for term, place in deep]) if deep else None,
        "deeper than class": len(deep) / len(terms),
        "ece": _ece(terms, found),
    }


def _ece(terms: list[Term], found: list[Placement]) -> float:
    """Expected calibration error of the confidences, ten bins (Guo et al., 2017)."""
    sure = np.array([place.confidence for place in found])
    right = np.array([place.code[0] in term.letters for term, place in zip(terms, found, strict=True)])
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [(bins == b).mean() * abs(sure[bins == b].mean() - right[bins == b].mean()) for b in set(bins.tolist())]
    return float(sum(gaps))


def run(name: str, terms: list[Term], tree: Outline, voters: np.ndarray) -> Iterator[Row]:
    vectors = encoder("all-minilm-l6-v2").encode([term.text for term in terms])
    is_held = np.array([zlib.crc32(term.name.encode()) % 2 == 1 for term in terms])
    held = [term for term, kept in zip(terms, is_held.tolist(), strict=True) if kept]
    head = {"benchmark": "placement", "dataset": name}

    def ours(of: Outline, subjects: np.ndarray) -> list[Placement]:
        found = place_vectors(vectors, subjects, of, 0.0)  # all of the set: neighbours lend votes
        return [place for place, kept in zip(found, is_held.tolist(), strict=True) if kept and place is not None]

    found = ours(tree, voters)
    yield head | {"system": "atlas-place"} | score(held, found) | placed(held, found, LEAST_CONFIDENCE)
    for least in (0.7, 0.9):
        yield head | {"system": f"atlas-place, from {least}"} | placed(held, found, least)
    noted = without_topics()
    found = ours(noted, voters[: len(noted.voters)])
    yield head | {"system": "atlas-place-no-topics"} | score(held, found)
    bare = replace(tree, scope=())
    found = ours(bare, voters[: len(bare.voters)])
    yield head | {"system": "atlas-place-no-notes"} | score(held, found)
    yield head | {"system": "baseline-nearest"} | score(held, nearest(vectors[is_held] @ voters.T, tree))
    words = TfidfVectorizer(sublinear_tf=True)
    subjects = words.fit_transform([normal_form(text) for _, text in tree.voters])
    similar = (words.transform([normal_form(term.text) for term in held]) @ subjects.T).toarray()
    yield head | {"system": "baseline-tfidf"} | score(held, nearest(similar, tree))


def speed(vectors: np.ndarray, tree: Outline, voters: np.ndarray) -> Row:
    """Copies of real vectors, each a little off."""
    random = np.random.default_rng(0)
    many = np.resize(vectors, (MANY, vectors.shape[1])) + random.normal(0, 0.03, (MANY, vectors.shape[1]))
    many = (many / np.linalg.norm(many, axis=1, keepdims=True)).astype(np.float32)
    start = perf_counter()
    place_vectors(many, voters, tree, LEAST_CONFIDENCE)
    seconds = perf_counter() - start
    return {"benchmark": "placement", "dataset": "speed", "system": "atlas-place", "concepts": MANY, "seconds": seconds}


def main() -> None:
    args = arguments(__doc__.split("\n")[0], SETS)
    tree, right = outline(), gold()
    start = perf_counter()
    voters = subject_vectors(tree, encoder("all-minilm-l6-v2"))
    print(f"{len(voters):,} subjects embedded, or read, in {perf_counter() - start:.1f} s")
    rows: list[Row] = []
    for name in args.sets.split(","):
        if name == "speed":
            rows.append(speed(voters, tree, voters))
        else:
            rows += run(name, terms_of(name, args.data, right, tree), tree, voters)
    finish(rows, args.json)


if __name__ == "__main__":
    main()
