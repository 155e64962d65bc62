"""On how many chunks and documents of a concept each item is: counted exactly, some concepts at a time."""

import numpy as np
from numba import njit

CHUNKS, DOCUMENTS, LAST = 0, 1, 2
CELL = 12  # bytes: three of uint32


def room(concepts: int, items: int) -> np.ndarray:
    """Empty cells, uint32 [concepts, items, 3]: chunks, documents, and the document seen last."""
    return np.zeros((concepts, items, 3), np.uint32)


@njit(cache=True)
def add(
    concepts: np.ndarray,
    concept_sizes: np.ndarray,
    items: np.ndarray,
    item_sizes: np.ndarray,
    documents: np.ndarray,
    lookup: np.ndarray,
    cells: np.ndarray,
) -> None:
    """Count the items of chunks for some concepts.

    Args:
        concepts: line of each label's concept, chunk after chunk, −1 where it is not counted.
        items: different items of each chunk, likewise.
        documents: number of each chunk's document, uint32, from 1; a document's chunks follow one another.
        lookup: item → column of ``cells``, −1 where it is not counted.
    """
    label, item = 0, 0
    for row in range(len(documents)):
        item_end = item + item_sizes[row]
        document = documents[row]
        for _ in range(concept_sizes[row]):
            concept = concepts[label]
            label += 1
            if concept < 0:
                continue
            mine = cells[concept]
            for i in range(item, item_end):
                column = lookup[items[i]]
                if column >= 0:
                    mine[column, 0] += np.uint32(1)
                    if mine[column, 2] != document:
                        mine[column, 2] = document
                        mine[column, 1] += np.uint32(1)
        item = item_end
