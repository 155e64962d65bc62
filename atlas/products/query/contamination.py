"""Is a benchmark's text in a run? By word n-grams.

After Brown et al., Language Models are Few-Shot Learners (2020), appendix C: an item is suspect if one of its 13-grams
stands in the corpus; items that are shorter count as one n-gram, from 8 words on; n-grams in more than ten documents
are common phrases and tell nothing. How much of an item is covered says more (Chowdhery et al., PaLM, 2022, section 8;
Touvron et al., Llama 2, 2023, appendix A.6, who call items of 80 % and more dirty), and an item that is covered so far
is suspect however common its n-grams are: it may just be in the corpus many times.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from atlas.products.query import named
from atlas.products.query.asked import Asked
from atlas.products.query.items import Items
from atlas.products.query.ngrams import Lookup, grams, hashed, words
from atlas.products.query.scan import Chunk, Found, scan

NGRAM, SHORTEST, COMMON = 13, 8, 10
MOSTLY = 0.8  # share of an item's words from which it is as good as in the corpus
PLACES = 3


@dataclass(frozen=True, slots=True)
class Match:
    """An item that is in the run: its words, the share of them in matching n-grams, and the longest run of such.

    ``chunks``: where its n-grams first begin, the chunk with most of them first.
    """

    item: str
    words: int
    covered: float
    longest: int
    run: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Contamination:
    """What a benchmark and a run have in common. ``matches``: suspect items, most covered first."""

    items: int
    refused: int
    too_short: int
    ngram: int
    common: int
    matches: tuple[Match, ...]

    @property
    def told(self) -> int:
        """Items that are long enough to tell."""
        return self.items - self.too_short

    @property
    def mostly(self) -> int:
        """Items of which at least 80 % of the words stand in the run."""
        return sum(match.covered >= MOSTLY for match in self.matches)


def contamination(
    asked: Asked, items: Items, *, ngram: int = NGRAM, common: int = COMMON, threads: int = 1
) -> Contamination:
    """Items with an n-gram in the run's texts.

    Args:
        ngram: words of an n-gram. common: n-grams in more documents of the run, or items, than this tell nothing.

    Raises:
        AtlasError: the run stores no text.
    """
    asked.need_text()
    table = _Table.of(items, ngram)
    found = scan(asked.run.folder.filesystem, asked.parts, table.lookups, threads) if table.lookups else Found()
    documents = [np.zeros(len(lookup.numbers), np.int64) for lookup in table.lookups.values()]
    place_of = dict(zip(table.lookups, documents, strict=True))
    for (length, place), number in found.documents.items():
        place_of[length][place] = number
    matches = []
    for item in table.told():
        length, places = table.grams_of(item)
        held = place_of[length][places]
        rare = (held > 0) & (held <= common) & (table.sharing(length, places) <= common)
        if held.any():
            match = _match(items, item, length, places, held > 0, rare, found)
            if rare.any() or match.covered >= MOSTLY:
                matches.append(match)
    matches.sort(key=lambda match: (-match.covered, -match.words, match.item))
    return Contamination(len(items), items.refused, len(items) - len(table.told()), ngram, common, tuple(matches))


@dataclass(frozen=True)
class _Table:
    """The n-grams of a benchmark. An item has those of one length: ``ngram``, or all its words where they are fewer.

    ``starts``: where each item's words begin among all words, int64 [items + 1]. ``places``: for the word that each
    n-gram begins with, its place in the lookup of its length, int64 [words]; -1 where none begins. ``items``: by
    length, how many items have each n-gram.
    """

    starts: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    lookups: dict[int, Lookup]
    items: dict[int, np.ndarray]

    @classmethod
    def of(cls, items: Items, ngram: int) -> "_Table":
        numbers, of_item = hashed(items.texts)
        sizes = np.bincount(of_item, minlength=len(items)).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        lengths = np.where(sizes < min(SHORTEST, ngram), 0, np.minimum(sizes, ngram))
        places = np.full(len(numbers), -1, np.int64)
        lookups, sharing = {}, {}
        for length, rolled in grams(numbers, ngram):
            begin = np.flatnonzero(
                (lengths[of_item[: len(rolled)]] == length) & (of_item[: len(rolled)] == of_item[length - 1 :])
            )
            if len(begin):
                lookups[length] = Lookup(rolled[begin])
                places[begin] = np.searchsorted(lookups[length].numbers, rolled[begin])
                pairs = np.unique(np.stack([places[begin], of_item[begin]]), axis=1)
                sharing[length] = np.bincount(pairs[0], minlength=len(lookups[length].numbers))
        return cls(starts, lengths, places, lookups, sharing)

    def told(self) -> list[int]:
        """Items that are long enough to tell."""
        return np.flatnonzero(self.lengths).tolist()

    def grams_of(self, item: int) -> tuple[int, np.ndarray]:
        """The length of an item's n-grams and their places in its lookup, in order."""
        length, start, end = int(self.lengths[item]), self.starts[item], self.starts[item + 1]
        return length, self.places[start : end - length + 1]

    def sharing(self, length: int, places: np.ndarray) -> np.ndarray:
        """How many items have each n-gram."""
        return self.items[length][places]


def _match(
    items: Items, item: int, length: int, places: np.ndarray, held: np.ndarray, rare: np.ndarray, found: Found
) -> Match:
    covered = np.zeros(len(places) + length - 1, dtype=bool)
    for start in np.flatnonzero(held):
        covered[start : start + length] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], covered.astype(np.int8), [0]])))
    runs = edges.reshape(-1, 2)
    begin, end = runs[np.argmax(runs[:, 1] - runs[:, 0])].tolist()
    telling = np.flatnonzero(rare if rare.any() else held)
    chunks = Counter(found.first[length, int(places[start])] for start in telling)
    written = words(items.texts[item : item + 1])[0].as_py()
    return Match(
        items.ids[item].as_py(),
        len(covered),
        float(covered.mean()),
        end - begin,
        " ".join(written[begin:end]),
        tuple(chunk for chunk, _ in chunks.most_common(PLACES)),
    )


def texts(connection: duckdb.DuckDBPyConnection, asked: Asked, matches: Sequence[Match]) -> dict[Chunk, str]:
    """The text of the first chunk of each match."""
    found: dict[Chunk, str] = {}
    for doc_id, chunk_id in dict.fromkeys(match.chunks[0] for match in matches):
        rows = connection.execute(
            f"select text from {named.view(asked, 'chunks')} where doc_id = $d and chunk_id = $c",
            {"d": doc_id, "c": chunk_id},
        ).fetchall()
        found[doc_id, chunk_id] = rows[0][0] or ""
    return found
