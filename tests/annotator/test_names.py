"""Names of concepts in chunks: found where they stand, by how much of them does, and never inside another word."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.annotator.features import Featurizer
from atlas.annotator.kernels import FLOOR, PARTLY, PHRASE, SCATTERED, find, note_places, room, standings
from atlas.annotator.names import name_index
from atlas.chunking.tokenizer import tokenizer
from atlas.library.concept import Concept

CL100K = tokenizer("cl100k_base")
FEATURIZER = Featurizer("cl100k_base", 1024)
WORDS = ("heart", "valve", "blood", "table", "hash", "tide", "river")


class Standing(NamedTuple):
    kind: int
    covered: float
    first: int
    times: int
    whole: bool


def word(text: str) -> int:
    [number] = FEATURIZER.fold([CL100K.encode(" " + text)]).flat
    return int(number)


def idf_of(weights: Mapping[str, float]) -> np.ndarray:
    """One for every word but those given."""
    idf = np.ones(FEATURIZER.width, dtype=np.float32)
    for text, weight in weights.items():
        idf[word(text)] = weight
    return idf


def standing(names: list[str], text: str, **weights: float) -> dict[str, Standing]:
    """What is found in a text, by name; every name is a concept's own."""
    concepts = [Concept(number, "content", name, "x") for number, name in enumerate(names, 1)]
    index = name_index(concepts, FEATURIZER, idf_of(weights))
    own = FEATURIZER.fold([CL100K.encode(text)]).flat
    place_of, found = np.full(FEATURIZER.words, -1, dtype=np.int32), room(64)
    note_places(own, place_of)
    count = find(index, own, place_of, np.empty(len(own), dtype=np.int32), found)
    given = {}
    for row in range(count):
        values = (found.kinds[row], found.covered[row], found.firsts[row], found.times[row], found.whole[row])
        given[names[index.owners[found.names[row]]]] = Standing(*(value.item() for value in values))
    assert len(given) == count  # no name twice
    return given


def test_words_of_a_name_in_a_row_are_a_phrase() -> None:
    [(name, found)] = standing(["Heart valve"], " The heart valves close.").items()
    assert name == "Heart valve"
    assert (found.kind, found.first, found.times, found.whole) == (PHRASE, 1, 1, True)
    assert found.covered == pytest.approx(1)


@pytest.mark.parametrize("text", [" The valve of the heart.", " valve heart", " A heart, and then a valve."])
def test_words_of_a_name_out_of_order_or_apart_are_scattered(text: str) -> None:
    found = standing(["Heart valve"], text)["Heart valve"]
    assert (found.kind, found.times, found.whole) == (SCATTERED, 0, False)
    assert found.covered == pytest.approx(1)


def test_name_of_which_most_stands_is_partly_there_and_one_of_which_little_stands_is_not() -> None:
    # Of the name's mass the first word has 9 / 10, the second 1 / 10: idf counts by its square.
    rare_alone = standing(["Heart valve"], " A heart.", heart=3, valve=1)["Heart valve"]
    assert (rare_alone.kind, rare_alone.times, rare_alone.whole) == (PARTLY, 0, False)
    assert rare_alone.covered == pytest.approx(0.9)
    assert rare_alone.covered >= FLOOR
    assert standing(["Heart valve"], " A valve.", heart=3, valve=1) == {}


def test_name_without_its_rarest_word_is_not_there() -> None:
    assert standing(["Heart valve blood"], " Valve and blood.", heart=5) == {}


def test_name_inside_a_longer_name_alone_is_not_whole() -> None:
    names = ["Heart", "Heart valve"]
    inside = standing(names, " The heart valve closes.")
    assert {name: found.whole for name, found in inside.items()} == {"Heart": False, "Heart valve": True}
    both = standing(names, " The heart valve closes; the heart pumps.")
    assert {name: found.whole for name, found in both.items()} == {"Heart": True, "Heart valve": True}
    assert (both["Heart"].first, both["Heart"].times) == (1, 2)


def test_name_inside_the_end_of_a_longer_name_is_not_whole() -> None:
    found = standing(["Valve", "Heart valve"], " The heart valve closes.")
    assert (found["Valve"].whole, found["Heart valve"].whole) == (False, True)


def test_name_that_only_overlaps_a_longer_name_is_whole() -> None:
    found = standing(["Heart valve blood", "Blood river", "Table heart"], " table heart valve blood river")
    assert all(one.kind == PHRASE for one in found.values())
    assert {name: one.whole for name, one in found.items()} == dict.fromkeys(found, True)


