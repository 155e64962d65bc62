"""How a corpus writes its words decides how concepts are written."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from atlas.canonical.usage import Usage, usage

Table = Callable[..., pa.Table]
TEXT = "We saw robots, and a robot in Oslo, where the robot of Perl and the robot of Oslo met in Oslo, near Oslo."


@pytest.fixture(scope="module")
def written() -> Usage:
    lower = {"robot": 9, "spectral": 20, "animal": 20, "animals": 9, "logic": 5, "stochastic": 6, "optimal": 7}
    modifiers = {"spectral": 30, "animal": 30, "logic": 5, "stochastic": 9, "optimal": 8}
    return Usage(lower, {"perl": 9, "robot": 2}, {"logic": 20, "spectral": 1}, modifiers)


def test_words_within_sentences_and_places_in_tags_are_counted(tag_table: Table) -> None:
    found = usage(tag_table([{"text": TEXT, "content": ["mobile robot", "robot arm", "robot arm", "Oslo"]}]))
    assert found.lower["robot"] == 3
    assert found.capital["oslo"] == 4
    assert (found.heads["robot"], found.modifiers["robot"], found.heads["arm"], found.heads["oslo"]) == (1, 2, 2, 0)


@pytest.mark.parametrize(
    ("given", "cased"),
    [
        ("Mobile Robot", "Mobile robot"),
        ("Pure Perl", "Pure Perl"),
        ("ROBOT Arm", "ROBOT Arm"),
        ("Unseen Words", "Unseen Words"),
    ],
)
def test_capitals_of_titles_go_and_those_of_names_stay(written: Usage, given: str, cased: str) -> None:
    assert written.cased(given) == cased


@pytest.mark.parametrize(
    ("name", "adjective"), [("Spectral", True), ("Animal", False), ("Logic", False), ("robot", False), ("rural", False)]
)
def test_adjectives_stand_before_nouns_and_have_no_plural(written: Usage, name: str, adjective: bool) -> None:
    assert written.is_adjective(name) is adjective


def test_noun_stands_for_its_adjective_and_a_phrase_before_a_quality(written: Usage) -> None:
    assert written.noun(["Stochastic", "stochasticity", "stochastic models", "models"]) == "stochastic models"
    assert written.noun(["optimal", "optimize", "optimality"]) == "optimality"
    assert written.noun(["spectral", "federalism"]) == "spectral"
    assert written.noun(["robot", "robot arm"]) == "robot"
