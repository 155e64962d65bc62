"""How likely each candidate's concept holds: a sieve looks at all candidates of a chunk, a judge at the best of them.

The judge also hears what these say of one another (``company``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from atlas.annotator import ranker
from atlas.annotator.company import heard
from atlas.annotator.postings import Postings
from atlas.annotator.ranker import Loss, Ranker, cross_entropy
from atlas.annotator.views import Pairs, Tables, Vectors

SIEVE, JUDGE = (16, 8), (96, 48)  # hidden units


class Judges(NamedTuple):
    sieve: Ranker  # of the views
    judge: Ranker  # of the views and what was heard


def fitted(
    parts: Sequence[tuple[Pairs, Postings, Vectors]], truth: np.ndarray, seed: int, loss: Loss = cross_entropy
) -> tuple[Judges, np.ndarray]:
    """Judges fitted to pairs, and logits of these to calibrate by.

    Args:
        parts: pairs of chunks that nothing else was learned from, beside the lifts and meanings of what was.
        truth: bool [pairs of all parts], or what ``loss`` makes of float32.

    Returns:
        Judges, and float32 [pairs of all parts]: for what passes those of judges that were fitted to other chunks, as
        the judge that was fitted to all is surer of these than it will be of new ones.
    """
    views = np.concatenate([pairs.views for pairs, _, _ in parts])
    sieve = ranker.fitted(views, truth, seed, SIEVE, loss)
    logits = ranker.logits(sieve, views)
    rows, seen, start = [], [], 0
    for pairs, lifts, meaning in parts:
        end = start + len(pairs.columns)
        own, told = heard(*pairs, logits[start:end], lifts, meaning)
        rows.append(start + own)
        seen.append(told)
        start = end
    passed, looked_at = np.concatenate(rows), np.concatenate(seen)
    holds = truth[passed]
    judge = ranker.fitted(looked_at, holds, seed, JUDGE, loss)
    heads = _drawn([pairs for pairs, _, _ in parts], seed)[passed]
    logits[passed] = ranker.logits(judge, looked_at)
    if heads.any() and not heads.all():
        for half in (heads, ~heads):
            other = ranker.fitted(looked_at[~half], holds[~half], seed, JUDGE, loss)
            logits[passed[half]] = ranker.logits(other, looked_at[half])
    return Judges(sieve, judge), logits


def _drawn(parts: Sequence[Pairs], seed: int) -> np.ndarray:
    """Half of the chunks, drawn, as whether each pair of all parts is of one of them; bool [pairs]."""
    generator = np.random.default_rng([seed, 2])  # another stream than of what is drawn by the seed alone
    return np.concatenate([(generator.random(len(pairs.starts) - 1) < 0.5)[pairs.rows] for pairs in parts])


def logits(judges: Judges, tables: Tables, pairs: Pairs) -> np.ndarray:
    """Float32 [pairs]: the judge's, and the sieve's where a pair did not pass."""
    found = ranker.logits(judges.sieve, pairs.views)
    passed, told = heard(*pairs, found, tables.company, tables.meaning)
    found[passed] = ranker.logits(judges.judge, told)
    return found
