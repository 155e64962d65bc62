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
            anywhere: documents with it. All whole numbers [items].
        chunks: of the concept. total: chunks of the run.
    """
    here = np.flatnonzero(within >= rules.min_count)  # few of many items, for most concepts: all else looks at these
    favoured = here[
        (within[here] >= overall[here] * (chunks / total) * rules.min_lift) & (documents[here] >= rules.min_documents)
    ]
    due = np.flatnonzero(overall >= rules.min_count * total / max(chunks, 1))
    avoided = due[
        (within[due] * rules.min_lift <= overall[due] * (chunks / total)) & (anywhere[due] >= rules.min_documents)
    ]
    return _best(favoured, within, overall, chunks, total, rules), _best(avoided, within, overall, chunks, total, rules)


def _best(places: np.ndarray, within: np.ndarray, overall: np.ndarray, chunks: int, total: int, rules: Rules) -> Chosen:
    inside, everywhere = within[places].astype(np.int64), overall[places]
    llr = log_likelihood(inside, np.full(len(places), chunks), everywhere, total)
    order = np.lexsort((places, -llr))
    order = order[llr[order] >= rules.min_llr][: rules.most]
    lift = (inside[order] / chunks) / (everywhere[order] / total)
    return Chosen(places[order], lift, llr[order])
