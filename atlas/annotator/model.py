"""The fast annotator: candidates for each chunk, views of each, and judges that make them a probability.

No chunk is compared with every concept: candidates come from an index (``views``), and all that is learned stands in
arrays that workers of a machine can share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from atlas.annotator.features import Featurizer, weigh
from atlas.annotator.judge import Judges, logits
from atlas.annotator.views import NOT_READ, Pairs, Tables, cosines, pairs_of

# Of written scores and of thresholds, so that what is written reaches its threshold. Calibration is off by more (0.008
# to 0.025), and more decimals take 55 bytes a chunk.
SCORE_DECIMALS = 3
BANDS = (0, 1, 5, 20)  # least training chunks of each frequency band: none, tail, middle, head


class Weights(NamedTuple):
    """All learned arrays; C concepts, F features."""

    concept_ids: np.ndarray  # int32 [C]
    idf: np.ndarray  # float32 [F]
    tables: Tables
    judges: Judges
    knots_x: np.ndarray  # float32 [k]: the judges' logits
    knots_y: np.ndarray  # float32 [k]: calibrated probabilities
    background: np.ndarray  # float32 [2]: slope and intercept of the log odds of no candidate on the cosine of meaning
    thresholds: np.ndarray  # float32 [C]

    @property
    def positives(self) -> np.ndarray:
        """Training chunks with each concept, int32 [C]."""
        return self.tables.positives

    @property
    def meaning(self) -> np.ndarray:
        """What is said of each concept as a vector of length 1, float32 [C, d]; zeros where nothing is known."""
        return self.tables.meaning.values * self.tables.meaning.scales[:, None]


@dataclass(frozen=True, slots=True)
class Scored:
    """Probabilities or logits of chunks' candidates. Chunk i has rows ``starts[i]:starts[i + 1]``, in no order."""

    starts: np.ndarray  # int64 [chunks + 1]
    columns: np.ndarray  # int32 [pairs]: the concept's column
    scores: np.ndarray  # float32 [pairs]

    @property
    def rows(self) -> np.ndarray:
        """Chunk of each pair, int64 [pairs]."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    @classmethod
    def joined(cls, parts: Sequence["Scored"]) -> "Scored":
        """The candidates of the chunks of all parts, one part after the other."""
        if not parts:
            return cls(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
        sizes = np.concatenate([np.diff(part.starts) for part in parts])
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        return cls(starts, np.concatenate([p.columns for p in parts]), np.concatenate([p.scores for p in parts]))


def pairs(weights: Weights, featurizer: Featurizer, tokens: Sequence[np.ndarray], read: np.ndarray = NOT_READ) -> Pairs:
    """Candidates of a batch of chunks, and their views; ``read`` as for ``views.pairs_of``, here and below."""
    words = featurizer.fold(tokens)
    return pairs_of(words, weigh(featurizer.counts(words), weights.idf), weights.tables, read)


def scored(
    weights: Weights, featurizer: Featurizer, tokens: Sequence[np.ndarray], read: np.ndarray = NOT_READ
) -> Scored:
    """Probabilities of each chunk's candidates; every other concept is less likely than can be told apart."""
    found = scored_logits(weights, featurizer, tokens, read)
    return replace(found, scores=calibrate(weights, found.scores))


def scored_logits(
    weights: Weights, featurizer: Featurizer, tokens: Sequence[np.ndarray], read: np.ndarray = NOT_READ
) -> Scored:
    """As ``scored``, with the judges' logits: they still differ where calibration makes one step of many."""
    found = pairs(weights, featurizer, tokens, read)
    return Scored(found.starts, found.columns, logits(weights.judges, weights.tables, found))


def calibrate(weights: Weights, found: np.ndarray) -> np.ndarray:
    """Probabilities of the judges' logits, by linear interpolation between the isotonic knots."""
    return np.interp(found, weights.knots_x, weights.knots_y).astype(np.float32)


def predict(
    weights: Weights, featurizer: Featurizer, tokens: Sequence[np.ndarray], read: np.ndarray = NOT_READ
) -> np.ndarray:
    """Probability of every concept for every chunk, float32 [chunks, C], to evaluate with.

    Concepts that are no candidate have what is usual of such pairs with their cosine of meaning.
    """
    words = featurizer.fold(tokens)
    weighed = weigh(featurizer.counts(words), weights.idf)
    found = pairs_of(words, weighed, weights.tables, read)
    slope, intercept = weights.background
    dense = (1 / (1 + np.exp(-(slope * cosines(words, weighed, weights.tables, read) + intercept)))).astype(np.float32)
    dense[found.rows, found.columns] = calibrate(weights, logits(weights.judges, weights.tables, found))
    return dense
