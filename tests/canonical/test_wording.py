"""Whatever a language model says of concepts, the library stays one in which every tag means what it meant."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.canonical.describe import description, question
from atlas.canonical.wording import Words, read, words_prompt
from atlas.canonical.words import applied, neighbours
from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.lint import lint
from atlas.library.names import normal_form
from atlas.tables import TAGS

NAMES = ("Tides", "tide pools", "Tax law", "Law of taxes", "blood flow", "Banks", "C++", "Île-de-France", "the sea")
names = st.sampled_from(NAMES) | st.text(max_size=12)
answers = st.fixed_dictionaries(
    {},
    optional={
        "coherent": st.sampled_from([True, True, True, False, "no", None]),
        "name": names | st.none(),
        "description": st.sampled_from(["What comes and goes twice in a day.", "Tides.", "Two. Of them."]) | st.text(),
        "question": st.sampled_from(["Is it wet?", "What is it?"]) | st.text(),
    },
).map(json.dumps)


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """Concepts with members of their own, as a build makes them."""
    pool = draw(st.permutations([*NAMES, "rowing", "heart", "slope", "lending"]))
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    concepts = []
    for number, size in enumerate(sizes, draw(st.integers(1, 9))):
        members, pool = pool[:size], pool[size:]
        if members:
            first = members[0][0].upper() + members[0][1:]
            said = description("content", members[0], members[1:], ())
            asked = question("content", members[0])
            counts = dict.fromkeys(members, 3)
            concepts.append(Concept(number, "content", first, said, question=asked, members=counts))
    return Library(tuple(concepts))


@settings(max_examples=200, deadline=None)
@given(library=libraries(), said=st.lists(answers | st.text(), min_size=5, max_size=5), old=st.integers(0, 3))
def test_whatever_is_said_tags_mean_what_they_meant_and_lint_finds_no_error(
    library: Library, said: list[str], old: int
) -> None:
    before = [concept.id for concept in library.concepts[:old]]
    words = {concept.id: read(answer) for concept, answer in zip(library.concepts, said, strict=False)}
    after, dropped, became = applied(library, before, words)
    assert became.total() == len(library.concepts)
    assert [concept.id for concept in after.concepts] == list(
        range(library.concepts[0].id, library.concepts[0].id + len(after.concepts))
    )
    assert after.concepts[:old] == tuple(
        c for c in after.concepts if c.id in before and c.name == library.by_id[c.id].name
    )
    kept = [concept for concept in library.concepts if concept not in dropped]
    for one, other in zip(kept, after.concepts, strict=True):
        assert {after.link("content", name) for name in one.names()} == {other.id}
        assert dict(other.members) == dict(one.members)
    twins = [found.message for found in lint(after) if found.severity == "error"]
    assert twins == [found.message for found in lint(Library(tuple(kept))) if found.severity == "error"]


@pytest.mark.parametrize("prose", ["", "Sure! ", "```json\n"])
def test_answer_is_found_behind_other_words(prose: str) -> None:
    said = {
        "coherent": True,
        "name": "Tides",
        "description": "What comes  and goes\ntwice a day.",
        "question": "Is it wet?",
    }
    assert read(prose + json.dumps(said) + "\n```") == Words(
        True, "Tides", "What comes and goes twice a day.", "Is it wet?"
    )


def test_neighbours_are_those_on_the_same_chunks_more_often_than_chance() -> None:
    rows = [["tides", "moon", "text"]] * 3 + [["tides", "text"]] + [["tax", "text"]] * 8
    made = [row_of(tags) for tags in rows]
    concepts = [
        Concept(number, "content", name, "", members={name: 1})
        for number, name in enumerate(("tides", "moon", "text", "tax"), 1)
    ]
    found = neighbours(Library(tuple(concepts)), pa.Table.from_pylist(made, TAGS), {1, 4})
    assert found == {1: ["moon"], 4: []}


def row_of(content: list[str]) -> dict[str, object]:
    empty: dict[str, object] = {field.name: "" if pa.types.is_string(field.type) else 0 for field in TAGS}
    return empty | {"content": content, "entity": [], "tone": [], "form": []}


def test_prompt_names_tags_and_not_the_name_a_concept_has() -> None:
    concept = Concept(1, "content", "Ocean tides", "", members={"tide": 2, "tides": 5})
    asked = words_prompt("words.v1").about(concept, ["moon"]).text
    assert asked == "\n\nKind: topic\nTags: tides (5), tide (2)\nBeside: moon\nAnswer:"


def test_prompt_of_ones_own_is_another_prompt_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("version: own\ninstructions: Name it.\nquotes: 0\nquote_chars: 9\ntags: 3\nmax_tokens: 90\n")
    assert words_prompt(str(own)).digest != words_prompt("words.v1").digest
    own.write_text("version: own\n")
    with pytest.raises(AtlasError, match=r"own\.yaml: not a valid prompt file"):
        words_prompt(str(own))
    with pytest.raises(AtlasError, match=r"no such file, and Atlas ships words\.v1"):
        words_prompt("words.v9")


def test_examples_of_the_shipped_prompt_would_pass() -> None:
    first, second = (read(example.answer) for example in words_prompt("words.v1").examples)
    assert normal_form(first.name) == "blood circulation"
    assert second == Words(coherent=False)
