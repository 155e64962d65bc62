"""Concepts find the deepest subject that their nearest subjects agree on, or no place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.canonical import outline as outlines
from atlas.canonical.outline import CLASSES, compiled, outline, read
from atlas.canonical.place import Placement, place_vectors, words
from atlas.canonical.subjects import placed, places, unplaced
from atlas.library.concept import Concept, Library

ROWS = [
    "QC1-999\t\tPhysics",
    "QC350-467\tQC1-999\tOptics. Light",
    "QC450-467\tQC350-467\tSpectroscopy",
    "QC501-766\tQC1-999\tElectricity",
    "QC501-502\tQC501-766\tHistory",
    "S1-972\t\tAgriculture",
    "K1-36\t\tJurisprudence",
]
SMALL = read(ROWS, ["QC350-467: lenses; mirrors", "S: soil"])


def unit(*weights: float) -> np.ndarray:
    return np.array(weights, dtype=np.float32) / np.linalg.norm(weights)


def voters() -> np.ndarray:
    """Each voter of SMALL in a direction of its own; the notes on optics are near the node."""
    assert [text for _, text in SMALL.voters] == [
        "Physics", "Optics. Light", "Spectroscopy", "Electricity", "Agriculture", "Jurisprudence",
        "lenses", "mirrors", "soil",
    ]  # fmt: skip
    return np.eye(9, dtype=np.float32)


def test_votes_for_one_field_lead_to_it_and_for_several_to_what_is_above_them() -> None:
    optics = unit(0, 1, 0, 0, 0, 0, 1, 1, 0)
    physics = unit(1, 0.9, 0, 0.9, 0, 0, 0, 0, 0)
    found = place_vectors(np.stack([optics, physics]), voters(), SMALL, 0.0)
    assert [place and place.taxonomy for place in found] == ["Science / Physics / Optics. Light", "Science / Physics"]
    assert [place and place.code for place in found] == ["QC350-467", "QC1-999"]


def test_a_step_is_not_said_twice() -> None:
    (soil,) = place_vectors(unit(0, 0, 0, 0, 1, 0, 0, 0, 1)[None], voters(), SMALL, 0.0)
    assert soil is not None
    assert soil.path == ("Agriculture",)


def test_no_place_is_better_than_a_guess() -> None:
    vague = unit(1, 0, 0, 0, 1, 1, 0, 0, 0)
    clear = unit(0, 1, 0, 0, 0, 0, 1, 1, 0)
    unsure, sure = place_vectors(np.stack([vague, clear]), voters(), SMALL, 0.0)
    assert unsure is not None and sure is not None
    assert unsure.confidence < sure.confidence
    between = (unsure.confidence + sure.confidence) / 2
    assert [p is not None for p in place_vectors(np.stack([vague, clear]), voters(), SMALL, between)] == [False, True]


def test_near_concepts_help_each_other() -> None:
    vague = unit(0, 1, 0, 0, 1.02, 0, 0, 0, 0)
    alone = place_vectors(vague[None], voters(), SMALL, 0.0)[0]
    clear = [unit(0, 1, 0, 0, 0.55, 0, 0.2, 0.2 + i / 50, 0) for i in range(5)]
    among = place_vectors(np.stack([vague, *clear]), voters(), SMALL, 0.0)[0]
    assert alone is not None and among is not None
    assert among.path[0] == "Science"
    assert among.confidence > 0.5


def test_nothing_and_one_concept_are_no_special_case() -> None:
    assert place_vectors(np.zeros((0, 9), dtype=np.float32), voters(), SMALL, 0.0) == []
    assert len(place_vectors(voters()[:1], voters(), SMALL, 0.0)) == 1


def test_places_do_not_hang_on_the_order_of_concepts() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 9)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.random.default_rng(2).permutation(40)
    forth = place_vectors(vectors, voters(), SMALL, 0.0)
    back = place_vectors(vectors[order], voters(), SMALL, 0.0)
    assert [forth[i] and forth[i].code for i in order] == [place and place.code for place in back]


def test_parents_are_the_narrowest_ranges_around() -> None:
    nodes = [
        {"id": "QC350-467", "prefix": "QC", "start": 350, "stop": 467, "subject": "Optics.  Light"},
        {"id": "QC1-999", "prefix": "QC", "start": 1, "stop": 999, "subject": "Physics (General)"},
        {"id": "QC501", "prefix": "QC", "start": 501, "stop": 501, "subject": "Either/or, etc."},
        {"id": "QC450-467", "prefix": "QC", "start": 450, "stop": 467, "subject": "Spectroscopy."},
        {"id": "QD1", "prefix": "QD", "start": 1, "stop": 1, "subject": "Chemistry"},
    ]
    assert compiled(nodes) == [
        "QC1-999\t\tPhysics",
        "QC350-467\tQC1-999\tOptics. Light",
        "QC450-467\tQC350-467\tSpectroscopy",
        "QC501\tQC1-999\tEither-or",
        "QD1\t\tChemistry",
    ]


def test_the_outline_that_ships_is_whole() -> None:
    tree = outline()
    assert len(tree.nodes) == 8212
    assert {node.letter for node in tree.nodes} == set(CLASSES)
    assert {node.letter for node in (tree.nodes[i] for i, _ in tree.voters)} == set(CLASSES)
    assert all(node.parent < i for i, node in enumerate(tree.nodes))
    assert not [step for node in tree.nodes for step in node.path if "/" in step or not step]
    (optics,) = [node for node in tree.nodes if node.code == "QC350-467"]
    assert optics.path == ("Science", "Physics", "Optics. Light")


@pytest.mark.parametrize("subject", ["General", "History", "By period", "Dictionaries. Encyclopedias", "20th century"])
def test_divisions_have_no_votes(subject: str) -> None:
    assert outlines.Node("A1", subject, -1, (subject,)).is_division


@pytest.mark.parametrize("subject", ["Optics. Light", "Historiography", "Modern languages", "Statistics and society"])
def test_subjects_are_no_divisions(subject: str) -> None:
    assert not outlines.Node("A1", subject, -1, (subject,)).is_division


def test_what_places_a_concept_is_names_and_what_a_person_wrote() -> None:
    members = {"tide": 9, "flows": 3, "currents": 2, "waves": 1}
    made = Concept(1, "content", "Tides", "Passages about tides.", aliases=("ebb",), members=members)
    assert words(made) == "Tides. Also called ebb, flows, currents"
    assert words(Concept(1, "content", "Tides", "Rise and fall of the sea.")) == "Tides. Rise and fall of the sea."


def test_package_holds_what_the_notice_says() -> None:
    assert "lcc-pdf-to-json" in (Path(__file__).parents[2] / "NOTICE").read_text()


def test_places_of_a_library_say_how_sure_they_are_and_leave_others_as_they_are() -> None:
    library = Library((Concept(1, "content", "Lenses", "Bent glass."), Concept(2, "content", "Tax", "Money.")))
    place = Placement(("Science", "Physics"), "QC1-999", 0.87654)
    after = placed(library, {1: place})
    assert (after.by_id[1].taxonomy, after.by_id[1].confidence) == ("Science / Physics", 0.88)
    assert after.by_id[2] == library.by_id[2]
    assert after.digest == library.digest


class Directions:
    """A sentence model to which each topic, named by its number, lies in a direction of its own."""

    def __init__(self, count: int) -> None:
        generator = np.random.default_rng(5)
        near = voters()[generator.integers(0, 9, count)] + 1.5 * generator.normal(size=(count, 9))
        self.vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)

    def encode(self, texts: list[str]) -> np.ndarray:
        return self.vectors[[int(text) for text in texts]]


def test_a_second_look_at_the_same_topics_places_no_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas.canonical.subjects.outline", lambda: SMALL)
    monkeypatch.setattr("atlas.canonical.subjects.subject_vectors", lambda *_: voters())
    model: Any = Directions(60)
    library = Library(tuple(Concept(i, "content", str(i), f"Passages about {i}.") for i in range(60)))
    found = places(library, model)
    assert 0 < len(found) < 60
    assert places(placed(library, found), model) == {}


def test_places_that_people_wrote_are_asked_for_only_where_someone_says_so() -> None:
    library = Library(
        (
            Concept(1, "content", "Lenses", "Bent glass."),
            Concept(2, "content", "Tides", "The sea.", taxonomy="Science", confidence=0.9),
            Concept(3, "content", "Rowing", "A sport.", taxonomy="Boats"),
            Concept(4, "content", "Tax", "Money.", taxonomy="Money", confidence=0.9),
            Concept(5, "content", "Chess", "A game.", taxonomy="Games", confidence=0.9, locked=True),
            Concept(6, "entity", "Oslo", "A city.", taxonomy="Places", confidence=0.9),
        )
    )

    def asked(**how: Any) -> list[int]:
        return [concept.id for concept in unplaced(library, **how)]

    assert asked() == [1]
    assert asked(every=True) == [1, 2, 4]
    assert asked(every=True, edited={4}) == [1, 2]
    assert asked(by_people=True, edited={4}) == [1, 3, 4]
    assert asked(every=True, by_people=True) == [1, 2, 3, 4]
