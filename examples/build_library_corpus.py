"""Gather documents of eight sets that may be quoted: the corpus from whose tags the library that ships is built.

`pipelines/concept_library.yaml` reads it. Left out are documents with mail addresses or without a free licence of
their own, as in the example corpus; texts that are hardly English; and modules for one programming language, of which
Debian has thousands that differ by name.
"""

import argparse
import json
import re
from pathlib import Path

from build_corpus import NOT_PLAIN_MIT, Candidate, Doc, Reader, Row, candidates, document, web_license, write

FEW_ENGLISH = 0.12  # of the words; English prose has some 0.3
ENGLISH = frozenset("the of and to in is for a that this with on as are by be".split())
WORD = re.compile(r"[^\W\d_]+")
MODULE = re.compile(
    r"^(lib.*-(perl|java|ruby|php)|(python3?|ruby|node|golang|r|php|haskell|elpa)-.*|.*-(dev|doc|dbg))$"
)
SHORTEST = 400  # characters of a web document


def english(text: str) -> bool:
    words = WORD.findall(text.lower())
    return sum(word in ENGLISH for word in words) >= FEW_ENGLISH * max(1, len(words))


def reader(source: str, license_id: str) -> Reader:
    """Documents of a set that is free as a whole."""

    def read(row: Row) -> Candidate | None:
        if not english(row["text"]):
            return None
        return document({**row, "title": row["title"] or ""}, source, "text", license_id), ()

    return read


def read_web(row: Row) -> Candidate | None:
    license_id = web_license(row["source"], row["id"], row["text"])
    if license_id is None or len(row["text"]) < SHORTEST:
        return None
    return document(row, "webdocs", "text", license_id), ()


def read_textbook(row: Row) -> Candidate | None:
    if row["title"].startswith(("Preface", "Connection for AP")):
        return None
    return document(row, "openstax", "text", "CC-BY-4.0"), ()


def read_package(row: Row) -> Candidate | None:
    name = row["text"].split(":", 1)[0]
    return None if MODULE.match(name) else reader("debtags", "LicenseRef-DFSG-free")(row)


def read_code(row: Row) -> Candidate | None:
    if NOT_PLAIN_MIT.search(row["id"] + row["text"]):
        return None
    return document(row, "code-thealgorithms", "text", "MIT"), ()


READERS: dict[str, Reader] = {
    "arxiv-abstracts": reader("arxiv-abstracts", "CC0-1.0"),
    "yso-abstracts": reader("yso-abstracts", "CC0-1.0"),
    "tib-core": reader("tib-core", "CC0-1.0 AND CC-BY-4.0"),
    "webdocs": read_web,
    "debtags": read_package,
    "openstax": read_textbook,
    "books-standardebooks": reader("books-standardebooks", "CC0-1.0"),
    "code-thealgorithms": read_code,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds SET/open.parquet")
    parser.add_argument("--out", type=Path, default=Path("runs/library-corpus"), help="folder to write to")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name, read in READERS.items():
        docs: list[Doc] = [doc for doc, _ in candidates(args.data / name / "open.parquet", read)]
        write(docs, args.out / f"{name}.parquet")
        print(json.dumps({"set": name, "documents": len(docs), "chars": sum(len(doc["text"]) for doc in docs)}))


if __name__ == "__main__":
    main()
