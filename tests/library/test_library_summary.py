"""A library in numbers."""

from dataclasses import replace

from atlas.library.concept import Concept, Library
from atlas.library.exchange.merge import merge
from atlas.library.exchange.records import NO_ID, Entry
from atlas.library.summary import numbers

TOPIC = Concept(1, "content", "Tides", "Rise and fall of the sea.", taxonomy="Science / Oceanography")
LIBRARY = Library(
    (
        TOPIC,
        Concept(2, "content", "Rowing", "A sport.", taxonomy="Recreation", confidence=0.8),
        Concept(3, "content", "Algebra", "Letters.", taxonomy="Science", confidence=0.9),
        Concept(4, "content", "Things", "Many."),
        Concept(5, "content", "Gone", "It was.", taxonomy="Law", confidence=0.1, status="retired"),
    )
)


def test_places_are_counted_by_who_found_them() -> None:
    found = numbers(LIBRARY)
    assert (found.placed_by_people, found.placed_by_model) == (1, 2)
    assert found.mean_confidence is not None
    assert round(found.mean_confidence, 6) == 0.85
    assert numbers(Library((TOPIC,))).mean_confidence is None


def test_import_that_moves_a_topic_takes_the_old_confidence_away_and_another_leaves_it() -> None:
    read = Entry(replace(TOPIC, id=NO_ID, name="Rowing", taxonomy="Sports"))
    for update, expected in ((True, ("Sports", None)), (False, ("Recreation", 0.8))):
        after = merge(LIBRARY, {}, [read], update=update).library.by_id[2]
        assert (after.taxonomy, after.confidence) == expected
