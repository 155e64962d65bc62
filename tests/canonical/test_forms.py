"""Forms: spellings of one tag, counted together."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from atlas.canonical.describe import QUOTE_CHARS, concept_name, description, question, quotes
from atlas.canonical.forms import Form, collect, support
from atlas.canonical.usage import Usage

Table = Callable[..., pa.Table]


def test_spellings_of_one_tag_are_one_form_on_all_their_chunks(tag_table: Table) -> None:
    tags = tag_table([{"content": ["Hash tables"]}, {"content": ["hash-table"]}, {"content": ["hash tables", "x ray"]}])
    first, second = collect(tags)
    assert (first.form, first.chunks.tolist()) == ("hash table", [0, 1, 2])
    assert first.tags == 3
    assert second.form == "x ray"


def test_same_tag_of_two_facets_is_two_forms(tag_table: Table) -> None:
    forms = collect(tag_table([{"content": ["letter"], "form": ["letter"]}]))
    assert [(form.facet, form.form) for form in forms] == [("content", "letter"), ("form", "letter")]


def test_chunk_with_two_spellings_counts_once(tag_table: Table) -> None:
    [form] = collect(tag_table([{"content": ["tide", "Tides"]}]))
    assert form.chunks.tolist() == [0]
    assert form.tags == 2


def test_tags_without_a_letter_are_no_form(tag_table: Table) -> None:
    assert collect(tag_table([{"content": ["", "  ", "…", "!!"]}])) == []


def test_surface_is_the_most_frequent_spelling_and_then_the_first(tag_table: Table) -> None:
    tags = tag_table([{"content": [tag]} for tag in ("API", "api", "Api", "API", "zoo", "Zoo")])
    assert [form.surface for form in collect(tags)] == ["API", "Zoo"]


def test_support_is_the_union_of_chunks(tag_table: Table) -> None:
    forms = collect(tag_table([{"content": ["a1", "b1"]}, {"content": ["b1"]}, {"content": ["c1"]}]))
    assert support(form for form in forms if form.form in ("a1", "b1")).tolist() == [0, 1]


# In words


def one(surface: str, *chunks: int) -> Form:
    return Form("content", surface.casefold(), Counter([surface]), np.array(chunks, np.int64))


def test_name_is_in_sentence_case_and_leaves_other_capitals_alone() -> None:
    names = [
        concept_name([one(surface)], Usage()) for surface in ("blood flow", "iPhone repair", "NASA", "éclair", "3D art")
    ]
    assert names == ["Blood flow", "iPhone repair", "NASA", "Éclair", "3D art"]


def test_every_facet_has_its_sentence_and_its_question() -> None:
    told = {facet: (description(facet, "x", [], []), question(facet, "x")) for facet in ("content", "entity", "tone")}
    assert len(set(told.values())) == 3
    assert description("form", "essay", [], []) == "Passages that are an essay."
    assert question("form", "recipe") == "Is the passage a recipe?"
    assert all(asked.endswith("?") and "x" in asked for _, asked in told.values())


def test_description_lists_members_and_neighbours() -> None:
    assert (
        description("content", "tides", ["ebb", "flood", "spring tide"], ["Moon", "Gravity"])
        == "Passages about tides, including ebb, flood and spring tide, often together with Moon and Gravity."
    )


def test_quote_is_the_sentence_that_holds_the_tag() -> None:
    texts = ["First of all. The  TIDE\nturns at noon. Last of all.", "No such word here. Really."]
    found = quotes([one("tide", 0, 1)], pa.chunked_array([texts]), pa.chunked_array([["a", "b"]]), 3)
    assert [(example.doc_id, example.quote) for example in found] == [
        ("a", "The TIDE turns at noon."),
        ("b", "No such word here."),
    ]


def test_quotes_are_from_different_documents_and_no_more_than_asked() -> None:
    forms = [one("tide", 0, 1, 2), one("ebb", 3)]
    found = quotes(forms, pa.chunked_array([["The tide."] * 4]), pa.chunked_array([["a", "a", "b", "c"]]), 2)
    assert [example.doc_id for example in found] == ["a", "b"]
    assert quotes(forms, ["The tide."] * 4, ["a", "a", "b", "c"], 0) == ()


def test_long_quote_is_cut_at_a_word_and_says_so() -> None:
    text = "tide " * 100
    [example] = quotes([one("tide", 0)], pa.chunked_array([[text]]), pa.chunked_array([["a"]]), 1)
    assert len(example.quote) <= QUOTE_CHARS
    assert example.quote.endswith("tide…")


def test_quote_of_one_endless_word_is_cut_too() -> None:
    [example] = quotes([one("tide", 0)], pa.chunked_array([["x" * 1000]]), pa.chunked_array([["a"]]), 1)
    assert len(example.quote) == QUOTE_CHARS


def test_chunk_without_a_word_gives_no_quote() -> None:
    found = quotes([one("tide", 0, 1)], pa.chunked_array([[" \n ", "The tide."]]), pa.chunked_array([["a", "b"]]), 3)
    assert [example.doc_id for example in found] == ["b"]
