"""Which topics are kept: candidates from the model and from the text, weighed alike whatever surrounds them."""

from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library.names import normal_form
from atlas.models.network import Network
from atlas.tagging.choose import FEATURES, OF_PHRASES, Choice, candidates, chosen, probabilities
from atlas.tagging.network_files import read, write
from atlas.tagging.phrases import PHRASES_MOST, WORDS_MOST, phrases, stop_words

PASSAGE = (
    "Coral reefs are bleaching. Warm water drives algae out of the coral, and without algae the coral starves. "
    "Marine biologists measured water temperature on twelve coral reefs near Belize."
)


def embed(texts: Sequence[str]) -> np.ndarray:
    """Letters counted: enough for texts of like letters to be alike."""
    counts = np.array([[text.lower().count(letter) for letter in ascii_lowercase] for text in texts], float)
    return (counts + 0.01) / np.linalg.norm(counts + 0.01, axis=1, keepdims=True)


def choice(**changes: object) -> Choice:
    told = {"weights": {"passage": 4.0, "words": 1.0}, "bias": -3.0, "most": 4, "least": 0.0, "alike": 0.99}
    return Choice(**(told | changes))  # type: ignore[arg-type]


def kept(written: Sequence[str], how: Choice, passage: str = PASSAGE) -> list[str]:
    [found] = candidates([passage], [written], embed)
    return chosen(found, how)


# Phrases


def test_phrases_are_runs_of_words_between_stop_words_and_punctuation() -> None:
    found = phrases("Coral reefs are bleaching. Warm water drives algae out of coral reefs near Belize.")
    assert {"coral reef", "warm water", "algae", "belize"} <= set(found)
    assert found["coral reef"].count == 2
    assert found["coral reef"].first == 0
    assert "bleaching warm" not in found


def test_phrase_is_spelt_as_it_first_stands_without_the_capital_of_its_sentence() -> None:
    found = phrases("Tidal power. The NASA probe left Cape Canaveral.")
    assert found["tidal power"].text == "tidal power"
    assert "NASA" in found["nasa probe"].text
    assert "Cape Canaveral" in {phrase.text for phrase in found.values()}


def test_pieces_of_programs_possessives_and_headings_make_no_phrase() -> None:
    text = "## Queue\n\nreturn this.queue ?? maxTillNow; func struct_pack(a-z) is Elena's way to write C++ templates"
    found = {phrase.text for phrase in phrases(text).values()}
    assert {"queue", "C++", "templates", "Elena"} <= found
    assert not {"this.queue", "maxTillNow", "struct_pack", "func", "a-z", "Elena's", "queue return"} & found


def test_fewer_phrases_are_the_likeliest_of_more() -> None:
    found = phrases(PASSAGE)
    assert len(found) > 2
    assert list(phrases(PASSAGE, 2).items()) == list(found.items())[:2]
    [fewer] = candidates([PASSAGE], [["ecology"]], embed, most=2)
    assert fewer.tags == ["ecology", *(phrase.text for phrase in phrases(PASSAGE, 2).values())]


@settings(deadline=None)
@given(st.text())
def test_phrases_of_any_text_are_few_short_and_start_with_no_stop_word(text: str) -> None:
    found = phrases(text)
    assert len(found) <= PHRASES_MOST
    for form, phrase in found.items():
        assert form
        assert form == normal_form(phrase.text)
        assert len(phrase.text.split()) <= WORDS_MOST
        assert phrase.text.split()[0].lower() not in stop_words()
        assert 0 <= phrase.first <= 1


# Choice


def test_candidates_are_the_models_tags_and_the_texts_phrases_each_once() -> None:
    [found] = candidates([PASSAGE], [["Coral reef", "ecology"]], embed)
    assert found.tags[:2] == ["Coral reef", "ecology"]
    forms = [normal_form(tag) for tag in found.tags]
    assert len(forms) == len(set(forms))
    assert found.written.tolist() == [True, True] + [False] * (len(forms) - 2)
    assert found.features.shape == (len(forms), len(FEATURES))


def test_best_come_first_at_most_so_many() -> None:
    [found] = candidates([PASSAGE], [["ecology"]], embed)
    how = choice(weights={"words": 1.0}, most=3)
    scores = dict(zip(found.tags, probabilities(found, how), strict=True))
    tags = chosen(found, how)
    assert len(tags) == 3
    assert tags[0] == max(scores, key=lambda tag: scores[tag])


