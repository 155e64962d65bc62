"""Gold for canonicalization: which names people say are one concept."""

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from atlas.errors import AtlasError
from atlas.library.names import normal_form

NAMES_MOST = 12_000  # names of a part: what agglomerative clustering of the peers still fits into memory
SYNONYM_CONCEPTS_MOST = 3_000  # concepts with synonyms in a part; the rest are distractors without


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Concepts of a part of a gold set: preferred name and other names.

    ``targets`` are the preferred names of the whole set, among which a synonym's own is to be found; ``counts`` how
    often a name is used, where known.
    """

    name: str
    concepts: tuple[tuple[str, tuple[str, ...]], ...]
    targets: tuple[str, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Names:
    """Distinct names with the concept that each means; ``preferred`` says which are their concept's own name."""

    texts: list[str]
    concept: list[int]
    preferred: list[bool]


def read(data: Path, name: str, part: str = "report") -> Synonyms:
    """A part of a gold set: ``fit`` (parameters are chosen on it) or ``report``.

    Concepts are halved by a digest of their name. Where the set has a ``heldout`` file, ``report`` is all of that.

    Raises:
        AtlasError: the set's file is not there.
    """
    file, concepts_of = _SETS[name]
    folder = data / "canonicalization"
    path = folder / file
    kept_out = folder / file.replace(".open.", ".heldout.")
    whole = part == "report" and kept_out != path and kept_out.exists()
    if whole:
        path = kept_out
    if not path.exists():
        raise AtlasError(f"{path}: no such file; give the folder that holds canonicalization/ with --data")
    found = list(concepts_of(path))
    counts = _used(folder / "so_tags.tsv.gz") if name == "stackoverflow" else {}
    told = {preferred for preferred, _ in found}
    found += [(tag, ()) for tag in counts if tag not in told]  # each is a name that a synonym might be taken for
    targets = tuple(preferred for preferred, _ in found)
    if not whole:
        found = [concept for concept in found if _half(concept[0]) == (part == "report")]
    return Synonyms(name, tuple(found), targets, counts)


def names(gold: Synonyms) -> Names:
    """At most ``NAMES_MOST`` names of the set; concepts with synonyms first, then others, in order of a digest.

    Names that two concepts share are left out: by spelling alone nobody could tell which one is meant.
    """
    ordered = sorted(gold.concepts, key=lambda concept: (not concept[1], _digest("order" + concept[0])))
    owners: dict[str, set[int]] = {}
    spelt: dict[str, int] = {}
    preferred = set()
    told = 0
    for number, (name, others) in enumerate(ordered):
        if others:
            told += 1
            if told > SYNONYM_CONCEPTS_MOST:
                continue
        if len(spelt) >= NAMES_MOST:
            break
        preferred.add(name)
        for text in dict.fromkeys((name, *others)):
            owners.setdefault(normal_form(text), set()).add(number)
            spelt.setdefault(text, number)
    texts = [text for text in spelt if len(owners[normal_form(text)]) == 1 and normal_form(text)]
    return Names(texts, [spelt[text] for text in texts], [text in preferred for text in texts])


def _used(path: Path) -> dict[str, int]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return {row["tag"]: int(row["questions"]) for row in csv.DictReader(lines, delimiter="\t")}


def _stackoverflow(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found: dict[str, list[str]] = {}
        for row in csv.DictReader(lines, delimiter="\t"):
            found.setdefault(row["canonical"], []).append(row["surface"])
    yield from ((canonical, tuple(surfaces)) for canonical, surfaces in found.items())


def _json_lines(preferred: str, others: str) -> Callable[[Path], Iterator[tuple[str, tuple[str, ...]]]]:
    def concepts(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                yield row[preferred], tuple(row[others])

    return concepts


def _digest(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _half(preferred: str) -> bool:
    return bool(hashlib.md5(preferred.encode()).digest()[0] & 1)


_SETS: dict[str, tuple[str, Callable[[Path], Iterator[tuple[str, tuple[str, ...]]]]]] = {
    "stackoverflow": ("so_synonyms.open.tsv.gz", _stackoverflow),
    "github": ("github_topics.open.jsonl.gz", _json_lines("topic", "aliases")),
    "plos": ("plos_thesaurus.open.jsonl.gz", _json_lines("pref", "alts")),
    "obo": ("obo_cl_uberon_so_mop.jsonl.gz", _json_lines("pref", "alts")),
    "wordnet": ("wordnet31_noun_synsets.jsonl.gz", _json_lines("pref", "alts")),
}
SETS = tuple(_SETS)
