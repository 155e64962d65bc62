"""Passages with the labels that people gave them: what tags are measured against.

Labels are turned into words: codes by their set's ``label_names.tsv`` (arXiv's categories by the file beside this
one), faceted tags by what stands behind their last colon.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

SETS = (
    "yso-abstracts",
    "tib-core",
    "ml-papers-keywords",
    "debtags",
    "arxiv-abstracts",
    "stackexchange-small",
    "openstax",
    "webdocs",
)
PASSAGE_CHARS = 1200  # every system sees as much: an abstract, or the beginning of a longer document
Half = Literal["tune", "test"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A passage and its labels, in words."""

    id: str
    text: str
    labels: tuple[str, ...]


def labelled(data: Path, name: str, half: Half, most: int, seed: int = 0) -> list[Labelled]:
    """At most ``most`` passages of a half of a set, in an order that depends on ids and seed alone.

    ``test`` is the set's ``heldout.parquet`` where there is one. Else the open half is split by a hash of the id.
    """
    heldout = data / name / "heldout.parquet"
    kept_apart = heldout.is_file()
    path = heldout if half == "test" and kept_apart else data / name / "open.parquet"
    names = label_names(data, name)
    found: list[Labelled] = []
    for row in sorted(pq.read_table(path, columns=["id", "text", "labels"]).to_pylist(), key=lambda r: _rank(r, seed)):
        if not kept_apart and (_rank(row, -1) % 2 == 0) != (half == "tune"):
            continue
        labels = tuple(dict.fromkeys(word for label in row["labels"] if (word := in_words(name, label, names))))
        if labels and len(row["text"] or "") >= 80:
            found.append(Labelled(row["id"], row["text"][:PASSAGE_CHARS].rsplit(" ", 1)[0], labels))
        if len(found) == most:
            break
    return found


def _rank(row: dict[str, Any], seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}\0{row['id']}".encode(), digest_size=8).digest(), "big")


def in_words(name: str, label: str, names: dict[str, str]) -> str:
    """A label as words; empty where it has none."""
    if names:
        return names.get(label, "").strip()
    if name in ("debtags", "stackexchange-small", "webdocs", "code-thealgorithms"):
        return label.rsplit(":", 1)[-1].replace("-", " ").strip()
    return label.strip()


@lru_cache
def label_names(data: Path, name: str) -> dict[str, str]:
    """Names of a set's label codes; empty where labels are words themselves."""
    own = Path(__file__).parent / "label_names" / "arxiv.tsv"
    path = own if name == "arxiv-abstracts" else data / name / "label_names.tsv"
    if not path.is_file():
        return {}
    lines = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}
