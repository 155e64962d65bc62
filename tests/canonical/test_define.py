"""Definitions are taken from the text, and only where a sentence defines."""

import pytest

from atlas.canonical.define import definition


@pytest.mark.parametrize(
    ("topic", "passage", "said"),
    [
        (
            "osmosis",
            "We look at cells. Osmosis is the movement of water across a membrane. So it goes.",
            "Osmosis is the",
        ),
        ("hash table", "A hash table is a data structure that maps keys to values.", "A hash table is"),
        (
            "opportunity cost",
            "Opportunity costs are the benefits that a choice gives up for good.",
            "Opportunity costs",
        ),
        ("DNA", "DNA (deoxyribonucleic acid) is a molecule that holds the instructions of life.", "DNA (deoxy"),
    ],
)
def test_sentence_that_defines_the_topic_is_found(topic: str, passage: str, said: str) -> None:
    assert definition(topic, [passage]).startswith(said)


@pytest.mark.parametrize(
    "passage",
    [
        "Osmosis is the problem that we study in this paper, among many others.",
        "Reverse osmosis is a process that removes ions from drinking water.",
        "Osmosis is a",
        "osmosis is the movement of water across a semipermeable membrane.",
        "The pump works by osmosis is the opinion of a single engineer alone.",
    ],
    ids=["leans on its text", "another topic", "breaks off", "begins inside a sentence", "topic in the middle"],
)
def test_other_sentences_define_nothing(passage: str) -> None:
    assert definition("osmosis", [passage]) == ""
