"""Which known concept a name means: what is looked at, what the network sees, and what is found."""

import numpy as np
import pytest

from atlas.canonical.candidates import WAYS, best, candidates, familiarity, looked_at
from atlas.canonical.cover import covered
from atlas.canonical.link import inputs, rank
from atlas.canonical.same import shipped
from atlas.canonical.search import by_name, search
from atlas.canonical.strings import Strings, taken_apart
from atlas.library.concept import Concept, Counts, Library
from atlas.models.encoder import encoder
from atlas.models.static import static_encoder

EMBED, QUICK = encoder("all-minilm-l6-v2").encode, static_encoder("all-minilm-l6-v2").encode
TARGETS = ["java-native-interface", "javascript", "google-maps", "google-analytics", "python-requests", "html", "css"]
QUERIES = ["jni", "js", "google-maps-api", "requests", "hypertext-markup-language", "css3", "goo"]
COUNTS = [400, 2_000_000, 900, 500, 3000, 10, 0]


@pytest.fixture(scope="module")
def strings() -> Strings:
    return taken_apart([*TARGETS, *QUERIES], EMBED([*TARGETS, *QUERIES]))


def test_a_name_is_linked_to_its_concept_before_others() -> None:
    found = rank(QUERIES[:4], TARGETS, EMBED, QUICK, COUNTS)
    assert [TARGETS[row] for row in found.rows[:, 0]] == [
        "java-native-interface", "javascript", "google-maps", "python-requests",
    ]  # fmt: skip
    assert (found.log_odds[:, 1:] <= found.log_odds[:, :-1]).all()


def test_what_a_name_means_does_not_hang_on_what_else_is_asked() -> None:
    alone = rank(QUERIES[1:2], TARGETS, EMBED, QUICK, COUNTS)
    assert TARGETS[alone.rows[0, 0]] == "javascript"


def test_nothing_known_or_nothing_asked_is_linked_to_nothing() -> None:
    assert (rank(["js"], [], EMBED, QUICK).rows == -1).all()
    assert rank([], TARGETS, EMBED, QUICK).rows.shape == (0, 10)


def test_a_target_that_nobody_counted_is_neither_frequent_nor_rare() -> None:
    used = familiarity([1, 0, 100, 10])
    assert used[1] == used[3] == 0
    assert used[0] < 0 < used[2]
    assert (familiarity([0, 0]) == 0).all()
    assert familiarity([]).shape == (0,)


@pytest.mark.parametrize(
    ("query", "target", "way"),
    [
        ("jni", "java-native-interface", "initials"),
        ("hypertext-markup-language", "html", "contracts_back"),
        ("js", "javascript", "contracts"),
        ("css3", "css", "begins"),
        ("goo", "google-maps", "extends"),
    ],
)
def test_names_are_looked_at_for_how_they_are_spelt(strings: Strings, query: str, target: str, way: str) -> None:
    pairs, seen = looked_at(strings, familiarity(COUNTS))
    row = pairs.tolist().index([TARGETS.index(target), len(TARGETS) + QUERIES.index(query)])
    assert seen[row, 7 + WAYS.index(way)] == 1


def test_pairs_come_by_query_each_once(strings: Strings) -> None:
    pairs, _ = looked_at(strings, familiarity(COUNTS))
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (np.diff(pairs[:, 1]) >= 0).all()


def test_the_likeliest_of_each_query_are_kept(strings: Strings) -> None:
    pairs = np.array([[0, 5], [1, 5], [2, 5], [0, 6]])
    assert best(pairs, np.array([0.1, 0.9, 0.5, -3]), 2).tolist() == [1, 2, 3]
    kept, seen, odds = candidates(strings, familiarity(COUNTS), shipped()["choice"], 3)
    assert np.bincount(kept[:, 1])[len(TARGETS) :].max() == 3
    assert len(kept) == len(seen) == len(odds)


def test_the_shipped_network_takes_what_it_is_shown(strings: Strings) -> None:
    pairs, seen, odds = candidates(strings, familiarity(COUNTS), shipped()["choice"])
    values = inputs(strings, pairs, seen, odds, QUICK)
    assert values.shape == (len(pairs), len(shipped()["link"].mean))
    assert np.isfinite(values).all()


def test_words_cover_each_other_by_the_nearest() -> None:
    strings = taken_apart(["nested class", "inner class", "class"], np.eye(3, dtype=np.float32))
    found = covered(strings, np.array([[0, 1], [2, 0], [0, 0]]), QUICK)
    assert found[2] == pytest.approx([1, 1, 1, 1])
    assert found[1, 0] == pytest.approx(1)
    assert found[1, 1] < 1
    assert 0 < found[0, 0] < 1


LIBRARY = Library(
    tuple(
        Concept(number, "content", name.replace("-", " "), "Words.", counts=Counts(chunks=count))
        for number, (name, count) in enumerate(zip(TARGETS, COUNTS, strict=True), 1)
    )
)


def test_search_finds_a_concept_by_what_it_is_also_called() -> None:
    assert by_name(LIBRARY, "jni", EMBED, QUICK, 3)[0].id == 1
    assert search(LIBRARY, "js", EMBED, QUICK, 3)[0].name == "javascript"
    assert search(LIBRARY, "html", EMBED, QUICK, 3)[0].name == "html"
    assert len(search(LIBRARY, "google", EMBED, QUICK, 4)) == 4


@pytest.mark.parametrize("words", ["", "?!"])
def test_search_for_nothing_ranks_no_name(words: str) -> None:
    assert by_name(LIBRARY, words, EMBED, QUICK, 3) == []
    assert search(Library(()), "sea", EMBED, QUICK, 3) == []
