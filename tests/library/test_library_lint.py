"""Each lint rule fires where it should, and nowhere else; search finds by words in a useful order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Concept, Counts, Library
from atlas.library.lint import lint
from atlas.library.search import by_meaning, by_words

SHIPPED = Path(__file__).parents[2] / "concept_library"


def concept(number: int, name: str, facet: str = "content", chunks: int = 0, **more: object) -> Concept:
    more.setdefault("description", f"About {name}, number {number}.")
    return Concept(number, facet, name, counts=Counts(chunks=chunks), **more)  # type: ignore[arg-type]


def found(*concepts: Concept) -> list[tuple[int, str, str]]:
    return [(finding.concept_id, finding.rule, finding.severity) for finding in lint(Library(concepts))]


def test_shipped_library_is_clean() -> None:
    assert lint(store.load(SHIPPED)) == []


def test_library_without_faults_has_no_finding() -> None:
    assert found(concept(1, "Tides"), concept(2, "Tides", "entity"), concept(3, "Calm", "tone")) == []
    assert found() == []


@pytest.mark.parametrize("twin", ["tides", "TIDES", "Tide", "the tides", "Tides."])
def test_names_that_differ_by_spelling_alone_are_twins(twin: str) -> None:
    assert found(concept(1, "Tides"), concept(2, twin)) == [(2, "twin", "error")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (concept(1, "Tides"), concept(2, "Ebb", aliases=("tide",))),
        (concept(1, "Tides", aliases=("ebb",)), concept(2, "Ebb")),
        (concept(1, "Tides", aliases=("ebb",)), concept(2, "Flow", aliases=("Ebbs",))),
    ],
)
def test_aliases_are_names_for_twins(first: Concept, second: Concept) -> None:
    assert found(first, second) == [(2, "twin", "error")]


def test_twin_finding_names_both_concepts_and_what_to_do() -> None:
    (finding,) = lint(Library((concept(1, "Tides"), concept(2, "tide"))))
    assert finding.message == "'tide' is also a name of 1 ('Tides'); merge the two, or rename one"


def test_same_names_are_no_twins_in_other_facets_in_one_concept_or_retired() -> None:
    assert found(concept(1, "Tides"), concept(2, "Tides", "entity")) == []
    assert found(concept(1, "Tides", aliases=("tide", "TIDES"))) == []
    assert found(concept(1, "Tides"), concept(2, "Tides", status="retired", replaced_by=1)) == []
    assert found(concept(1, "Tides"), concept(2, "Ebb", members={"tides": 3})) == []


def test_names_without_letters_are_no_twins() -> None:
    assert {rule for _, rule, _ in found(concept(1, "!!!"), concept(2, "???"))} == {"odd-name"}


def test_replaced_concept_that_is_still_active_is_an_error() -> None:
    assert found(concept(1, "Tides", replaced_by=2), concept(2, "Ebb")) == [(1, "replaced-active", "error")]


def test_chain_of_replacements_is_a_warning_that_names_its_end() -> None:
    retired = [concept(n, f"Old {n}", status="retired", replaced_by=n + 1) for n in (1, 2)]
    (finding,) = lint(Library((*retired, concept(3, "New"))))
    assert (finding.concept_id, finding.rule, finding.severity) == (1, "chain", "warning")
    assert finding.message == "replaced_by names 2, which is retired; write where it leads: 3 ('New')"


def test_replacement_by_a_concept_without_heir_is_a_warning() -> None:
    first = concept(1, "Old", status="retired", replaced_by=2)
    assert found(first, concept(2, "Older", status="retired")) == [(1, "chain", "warning")]


def test_replacement_that_is_not_there_or_of_another_facet() -> None:
    assert found(concept(1, "Old", status="retired", replaced_by=9)) == [(1, "dangling", "error")]
    old = concept(1, "Old", status="retired", replaced_by=2)
    assert found(old, concept(2, "Calm", "tone")) == [(1, "other-facet", "warning")]


@pytest.mark.parametrize(
    ("name", "typo"),
    [
        ("Tessellation", "Tesselation"),
        ("Accommodation", "Accomodation"),
        ("Independent film", "Independant film"),
        ("Fluorine chemistry", "Flourine chemistry"),
    ],
)
def test_name_that_is_another_but_for_a_slip_is_a_warning(name: str, typo: str) -> None:
    known = concept(1, name), concept(3, f"{name} today")
    assert found(*known, concept(2, typo)) == [(2, "typo", "warning")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nitrite", "Nitrate"),
        ("Microeconomics", "Macroeconomics"),
        ("Absorption", "Adsorption"),
        ("Immigration", "Emigration"),
        ("Binding", "Bending"),
        ("Compliment", "Complement"),
        ("Martial law", "Marital law"),
        ("Version 100000012", "Version 100000021"),
        ("Causal", "Casual"),
    ],
)
def test_words_that_are_one_letter_apart_are_no_slips(one: str, other: str) -> None:
    assert found(concept(1, one), concept(2, other)) == []


@pytest.mark.parametrize("name", ['"Tides"', "Tides,", "Ti\u200bdes", "- Tides", "(Tides)", "?!"])
def test_marks_that_belong_to_no_name_are_a_warning(name: str) -> None:
    assert found(concept(1, name)) == [(1, "odd-name", "warning")]


@pytest.mark.parametrize(
    "name", ["C++", "C#", ".NET", "Mercury (planet)", "Yahoo!", "St. John's", "3D printing", "R&D"]
)
def test_marks_of_names_are_fine(name: str) -> None:
    assert found(concept(1, name)) == []


def test_tag_that_is_a_member_of_two_concepts_is_a_warning() -> None:
    first, second = concept(1, "Sea", members={"tides": 3}), concept(2, "Moon", members={"Tide": 1})
    assert found(first, second) == [(2, "member-twice", "warning")]
    assert found(first, concept(2, "Moon", "entity", members={"Tide": 1})) == []


def test_description_with_nearly_the_words_of_another_is_a_warning() -> None:
    first = concept(1, "Boarding", description="The act of passengers and crew getting aboard a ship or aircraft.")
    second = concept(2, "Landing", description="The act of passengers and crew getting off a ship or aircraft.")
    assert found(first, second) == [(2, "overlapping-description", "warning")]
    other = concept(2, "Landing", description="How a ship is made fast to the quay so that people can leave it.")
    assert found(first, other) == []


def test_one_pattern_filled_with_two_names_is_no_overlap() -> None:
    pattern = "Passages about {}, with methods, results and their discussion in general."
    tides, bread = (concept(n, name, description=pattern.format(name)) for n, name in ((1, "tides"), (2, "bread")))
    assert found(tides, bread) == []


def test_concept_on_no_chunk_of_a_built_library_is_a_warning() -> None:
    seen = concept(1, "Tides", chunks=5)
    assert found(seen, concept(2, "Ebb")) == [(2, "dead", "warning")]
    assert found(seen, concept(2, "Ebb", locked=True)) == []
    assert found(seen, concept(2, "Ebb", status="retired")) == []
    assert found(concept(1, "Tides"), concept(2, "Ebb")) == []


def test_near_synonyms_are_looked_for_with_a_model_alone() -> None:
    concepts = concept(1, "abc abc"), concept(2, "cab cab"), concept(3, "zzzz yyyy"), concept(4, "bac bac", "tone")

    def by_first_letters(texts: Sequence[str]) -> np.ndarray:
        return by_letters([text[:7] for text in texts])

    near = [(f.concept_id, f.rule) for f in lint(Library(concepts), embed=by_first_letters)]
    assert near == [(2, "near-synonym")]
    assert found(*concepts) == []


def test_rules_can_be_chosen_and_unknown_ones_are_refused() -> None:
    library = Library((concept(1, " Tides", description=""),))
    assert [f.rule for f in lint(library, ["untidy-name"])] == ["untidy-name"]
    with pytest.raises(AtlasError, match="'tidy': no such rule; there are twin, empty-description, "):
        lint(library, ["tidy"])


def test_replacements_in_a_circle_are_errors_for_all_that_lead_there() -> None:
    replaced = {1: 2, 2: 3, 3: 2, 4: 4, 5: None}
    concepts = [concept(n, f"Old {n}", status="retired", replaced_by=by) for n, by in replaced.items()]
    assert found(*concepts) == [(n, "cycle", "error") for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("description", ["", " ", "\n\t"])
def test_missing_description_is_an_error(description: str) -> None:
    assert found(concept(1, "Tides", description=description)) == [(1, "empty-description", "error")]


def test_retired_concept_needs_no_description() -> None:
    assert found(concept(1, "Tides", description="", status="retired")) == []


def test_description_in_the_words_of_another_is_a_warning() -> None:
    first, second = concept(1, "Tides", description="Of the sea."), concept(2, "Ebb", description="of  The Sea. ")
    assert found(first, second) == [(2, "same-description", "warning")]


@pytest.mark.parametrize("name", [" Tides", "Tides ", "Tides  today", "Tides\ttoday", "Tides\ntoday"])
def test_stray_spaces_in_a_name_are_an_error(name: str) -> None:
    assert found(concept(1, name)) == [(1, "untidy-name", "error")]


def test_each_fault_of_a_concept_is_found() -> None:
    faulty = concept(1, " Tides", description="", replaced_by=2)
    assert [rule for _, rule, _ in found(faulty, concept(2, "Ebb"))] == [
        "empty-description",
        "replaced-active",
        "untidy-name",
    ]


def test_content_on_most_chunks_is_a_warning() -> None:
    form = concept(9, "News report", "form", 100)
    assert found(concept(1, "Writing", chunks=51), form) == [(1, "near-universal", "warning")]
    assert found(concept(1, "Writing", chunks=50), form) == []


def test_tone_or_form_on_most_chunks_is_fine() -> None:
    assert found(concept(1, "Informative", "tone", 100), concept(2, "Article", "form", 100)) == []


def test_most_frequent_content_is_not_universal_where_the_number_of_chunks_is_unknown() -> None:
    assert found(concept(1, "Tides", chunks=10), concept(2, "Ebb", chunks=3)) == []


def test_findings_are_in_concept_order() -> None:
    concepts = [concept(n, f"Name {n}", description="") for n in range(1, 6)]
    assert [number for number, _, _ in found(*concepts)] == [1, 2, 3, 4, 5]


# --- search

SEA = Library(
    (
        concept(1, "Sea level", chunks=90),
        concept(2, "Sea", chunks=5),
        concept(3, "Ocean", aliases=("the sea",), chunks=7),
        concept(4, "Main", members={"Seas": 1}, chunks=8),
        concept(5, "Deep-sea fishing", chunks=3),
        concept(6, "Mountain", chunks=99),
        concept(7, "Sea", "entity", chunks=1),
        concept(8, "Sea ice", status="retired"),
        concept(9, "Sea wall", chunks=3),
    )
)


@pytest.mark.parametrize("words", ["sea", "SEAS", "the sea", " Sea. "])
def test_search_gives_names_then_other_whole_names_then_the_frequent(words: str) -> None:
    assert [hit.id for hit in by_words(SEA, words)] == [2, 7, 4, 3, 1, 5, 9]


def test_search_for_several_words_finds_them_together() -> None:
    assert [hit.id for hit in by_words(SEA, "deep sea")] == [5]
    assert by_words(SEA, "sea mountain") == []


@pytest.mark.parametrize("words", ["", " ", "?!"])
def test_search_for_nothing_finds_nothing(words: str) -> None:
    assert by_words(SEA, words) == []


def by_letters(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors of letter counts: a small embedding with which like spellings are near."""
    counts = np.array([[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts])
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_search_by_meaning_gives_the_nearest_first_and_no_more_than_wanted() -> None:
    hits = by_meaning(SEA, "Mountain. About Mountain, number.", by_letters, 3)
    assert (len(hits), hits[0].id) == (3, 6)
    assert len(by_meaning(SEA, "sea", by_letters, 100)) == len(SEA.active)
    assert by_meaning(Library(()), "sea", by_letters, 3) == []
