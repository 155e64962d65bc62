"""Held-out quality: the file, and which concepts to show from it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas.errors import AtlasError

LEAST_SUPPORT = 5  # below this, one chunk more or less moves a concept from worst to best
_ERRORS = ("ece", "brier", "loss", "_s", "_mb")  # endings of measures for which less is better


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one concept is found on held-out chunks; ``support`` is the number that carry it.

    ``examples`` are the training chunks that carry it, ``confused_with`` the concepts that were given in its place.
    """

    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None = None
    threshold: float | None = None
    examples: int | None = None
    confused_with: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A system's measures by name, and every concept's quality by id."""

    heldout: Mapping[str, int]
    systems: tuple[tuple[str, Mapping[str, float]], ...]
    concepts: Mapping[int, Quality]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Measures that any system has, in order of first appearance."""
        return tuple(dict.fromkeys(name for _, row in self.systems for name in row))

    def best(self, metric: str) -> float | None:
        """The best value of a measure; None where fewer than two systems have it."""
        values = [row[metric] for _, row in self.systems if metric in row]
        if len(values) < 2:
            return None
        return min(values) if less_is_better(metric) else max(values)


def less_is_better(metric: str) -> bool:
    return metric.endswith(_ERRORS) and not metric.endswith("_per_s")


def read(path: Path) -> Evaluation:
    """Read an evaluation file.

    Raises:
        AtlasError: it is missing, no JSON, or lacks what every evaluation has.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        systems = tuple((str(row["system"]), _measures(row)) for row in raw.get("systems", ()))
        concepts = {int(row["concept_id"]): _quality(row) for row in raw.get("concepts", ())}
        heldout = {str(key): int(value) for key, value in raw.get("heldout", {}).items() if _is_number(value)}
    except OSError as error:
        raise AtlasError(f"{path}: can't read the evaluation ({error.strerror}); give its JSON file") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AtlasError(
            f"{path}: is no evaluation ({type(error).__name__}: {error}); expected an object with the keys "
            "heldout, systems and concepts, as written by `atlas evaluate`"
        ) from error
    return Evaluation(heldout, systems, concepts)


def _measures(row: Mapping[str, Any]) -> dict[str, float]:
    return {str(key): float(value) for key, value in row.items() if key != "system" and _is_number(value)}


def _quality(row: Mapping[str, Any]) -> Quality:
    def rate(key: str) -> float | None:
        return float(row[key]) if _is_number(row.get(key)) else None

    rates = {key: rate(key) for key in ("precision", "recall", "f1", "roc_auc", "threshold")}
    examples = row.get("examples")
    return Quality(
        int(row["support"]),
        examples=None if examples is None else int(examples),
        confused_with=tuple(int(other) for other in row.get("confused_with", ())),
        **rates,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def judged(concepts: Mapping[int, Quality]) -> list[tuple[int, Quality]]:
    """Concepts with an F1 and enough support to be ranked, best first; all with an F1 where none has."""
    scored = [(id_, q) for id_, q in concepts.items() if q.f1 is not None and q.support > 0]
    enough = [(id_, q) for id_, q in scored if q.support >= LEAST_SUPPORT] or scored
    return sorted(enough, key=lambda item: (-(item[1].f1 or 0.0), -item[1].support, item[0]))
