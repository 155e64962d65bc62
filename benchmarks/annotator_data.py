"""Documents with human labels, split for training, tuning and reporting, as files that any environment can read."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from annotator_metrics import Gold
from label_sets import in_words, label_names

SETS = (
    "yso-abstracts",
    "tib-core",
    "debtags",
    "arxiv-abstracts",
    "ml-papers-keywords",
    "stackexchange-small",
    "code-thealgorithms",
)
TUNE, REPORT = 0.05, 0.15  # of the documents; what is left is for training
FACETED = ("debtags", "stackexchange-small", "code-thealgorithms")


@dataclass(frozen=True, slots=True)
class Part:
    """Documents and their labels' numbers."""

    texts: list[str]
    gold: Gold


@dataclass(frozen=True, slots=True)
class Task:
    """A set, split. Labels are numbered: first those with a training document, in order of their spelling.

    ``names`` says in words what each label is that systems may give: ``space`` of them. ``documents`` counts the
    training documents of every label, int64 [labels].
    """

    dataset: str
    training: Part
    tune: Part
    report: Part
    names: list[str]
    documents: np.ndarray

    @property
    def space(self) -> int:
        return len(self.names)

    def described(self) -> str:
        sizes = f"{len(self.training.texts):,} / {len(self.tune.texts):,} / {len(self.report.texts):,}"
        return f"{self.dataset}: {sizes} documents to train / tune / report, {self.space:,} labels"


def split(data: Path, name: str, seed: int, limit: int | None, every_label: bool) -> Task:
    """A set by document: ``heldout.parquet`` to report on where there is one, else a share of the open half.

    A document's part depends on its id and the seed alone. ``limit`` keeps that many training documents, the first by
    the same hash.

    Args:
        every_label: labels without a training document may be given too; only systems that read names can.
    """
    heldout = data / name / "heldout.parquet"
    rows = _rows(data / name / "open.parquet", seed)
    if heldout.is_file():
        report = [row for _, row in _rows(heldout, seed)]
        tune = [row for place, row in rows if place < TUNE]
        training = [row for place, row in rows if place >= TUNE]
    else:
        report = [row for place, row in rows if place < REPORT]
        tune = [row for place, row in rows if REPORT <= place < REPORT + TUNE]
        training = [row for place, row in rows if place >= REPORT + TUNE]
    training = training[:limit]
    counts = Counter(label for row in training for label in row["labels"])
    others = {label for row in tune + report for label in row["labels"]} - counts.keys()
    number = {label: place for place, label in enumerate([*sorted(counts), *sorted(others)])}
    known = list(number) if every_label else list(number)[: len(counts)]
    words = label_names(data, name)
    return Task(
        name,
        _part(training, number),
        _part(tune, number),
        _part(report, number),
        [_named(name, label, words) for label in known],
        np.array([counts[label] for label in number]),
    )


def _rows(path: Path, seed: int) -> list[tuple[float, dict[str, Any]]]:
    """Labelled documents with their place in [0, 1), in that order."""
    found = []
    for row in pq.read_table(path, columns=["id", "title", "text", "labels"]).to_pylist():
        digest = hashlib.blake2b(f"{seed}\0{row['id']}".encode(), digest_size=8).digest()
        if row["labels"]:
            found.append((int.from_bytes(digest, "big") / 2**64, row))
    return sorted(found, key=lambda pair: pair[0])


def _part(rows: list[dict[str, Any]], number: dict[str, int]) -> Part:
    texts, gold = [], []
    for row in rows:
        title, text = row["title"] or "", row["text"] or ""
        texts.append(text if text.startswith(title) or title in text[: 2 * len(title)] else f"{title}\n\n{text}")
        gold.append(frozenset(number[label] for label in row["labels"]))
    return Part(texts, gold)


def _named(name: str, label: str, words: dict[str, str]) -> str:
    """A label in words; labels with a facet keep it, as it tells the language from the topic: "lang perl"."""
    if name in FACETED:
        facet = label.split(":", 1)[0].replace("-", " ") if name == "debtags" else ""
        return f"{facet} {in_words(name, label, words)}".strip() or label
    return in_words(name, label, words) or label


def write(task: Task, folder: Path) -> None:
    """What a system may see: training texts with labels, names, and the texts alone of the other parts."""
    folder.mkdir(parents=True, exist_ok=True)
    seen: dict[str, Any] = {
        "names": task.names,
        "texts": task.training.texts,
        "labels": [sorted(own) for own in task.training.gold],
        "tune": task.tune.texts,
        "report": task.report.texts,
    }
    (folder / "task.json").write_text(json.dumps(seen), encoding="utf-8")
