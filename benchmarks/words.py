"""Are names and descriptions better when a language model writes them?

    python benchmarks/words.py --data DATA --concepts 100

Concepts of gold sets, with their names as tags, are looked up in passages of real documents; Atlas composes their
names and descriptions without an LLM (`atlas.canonical.describe`), then asks one (`atlas.canonical.words`), as
`atlas canonicalize` does. Beside every concept that is asked about stand all others of the set.

``name``: share of names that are the preferred one of the gold set (`normal_form`); ``name_cos`` and
``description_cos``: cosine (all-MiniLM-L6-v2) with the preferred name, and with the description that people wrote.
``kept``: concepts that are still there, as the LLM may call one incoherent; all of these are coherent.
``±`` is half of the 95 % interval of a bootstrap over concepts. Rows "where worded" are about the concepts whose
answer was taken, once with the LLM's words and once with those that were there before.
"""

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rows import Row, finish, parser

from atlas.canonical.config import WordsConfig
from atlas.canonical.describe import concept_name, described, told_apart
from atlas.canonical.forms import collect
from atlas.canonical.usage import usage
from atlas.canonical.words import reworded
from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.models.encoder import encoder
from atlas.tables import FACETS

CORPORA = ("openstax", "yso-abstracts", "webdocs", "debtags", "stackexchange-small", "wikitext2")
PASSAGE_CHARS = 500
LETTERS_LEAST = 8  # of a name that is looked up: shorter ones mean many things
NAME_WORDS_MOST = 4
PASSAGES_MOST = 200  # of one name
RESAMPLES = 1000
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n{2,}")
_WORD = re.compile(r"\w+(?:['’+#]\w*)*")


