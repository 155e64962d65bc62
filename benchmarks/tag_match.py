"""When a tag is a label, and how well a set of tags is a set of labels.

The rule: a tag matches a label where their normal forms are equal (``atlas.library.names``), or where the cosine of
their all-MiniLM-L6-v2 vectors is at least 0.6. Each tag may match one label and each label one tag: of all such
pairings the largest is taken (ties by cosine). Precision is the share of tags that are in the pairing, recall the
share of labels. ``f1_any`` is the looser F1 where several tags may match one label and the reverse, which is kinder
to systems that say one thing in several ways.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from atlas.library.names import normal_form
from atlas.models.encoder import encoder

THRESHOLD = 0.6
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Matches:
    """Of one passage: tags, labels, pairs one to one, tags with a match, labels with a match."""

    tags: int
    labels: int
    pairs: int
    tags_any: int
    labels_any: int


class Matcher:
    """Matches tags with labels; each text is embedded once, by the sentence model where nothing else is given."""

    def __init__(self, embed: Callable[[Sequence[str]], np.ndarray] | None = None) -> None:
        self._embed = embed or encoder("all-minilm-l6-v2").encode
        self._known: dict[str, np.ndarray] = {}

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    def hits(self, tags: Sequence[str], labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Which tag matches which label, bool [tags, labels], and the cosines."""
        cosines = self.vectors(tags) @ self.vectors(labels).T
        forms = np.array([[normal_form(tag) == normal_form(label) for label in labels] for tag in tags])
        return (cosines >= THRESHOLD) | forms, cosines

    def matches(self, tags: Sequence[str], labels: Sequence[str]) -> Matches:
        tags, labels = list(dict.fromkeys(tags)), list(dict.fromkeys(labels))
        if not tags or not labels:
            return Matches(len(tags), len(labels), 0, 0, 0)
        hit, cosines = self.hits(tags, labels)
        rows, columns = linear_sum_assignment(-np.where(hit, 2 + cosines, 0))
        pairs = int(hit[rows, columns].sum())
        return Matches(len(tags), len(labels), pairs, int(hit.any(1).sum()), int(hit.any(0).sum()))

    def all(self, tags: Sequence[Sequence[str]], labels: Sequence[Sequence[str]]) -> list[Matches]:
        self.vectors(["", *(text for texts in [*tags, *labels] for text in texts)])  # in one go: many times as fast
        return [self.matches(t, g) for t, g in zip(tags, labels, strict=True)]


def scores(found: Sequence[Matches]) -> dict[str, float]:
    """Precision, recall and F1 over all passages together, and the same without one-to-one."""
    counts = np.array([(m.tags, m.labels, m.pairs, m.tags_any, m.labels_any) for m in found], float)
    return _scores(counts.sum(0))


def _scores(total: np.ndarray) -> dict[str, float]:
    tags, labels, pairs, tags_any, labels_any = total
    precision, recall = pairs / max(tags, 1), pairs / max(labels, 1)
    loose = f1(tags_any / max(tags, 1), labels_any / max(labels, 1))
    return {"precision": precision, "recall": recall, "f1": f1(precision, recall), "f1_any": loose}


def f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def interval(found: Sequence[Matches], seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of F1, over passages."""
    counts = np.array([(m.tags, m.labels, m.pairs, m.tags_any, m.labels_any) for m in found], float)
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(counts), (RESAMPLES, len(counts)))
    resampled = [_scores(counts[draw].sum(0))["f1"] for draw in draws]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)
