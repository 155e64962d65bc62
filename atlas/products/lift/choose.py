"""Which items a concept's chunks favour, and which they avoid."""

from dataclasses import dataclass

import numpy as np

from atlas.products.export.association import log_likelihood


@dataclass(frozen=True, slots=True)
class Rules:
    """What it takes to be in a set.

    ``most`` items a set; ``min_count`` chunks of the concept with the item, and ``min_documents`` documents (for the
    negative set, chunks that were to be expected, and documents with the item at all); ``min_llr`` log-likelihood
    ratio; ``min_lift`` times more often than in the whole run (or less often, for the negative set): with many chunks
    the smallest difference is significant, so that without it words such as "the" lead the sets of frequent concepts.
    """

    most: int = 50
    min_count: int = 5
    min_documents: int = 3
    min_lift: float = 1.5
    min_llr: float = 15.13  # p = 0.0001; some 60,000 items are tested for each concept


@dataclass(frozen=True, slots=True)
class Chosen:
    """A set: places of items, best first, their lift and log-likelihood ratio."""

    places: np.ndarray
    lift: np.ndarray
    llr: np.ndarray


def sets(
    within: np.ndarray,
    documents: np.ndarray,
    overall: np.ndarray,
    anywhere: np.ndarray,
    chunks: int,
    total: int,
    rules: Rules,
) -> tuple[Chosen, Chosen]:
    """The positive and the negative set of one concept, by log-likelihood ratio; ties by place.

    Args:
        within: chunks of the concept with each item; documents: of these chunks. overall: chunks with each item;
            anywhere: documents with it. All int64 [items].
        chunks: of the concept. total: chunks of the run.
    """  # fmt: skip
    expected = overall * (chunks / total)
    favoured = (within >= expected * rules.min_lift) & (within >= rules.min_count) & (documents >= rules.min_documents)
    avoided = (within * rules.min_lift <= expected) & (expected >= rules.min_count) & (anywhere >= rules.min_documents)
    return _best(favoured, within, overall, chunks, total, rules), _best(avoided, within, overall, chunks, total, rules)


def _best(wanted: np.ndarray, within: np.ndarray, overall: np.ndarray, chunks: int, total: int, rules: Rules) -> Chosen:
    places = np.flatnonzero(wanted)
    inside, everywhere = within[places], overall[places]
    llr = log_likelihood(inside, np.full(len(places), chunks), everywhere, total)
    order = np.lexsort((places, -llr))
    order = order[llr[order] >= rules.min_llr][: rules.most]
    lift = (inside[order] / chunks) / (everywhere[order] / total)
    return Chosen(places[order], lift, llr[order])