def test_unlikely_candidates_are_left_out_but_for_the_models_best() -> None:
    assert kept(["ecology", "zzz"], choice(least=1.0)) == ["ecology"]
    assert kept([], choice(least=1.0)) == []


def test_second_of_two_that_are_alike_is_left_out() -> None:
    how = choice(weights={"written": 5.0}, alike=0.95, most=10)
    assert kept(["coral", "carol", "fuzzy pigs"], how)[:2] == ["coral", "fuzzy pigs"]


def test_passage_gets_the_same_tags_alone_and_among_others() -> None:
    others = ["Nothing of this matters.", PASSAGE, "A hash table maps keys to values."]
    together = candidates(others, [["noise"], ["ecology"], ["hashing"]], embed)
    assert chosen(together[1], choice()) == kept(["ecology"], choice())


@pytest.mark.parametrize("passage", ["", " ", "12 34", "the of and", "猫が好き", "\ud83e"])
def test_passage_without_phrases_keeps_what_the_model_wrote(passage: str) -> None:
    assert "sets" in kept(["sets"], choice(), passage)


def of_kind(candidate: np.ndarray | float, around: np.ndarray | float = 0.0) -> Network:
    """A network of one layer: weights of a candidate's vector, and of its product with the passage's."""
    of_phrases, none = np.zeros(len(OF_PHRASES)), np.zeros(len(ascii_lowercase))
    weights = np.concatenate([of_phrases, none + candidate, none, none + around])[:, None].astype(np.float32)
    inputs = len(weights)
    return Network(np.zeros(inputs, np.float32), np.ones(inputs, np.float32), ((weights, np.zeros(1, np.float32)),))


def test_what_a_candidate_means_may_weigh() -> None:
    word = "zebra crossings"
    difference = 50 * (embed([word])[0] - embed(["reefs"])[0])
    by_kind = {"weights": {"kinds": 1.0}, "bias": 0.0, "most": 1}
    assert kept([word, "reefs"], choice(**by_kind, kinds=of_kind(difference))) == [word]
    assert kept([word, "reefs"], choice(**by_kind, kinds=of_kind(-difference))) != [word]


def weighing(**weights: float) -> Network:
    """A network of one layer over the named features; "kinds" for the log odds of the other network."""
    told = np.array([weights.get(name, 0.0) for name in (*FEATURES, "kinds")])
    inputs = len(told)
    layer = (told[:, None].astype(np.float32), np.zeros(1, np.float32))
    return Network(np.zeros(inputs, np.float32), np.ones(inputs, np.float32), (layer,))


def test_network_may_weigh_in_place_of_weights() -> None:
    [found] = candidates([PASSAGE], [["reefs", "zebra"]], embed)
    how = choice(kinds=of_kind(0.0), weighing=weighing(written=2.0, place=1.0))
    scores = probabilities(found, how)
    assert scores[:2] == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-2.5))], abs=1e-6)
    assert scores[2:] == pytest.approx(np.full(len(scores) - 2, 0.5))


def test_network_that_weighs_is_told_the_log_odds_of_kinds() -> None:
    difference = 5 * (embed(["zebra"])[0] - embed(["reefs"])[0])
    how = choice(kinds=of_kind(difference), weighing=weighing(kinds=3.0), most=1)
    assert kept(["reefs", "zebra"], how) == ["zebra"]


def test_kinds_may_depend_on_the_passage() -> None:
    network = of_kind(0.0, around=50.0)
    about = {
        passage: kept(["bbb", "ccc"], choice(weights={"kinds": 1.0}, most=1, kinds=network), passage)
        for passage in ("bb b", "cc c")
    }
    assert about == {"bb b": ["bbb"], "cc c": ["ccc"]}


def test_network_is_read_as_it_was_written(tmp_path: Path) -> None:
    network, path = of_kind(np.arange(26) / 32), tmp_path / "own.safetensors"
    write(path, network, {"fitted on": "nothing"})
    values = np.ones((2, len(network.mean)), np.float32)
    assert read(str(path)).log_odds(values).tolist() == network.log_odds(values).tolist()


def test_file_that_holds_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(AtlasError, match=r"own.safetensors: not a network that chooses topics"):
        read(str(path))
    with pytest.raises(AtlasError, match="network 'mine': no such file, and none of that name ships with Atlas"):
        read("mine")