@dataclass(frozen=True, slots=True)
class Gold:
    """A concept as people have it; ``description`` is empty where the set has none."""

    preferred: str
    others: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a system says of a concept; None where it makes none of it."""

    name: str | None
    description: str | None


def main() -> None:
    known = parser(__doc__.split("\n")[0], tuple(_SETS))
    known.add_argument("--concepts", type=int, default=100, help="concepts of a set that are asked about")
    known.add_argument("--model", default="smollm2-135m-instruct", help="model of the embedded engine")
    known.add_argument("--show", type=int, default=0, help="print so many concepts with their words")
    given = known.parse_args()
    passages = [text for corpus in CORPORA for text in _passages(given.data / corpus / "open.parquet")]
    rows: list[Row] = []
    for name in given.sets.split(","):
        file, read = _SETS[name]
        with gzip.open(given.data / "canonicalization" / file, "rt", encoding="utf-8") as lines:
            gold = [read(json.loads(line)) for line in lines]
        rows += _measured(name, gold, passages, given.concepts, given.model, given.show)
    finish(rows, given.json)


def _measured(
    dataset: str, gold: Sequence[Gold], passages: Sequence[tuple[str, str]], most: int, model: str, show: int
) -> list[Row]:
    tags, members = _tagged(gold, passages)
    before, asked = _composed(gold, tags, members, most)
    config = WordsConfig(engine=CTranslate2Config(model=model))
    with TemporaryDirectory() as folder:
        written = reworded(before, (), tags, config, Path(folder), lambda text: print(text, flush=True))
    print(dict(written.became))
    gone = {concept.id for concept in written.dropped}
    after = dict(zip((c.id for c in before.concepts if c.id not in gone), written.library.concepts, strict=True))
    concepts = [before.by_id[id_] for id_ in asked]
    pairs = [(gold[id_ - 1], concept) for id_, concept in zip(asked, concepts, strict=True)]
    worded = [id_ in after and after[id_].description != before.by_id[id_].description for id_ in asked]
    composed = [Said(c.name, c.description) for c in concepts]
    llm = [Said(after[i].name, after[i].description) if i in after else Said(None, None) for i in asked]
    systems = {
        "atlas composed": composed,
        "atlas words": llm,
        "baseline-most-frequent": [Said(_most_frequent(c), _most_frequent(c)) for c in concepts],
        "baseline-longest": [Said(max(c.members, key=len), None) for c in concepts],
        "baseline-first-quote": [Said(None, c.examples[0].quote) for c in concepts],
        "baseline-preferred": [Said(_best(g, c), g.preferred) for g, c in pairs],
        "atlas composed, where worded": [said for said, is_so in zip(composed, worded, strict=True) if is_so],
        "atlas words, where worded": [said for said, is_so in zip(llm, worded, strict=True) if is_so],
    }
    of_worded = [g for (g, _), is_so in zip(pairs, worded, strict=True) if is_so]
    for (one, concept), said in list(zip(pairs, llm, strict=True))[:show]:
        print(f"\n{one.preferred}: {one.description}\n  {dict(concept.members)}\n  - {concept.name}: ", end="")
        print(f"{concept.description}\n  - {said.name}: {said.description}")
    return [
        {"benchmark": "words", "dataset": dataset, "system": system}
        | _scores(of_worded if system.endswith("worded") else [g for g, _ in pairs], said)
        for system, said in systems.items()
        if said
    ]


def _tagged(gold: Sequence[Gold], passages: Sequence[tuple[str, str]]) -> tuple[pa.Table, dict[int, set[str]]]:
    """Passages with the names in them as tags, and by concept number the normal forms of those that were seen.

    A name that two concepts of the set have is left out, as its passages tell of both.
    """
    owners: dict[str, set[int]] = defaultdict(set)
    spelt: dict[str, str] = {}
    for number, concept in enumerate(gold):
        for text in (concept.preferred, *concept.others):
            owners[normal_form(text)].add(number)
            spelt.setdefault(_key(text), text)
    own = {
        key: text
        for key, text in spelt.items()
        if len(owners[normal_form(text)]) == 1 and len(key.replace(" ", "")) >= LETTERS_LEAST
    }
    counts: Counter[str] = Counter()
    members: dict[int, set[str]] = defaultdict(set)
    rows = []
    for doc_id, text in passages:
        found = [own[key] for key in _found(text, own) if counts[key] < PASSAGES_MOST]
        counts.update(map(_key, found))
        for name in found:
            members[min(owners[normal_form(name)])].add(normal_form(name))
        if found:
            rows.append({"doc_id": doc_id, "text": text} | {f: found if f == "content" else [] for f in FACETS})
    tags = pa.list_(pa.string())
    schema = pa.schema([("doc_id", pa.string()), ("text", pa.string()), *((facet, tags) for facet in FACETS)])
    return pa.Table.from_pylist(rows, schema=schema), members


def _composed(
    gold: Sequence[Gold], tags: pa.Table, members: dict[int, set[str]], most: int
) -> tuple[Library, list[int]]:
    """The library without an LLM, and the ids of those that are to be asked about; the others are locked.

    Asked about are concepts of which two names or more were seen, in order of a digest.
    """
    forms = {form.form: form for form in collect(tags)}
    written = usage(tags)
    of = {number + 1: [forms[form] for form in sorted(seen)] for number, seen in members.items()}
    of = {id_: sorted(mine, key=lambda form: (-len(form.chunks), form.form)) for id_, mine in sorted(of.items())}
    concepts = [Concept(id_, "content", concept_name(mine, written), "") for id_, mine in of.items()]
    several = [id_ for id_, mine in of.items() if len(mine) > 1]
    asked = sorted(several, key=lambda id_: hashlib.md5(gold[id_ - 1].preferred.encode()).hexdigest())[:most]
    print(f"{len(of):,} concepts in {tags.num_rows:,} passages, {len(several):,} with two names or more")
    library = told_apart(described(concepts, of, tags, written, 3), 1)
    return Library(tuple(replace(concept, locked=concept.id not in asked) for concept in library)), asked


def _scores(gold: Sequence[Gold], said: Sequence[Said]) -> Row:
    """Means over what was said, with half widths of their intervals."""
    kept = [s.name is not None or s.description is not None for s in said]
    row: Row = {"concepts": len(said), "kept": round(float(np.mean(kept)), 3)}
    names = [(g.preferred, s.name) for g, s in zip(gold, said, strict=True) if s.name is not None]
    texts = [
        (g.description, s.description)
        for g, s in zip(gold, said, strict=True)
        if g.description and s.description is not None
    ]
    if names:
        row |= _mean("name", np.array([normal_form(a) == normal_form(b) for a, b in names], float))
        row |= _mean("name_cos", _cosines(names))
    if texts:
        row |= _mean("description_cos", _cosines(texts))
    return row


def _mean(column: str, values: np.ndarray) -> Row:
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(1), (0.025, 0.975))
    return {column: round(float(values.mean()), 3), f"{column} ±": round(float(high - low) / 2, 3)}


def _cosines(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    first, second = (encoder("all-minilm-l6-v2").encode(list(texts)) for texts in zip(*pairs, strict=True))
    return (first * second).sum(1)


def _most_frequent(concept: Concept) -> str:
    return min(concept.members, key=lambda name: (-concept.members[name], name))


def _best(gold: Gold, concept: Concept) -> str:
    """The preferred name where it was seen: what choosing among the tags can give at most."""
    seen = [name for name in concept.members if normal_form(name) == normal_form(gold.preferred)]
    return seen[0] if seen else _most_frequent(concept)


def _passages(path: Path) -> Iterator[tuple[str, str]]:
    """Identifier of the document and text, whole sentences up to some hundred characters."""
    table = pq.read_table(path, columns=["id", "text"])
    for doc_id, text in zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True):
        held = ""
        for sentence in _SENTENCES.split(text):
            if held and len(held) + len(sentence) > PASSAGE_CHARS:
                yield str(doc_id), held
                held = ""
            held = f"{held} {sentence}".strip()
        if held:
            yield str(doc_id), held


def _key(name: str) -> str:
    return " ".join(_WORD.findall(name.lower()))


def _found(text: str, known: dict[str, str]) -> list[str]:
    words = _WORD.findall(text.lower())
    grams = (
        " ".join(words[start : start + size])
        for start in range(len(words))
        for size in range(1, min(NAME_WORDS_MOST, len(words) - start) + 1)
    )
    return list(dict.fromkeys(gram for gram in grams if gram in known))


_SETS: dict[str, tuple[str, Callable[[Row], Gold]]] = {
    "wordnet": (
        "wordnet31_noun_synsets.jsonl.gz",
        lambda row: Gold(row["pref"], tuple(row["alts"]), row["definition"].split('; "')[0]),
    ),
    "github": (
        "github_topics.open.jsonl.gz",
        lambda row: Gold(row["display_name"], (row["topic"], *row["aliases"]), row["short_description"]),
    ),
    "obo": ("obo_cl_uberon_so_mop.jsonl.gz", lambda row: Gold(row["pref"], tuple(row["alts"]), "")),
}


if __name__ == "__main__":
    main()