def test_first_place_is_that_of_the_phrase_and_else_of_any_word() -> None:
    phrase = standing(["Heart valve"], " A valve, a heart, a heart valve, a heart valve.")["Heart valve"]
    assert (phrase.kind, phrase.first, phrase.times) == (PHRASE, 5, 2)
    scattered = standing(["Heart valve"], " So a valve of the heart.", heart=3)["Heart valve"]
    assert (scattered.kind, scattered.first) == (SCATTERED, 2)


def test_name_of_one_word_twice_is_found_as_often_as_it_stands() -> None:
    found = standing(["Tide tide"], " tide tide and tide and tide tide")["Tide tide"]
    assert (found.kind, found.first, found.times) == (PHRASE, 0, 2)


@pytest.mark.parametrize("name", ["C#", "C++", "F#", "C", "#", "!?", " "])
def test_name_that_folding_would_change_is_never_found(name: str) -> None:
    found = standing([name, "Heart"], " c C# C++ f F# heart # !? C")
    assert {one: given.kind for one, given in found.items()} == {"Heart": PHRASE}


@pytest.mark.parametrize("name", ["Python (language)", "हिन्दी"])
def test_name_that_ends_with_a_mark_and_is_not_another_without_it_is_found(name: str) -> None:
    assert standing([name], f" About {name} and more.")[name].kind == PHRASE


@pytest.mark.parametrize("text", ["", " ", " ...", " 量子力学は物理学である。"])
def test_chunk_without_a_word_of_any_name_has_none(text: str) -> None:
    assert standing(["Heart valve", "Tide"], text) == {}


def test_no_name_is_found_in_any_chunk() -> None:
    assert standing([], " The heart.") == {}
    assert standing(["C#"], " The heart.") == {}


def test_names_beyond_the_room_are_left_out() -> None:
    concepts = [Concept(number, "content", text, "x") for number, text in enumerate(WORDS, 1)]
    index = name_index(concepts, FEATURIZER, idf_of({}))
    own = FEATURIZER.fold([CL100K.encode(" " + " ".join(WORDS))]).flat
    place_of, found = np.full(FEATURIZER.words, -1, dtype=np.int32), room(3)
    note_places(own, place_of)
    assert find(index, own, place_of, np.empty(len(own), dtype=np.int32), found) == 3


def test_name_aliases_and_members_are_names_of_their_concept() -> None:
    tides = Concept(1, "content", "Tide", "x", aliases=("ebb tide", "Tide"), members={"high water": 3})
    index = name_index([Concept(2, "content", "Heart", "x"), tides], FEATURIZER, idf_of({}))
    assert sorted(index.owners.tolist()) == [0, 1, 1, 1]  # a name that is said twice is one
    assert np.add.reduceat(index.shares, index.starts[:-1]) == pytest.approx(1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), min_size=1, max_size=6, unique=True
    ),
    st.lists(st.sampled_from(WORDS), max_size=12),
)
def test_phrases_are_those_that_reading_word_by_word_finds(names: list[str], words: list[str]) -> None:
    phrases = {name: one for name, one in standing(names, " " + " ".join(words)).items() if one.kind == PHRASE}
    expected = {}
    for name in names:
        own = name.split()
        places = [place for place in range(len(words)) if words[place : place + len(own)] == own]
        if places:
            expected[name] = (places[0], len(places))
    assert {name: (one.first, one.times) for name, one in phrases.items()} == expected


def test_standings_count_chunks_with_the_phrase_and_those_with_its_concept() -> None:
    concepts = [Concept(1, "content", "Heart valve", "x"), Concept(2, "content", "Tide", "x")]
    index = name_index(concepts, FEATURIZER, idf_of({}))
    texts = (" heart valve, heart valve", " a heart valve in the tide", " valve heart", "", " tide", " tide")
    words = FEATURIZER.fold([CL100K.encode(text) for text in texts])
    labels = [[0], [0, 1], [0], [1], [0], [1]]
    starts = np.cumsum([0, *map(len, labels)]).astype(np.int64)
    flat = np.array([column for own in labels for column in own], dtype=np.int32)
    stood, right = standings(index, words.flat, words.starts, starts, flat, FEATURIZER.words)
    assert stood.tolist() == [2, 3]
    assert right.tolist() == [2, 2]
