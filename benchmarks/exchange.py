"""How long do import and export take, and what is lost of a real thesaurus?

The PLOS thesaurus and four OBO ontologies are written as SKOS of a foreign hand (addresses of their own, broader
terms, alternative labels) and imported twice: the second time every id must be the same. ``many`` is a library of
33,000 concepts (the size of Atlas's public reference) with members, examples and counts, exported and read back in
each format; ``equal`` is 1 where what comes back is what went out. Merging is in the import's time, YAML is not:
``yaml_s`` is its own column.
"""

import gzip
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

from rows import Row, arguments, finish

from atlas.library import store
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.library.exchange import files
from atlas.library.exchange.merge import Merged, merge
from atlas.library.lint import lint

SETS = ("plos", "obo", "many")
FILES = {"plos": "plos_thesaurus.open.jsonl.gz", "obo": "obo_cl_uberon_so_mop.jsonl.gz"}
MANY = 33_000


def thesaurus(path: Path) -> tuple[str, int]:
    """The Turtle of a thesaurus in JSON Lines, and the number of its terms."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        terms = [json.loads(line) for line in lines]
    address = {term["pref"]: f"http://example.org/{quote(term['id'])}" for term in terms}
    text = ["@prefix skos: <http://www.w3.org/2004/02/skos/core#> ."]
    for term in terms:
        said = [f"skos:prefLabel {json.dumps(term['pref'], ensure_ascii=False)}@en"]
        said += [f"skos:altLabel {json.dumps(alt, ensure_ascii=False)}@en" for alt in term["alts"]]
        said += [f"skos:broader <{address[name]}>" for name in term.get("broader", ()) if name in address]
        text.append(f"<http://example.org/{quote(term['id'])}> a skos:Concept ; {' ; '.join(said)} .")
    return "\n".join(text), len(terms)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = perf_counter()
    result = work()
    return result, perf_counter() - start


def foreign(name: str, path: Path, folder: Path) -> Row:
    """Import a thesaurus twice, and count what was lost on the way."""
    text, terms = thesaurus(path)
    file = folder / f"{name}.ttl"
    file.write_text(text, encoding="utf-8")
    reading, read_s = timed(lambda: files.read(file))
    merged, merge_s = timed(lambda: merge(Library(()), {}, reading.entries))
    _, yaml_s = timed(lambda: store.save(merged.library, folder / name))
    again: Merged = merge(merged.library, merged.sources, reading.entries)
    row = {
        "benchmark": "exchange",
        "dataset": name,
        "system": "atlas-import",
        "terms": terms,
        "concepts": len(merged.library.concepts),
        "import_s": read_s + merge_s,
        "yaml_s": yaml_s,
        "same_again": int(again.library == merged.library and again.sources == merged.sources),
        "lint_errors": sum(finding.severity == "error" for finding in lint(merged.library)),
    }
    lost = dict(reading.losses + merged.became)
    lost.pop("new", None)
    return row | lost


def imported(file: Path) -> Merged:
    return merge(Library(()), {}, files.read(file).entries)


def many(folder: Path) -> list[Row]:
    """A library of 33,000 concepts through each format."""
    concepts = [
        Concept(
            i,
            "content",
            f"Concept number {i}",
            f"Passages about concept {i}, including what is near to it.",
            question=f"Is the passage about concept {i}?",
            aliases=tuple(f"alias {k} of {i}" for k in range(3)),
            taxonomy="Science / Physics",
            members={f"member {k} of {i}": 9 - k for k in range(8)},
            examples=tuple(Example(f"A sentence that shows what concept {i} is, number {k}.", "doc") for k in range(3)),
            counts=Counts(44, 40, 30),
        )
        for i in range(1, MANY + 1)
    ]
    library = Library(tuple(concepts))
    rows = []
    for ending in (".ttl", ".rdf", ".csv", ".parquet"):
        file = folder / f"many{ending}"
        _, export_s = timed(partial(files.write, library, {}, file))
        back, import_s = timed(partial(imported, file))
        rows.append(
            {
                "benchmark": "exchange",
                "dataset": "many",
                "system": f"atlas{ending}",
                "concepts": MANY,
                "export_s": export_s,
                "import_s": import_s,
                "mb": file.stat().st_size / 1e6,
                "equal": int(back.library == library),
            }
        )
    return rows


def main() -> None:
    args = arguments(__doc__.split("\n")[0], SETS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.sets.split(","):
            if name == "many":
                rows += many(Path(folder))
            else:
                rows.append(foreign(name, args.data / "canonicalization" / FILES[name], Path(folder)))
    finish(rows, args.json)


if __name__ == "__main__":
    main()
