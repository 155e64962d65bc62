"""Build the example corpus: 720 short documents on the web, in science and in code.

The choice depends only on the source files and SEED, so the same sources give the same corpus.
Documents are taken or left out whole; their text is never edited.
"""

import argparse
import hashlib
import html
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SEED = "atlas-example-1"
ROWS_PER_GROUP = 60
COLUMNS = ("doc_id", "text", "source", "title", "domain", "license")

# Also finds addresses spelled "name (at) host.org" or "name at host dot org".
EMAIL = re.compile(r"\w(?:@|\s?[(\[]at[)\]]\s?|\sat\s)[\w-]+(?:\.|\sdot\s)[a-z]", re.IGNORECASE)
# Reposts and quoted matter may come from writers outside the government, whose work is not free.
REPOST = re.compile(r"originally (published|posted|appeared)|cross-?post|guest post|copyright", re.IGNORECASE)
# Texts of problem sites are not free, and a licence line in a file may differ from the repository's.
NOT_PLAIN_MIT = re.compile(r"project[ _-]?euler|leetcode|hackerrank|copyright|licen[sc]e", re.IGNORECASE)
PUBLIC_DOMAIN = re.compile(r"\bpublic\s+domain\b")
# Pull requests from this number on were opened after the repository chose its licences in July 2017.
FIRST_LICENSED_RFC = 2100

Row = dict[str, Any]
Doc = dict[str, str]
# A document and the strata it lies in, widest first.
Candidate = tuple[Doc, tuple[str, ...]]
Reader = Callable[[Row], Candidate | None]


def rank(*keys: str) -> str:
    """Give keys a fixed place in an order that has nothing to do with their meaning."""
    return hashlib.sha256("\0".join((SEED, *keys)).encode()).hexdigest()


def document(row: Row, source: str, domain: str, license_id: str) -> Doc:
    """Lay a source row out in the columns of the corpus; only the title is tidied."""
    title = " ".join(html.unescape(row["title"]).split())
    values = (row["id"], row["text"], source, title, domain, license_id)
    return dict(zip(COLUMNS, values, strict=True))


def web_license(source: str, doc_id: str, text: str) -> str | None:
    """Name the licence of this very document; some in a free repository carry none, or another.

    Files that lie in an RFC's own folder are left out: they are translations and annexes.
    """
    if source == "rust-lang/rfcs":
        number = re.search(r"/(\d{4})-[^/]+$", doc_id)
        return "MIT OR Apache-2.0" if number and int(number[1]) >= FIRST_LICENSED_RFC else None
    if source == "python/peps" and "CC0-1.0" not in text:
        return "LicenseRef-Public-Domain" if PUBLIC_DOMAIN.search(text[-1000:]) else None
    if source == "ethereum/EIPs":
        return "CC0-1.0" if "CC0" in text else None
    return "CC0-1.0" if source == "python/peps" or not REPOST.search(text) else None


def read_web(row: Row) -> Candidate | None:
    """Take a web document of middle length; each site is a stratum, so none crowds out another."""
    license_id = web_license(row["source"], row["id"], row["text"])
    if license_id is None or not 2000 <= len(row["text"]) <= 14000:
        return None
    return document(row, row["source"], "web", license_id), (row["source"],)


def read_textbook(row: Row) -> Candidate | None:
    """Take a textbook section, its book and chapter as strata.

    Prefaces say little of the subject, and the AP sections repeat the words of an exam board.
    """
    if row["title"].startswith(("Preface", "Connection for AP")) or not 2000 <= len(row["text"]) <= 9000:
        return None
    extra = json.loads(row["extra"])
    doc = document(row, f"OpenStax {extra['book']}", "science", "CC-BY-4.0")
    return doc, (extra["book"], "/".join(extra["chapter"]))


def read_abstract(row: Row) -> Candidate | None:
    """Take an abstract, its primary category as stratum, so that small fields show up too."""
    category = json.loads(row["extra"])["primary"]
    return document(row, f"arXiv {category}", "science", "CC0-1.0"), (category,)


def read_code(row: Row) -> Candidate | None:
    """Take a source file, its language and topic folder as strata."""
    if not 600 <= len(row["text"]) <= 8000 or NOT_PLAIN_MIT.search(row["id"] + row["text"]):
        return None
    topic = next((label for label in row["labels"] if label.startswith("topic:")), "")
    return document(row, row["source"], "code", "MIT"), (row["source"], topic)


def candidates(path: Path, read: Reader) -> Iterator[Candidate]:
    """Yield the usable documents of a source set in rank order, each text once."""
    seen: set[str] = set()
    for row in sorted(pq.read_table(path).to_pylist(), key=lambda row: rank(row["id"])):
        text = row["text"] or ""
        if not text.strip() or "\ufffd" in text or "\0" in text or EMAIL.search(text) or text in seen:
            continue
        found = read(row)
        if found is not None:
            seen.add(text)
            yield found


def spread(found: list[Candidate]) -> list[Doc]:
    """Order documents so that any number from the front covers the strata as evenly as they allow.

    Strata take turns, the widest level first; one that runs out is passed over.
    """
    if not found or not found[0][1]:
        return [doc for doc, _ in found]
    groups: defaultdict[str, list[Candidate]] = defaultdict(list)
    for doc, strata in found:
        groups[strata[0]].append((doc, strata[1:]))
    turns = zip_longest(*(spread(groups[stratum]) for stratum in sorted(groups, key=rank)))
    return [doc for doc in chain.from_iterable(turns) if doc is not None]


def write(docs: list[Doc], path: Path) -> None:
    """Write documents in an order unrelated to how they were chosen, so each row group is a mix."""
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in COLUMNS])
    mixed = sorted(docs, key=lambda doc: rank("row", doc["doc_id"]))
    table = pa.Table.from_pylist(mixed, schema=schema)
    repeated = ["source", "domain", "license"]
    pq.write_table(table, path, ROWS_PER_GROUP, compression="zstd", use_dictionary=repeated)


def main() -> None:
    """Read the source sets and write one file for each domain."""
    parser = argparse.ArgumentParser(description="Build the example corpus.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds SET/open.parquet")
    parser.add_argument("--out", type=Path, default=Path("examples/corpus"), help="folder to write to")
    args = parser.parse_args()
    plan: dict[str, list[tuple[str, Reader, int]]] = {
        "web": [("webdocs", read_web, 240)],
        "science": [("openstax", read_textbook, 120), ("arxiv-abstracts", read_abstract, 120)],
        "code": [("code-thealgorithms", read_code, 240)],
    }
    args.out.mkdir(parents=True, exist_ok=True)
    for domain, parts in plan.items():
        docs: list[Doc] = []
        for name, read, count in parts:
            docs += spread(list(candidates(args.data / name / "open.parquet", read)))[:count]
        write(docs, args.out / f"{domain}.parquet")
        size = sum(len(doc["text"].encode()) for doc in docs)
        print(f"{domain}: {len(docs)} documents, {size:,} bytes of text")


if __name__ == "__main__":
    main()
