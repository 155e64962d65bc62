"""How likely each candidate's concept holds: a sieve looks at all candidates of a chunk, a judge at the best of them.

The judge also hears what these say of one another (``company``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from atlas.annotator import ranker
from atlas.annotator.company import heard
from atlas.annotator.postings import Postings
from atlas.annotator.ranker import Ranker
from atlas.annotator.views import Pairs, Tables, Vectors

SIEVE, JUDGE = (16, 8), (48, 24)  # hidden units


class Judges(NamedTuple):
    sieve: Ranker  # of the views
    judge: Ranker  # of the views and what was heard


def fitted(parts: Sequence[tuple[Pairs, Postings, Vectors]], truth: np.ndarray, seed: int) -> tuple[Judges, np.ndarray]:
    """Judges fitted to pairs, and their logits of these.

    Args:
        parts: pairs of chunks that nothing else was learned from, beside the lifts and meanings of what was.
        truth: bool [pairs of all parts].

    Returns:
        Judges, and float32 [pairs of all parts].
    """
    views = np.concatenate([pairs.views for pairs, _, _ in parts])
    sieve = ranker.fitted(views, truth, seed, SIEVE)
    logits = ranker.logits(sieve, views)
    rows, seen, start = [], [], 0
    for pairs, lifts, meaning in parts:
        end = start + len(pairs.columns)
        own, told = heard(*pairs, logits[start:end], lifts, meaning)
        rows.append(start + own)
        seen.append(told)
        start = end
    passed, looked_at = np.concatenate(rows), np.concatenate(seen)
    judge = ranker.fitted(looked_at, truth[passed], seed, JUDGE)
    logits[passed] = ranker.logits(judge, looked_at)
    return Judges(sieve, judge), logits


def logits(judges: Judges, tables: Tables, pairs: Pairs) -> np.ndarray:
    """Float32 [pairs]: the judge's, and the sieve's where a pair did not pass."""
    found = ranker.logits(judges.sieve, pairs.views)
    passed, told = heard(*pairs, found, tables.company, tables.meaning)
    found[passed] = ranker.logits(judges.judge, told)
    return found
