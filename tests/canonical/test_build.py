"""The library that tags ask for: one concept for what means one thing, with an id that stays."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atlas.canonical.build import Funnel, build
from atlas.canonical.config import CanonicalizeConfig
from atlas.library import store
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.library.lint import lint
from atlas.library.names import normal_form
from atlas.models.encoder import encoder
from atlas.tables import FACETS

Table = Callable[..., pa.Table]
Embedder = Callable[..., Callable[[Sequence[str]], np.ndarray]]
EMPTY = Library(())
TWICE = CanonicalizeConfig(min_chunks=2)
GROUPS = (
    ("blood flow", "circulation of blood", "blood circulation"),
    ("tax law", "taxation rules"),
    ("Oslo", "Kristiania"),
)


def on_chunks(*tags: str, times: int = 3, facet: str = "content") -> list[dict[str, Any]]:
    return [{facet: [tag]} for tag in tags for _ in range(times)]


def named(library: Library, name: str, facet: str = "content") -> Concept:
    concept_id = library.link(facet, name)
    assert concept_id is not None, f"{name} means no concept"
    return library.by_id[concept_id]


def errors(library: Library) -> list[str]:
    return [f"{found.concept_id}: {found.message}" for found in lint(library) if found.severity == "error"]


# One thing, one concept


@pytest.mark.parametrize("facet", FACETS)
@pytest.mark.parametrize(
    "twins",
    [("Machine learning", "machine learning"), ("hash table", "hash tables"), ("open-source", "open source")],
    ids=["case", "plural", "hyphen"],
)
def test_spellings_of_one_tag_are_always_one_concept(
    tag_table: Table, embedder: Embedder, twins: tuple[str, str], facet: str
) -> None:
    library, funnel = build(tag_table(on_chunks(*twins, facet=facet)), EMPTY, TWICE, embedder())
    [concept] = library.concepts
    assert {library.link(facet, twin) for twin in twins} == {concept.id}
    assert concept.counts == Counts(tags=6, chunks=6, documents=6)
    assert (funnel.tags, funnel.forms, funnel.concepts) == (6, 1, 1)


def test_tags_that_lie_close_are_one_concept_and_others_are_not(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table(on_chunks("blood flow", "tax law", "circulation of blood", "blood circulation", "taxation rules"))
    library, _ = build(tags, EMPTY, TWICE, embedder(GROUPS))
    groups = {frozenset(concept.members) for concept in library.concepts}
    assert groups == {frozenset(GROUPS[0]), frozenset(GROUPS[1])}


def test_concept_is_named_by_its_most_frequent_member(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table([*on_chunks("circulation of blood", times=5), *on_chunks("blood flow", times=2)])
    [concept] = build(tags, EMPTY, TWICE, embedder(GROUPS))[0].concepts
    assert concept.name == "Circulation of blood"
    assert concept.members == {"circulation of blood": 5, "blood flow": 2}


def test_same_word_in_two_facets_is_two_concepts(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table([*on_chunks("letter"), *on_chunks("letter", facet="form")])
    library, _ = build(tags, EMPTY, TWICE, embedder())
    assert sorted((concept.facet, concept.name) for concept in library.concepts) == [
        ("content", "Letter"),
        ("form", "Letter"),
    ]


# Rare tags


def test_tag_on_too_few_chunks_is_dropped(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table([*on_chunks("tides", times=3), *on_chunks("ebb", times=2)])
    library, funnel = build(tags, EMPTY, CanonicalizeConfig(min_chunks=3), embedder())
    assert [concept.name for concept in library.concepts] == ["Tides"]
    assert (funnel.forms, funnel.clustered, funnel.dropped, funnel.min_chunks) == (2, 1, 1, 3)


def test_tag_of_one_document_alone_is_dropped(tag_table: Table, embedder: Embedder) -> None:
    rows = [{"doc_id": "same", "content": ["tides"]} for _ in range(9)]
    assert build(tag_table([*rows, *on_chunks("ebb")]), EMPTY, TWICE, embedder())[0].link("content", "tides") is None


def test_rare_tag_that_lies_close_to_a_concept_joins_it(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table([*on_chunks("blood flow", times=4), *on_chunks("blood circulation", times=1)])
    library, funnel = build(tags, EMPTY, TWICE, embedder(GROUPS))
    assert library.link("content", "blood circulation") == library.link("content", "blood flow")
    assert funnel.dropped == 0


def test_least_number_of_chunks_grows_with_the_sample(tag_table: Table, embedder: Embedder) -> None:
    small = build(tag_table(on_chunks("tides", times=20)), EMPTY, CanonicalizeConfig(), embedder())[1]
    large = build(tag_table(on_chunks("tides", times=2000)), EMPTY, CanonicalizeConfig(), embedder())[1]
    assert (small.min_chunks, large.min_chunks) == (2, 3)


def test_no_tag_gives_no_concept(tag_table: Table, embedder: Embedder) -> None:
    library, funnel = build(tag_table([{}, {}]), EMPTY, CanonicalizeConfig(), embedder())
    assert library.concepts == ()
    assert funnel == Funnel(min_chunks=2)


# Ids that stay


def test_more_tags_keep_ids_and_add_new_ones_behind(tag_table: Table, embedder: Embedder) -> None:
    first, _ = build(tag_table(on_chunks("tides", "blood flow", "tax law")), EMPTY, TWICE, embedder(GROUPS))
    more = on_chunks("zebra", "ant", times=9) + on_chunks("tides", "blood circulation", "taxation rules", times=5)
    second, funnel = build(
        tag_table(on_chunks("tides", "blood flow", "tax law") + more), first, TWICE, embedder(GROUPS)
    )
    for concept in first.concepts:
        assert (second.by_id[concept.id].name, second.by_id[concept.id].facet) == (concept.name, concept.facet)
        assert second.by_id[concept.id].description == concept.description
    assert named(second, "blood circulation").id == named(first, "blood flow").id
    assert funnel.new_concepts == 2
    assert min(named(second, "zebra").id, named(second, "ant").id) > max(concept.id for concept in first.concepts)


def test_concept_that_lost_its_tags_stays_and_its_id_is_not_reused(tag_table: Table, embedder: Embedder) -> None:
    first, _ = build(tag_table(on_chunks("tides", "blood flow")), EMPTY, TWICE, embedder(GROUPS))
    second, _ = build(tag_table(on_chunks("blood flow", "zebra")), first, TWICE, embedder(GROUPS))
    lost = second.by_id[named(first, "tides").id]
    assert (lost.name, lost.status, lost.counts) == ("Tides", "active", Counts())
    assert named(second, "zebra").id == first.next_id


def test_base_ids_with_gaps_are_not_filled(tag_table: Table, embedder: Embedder) -> None:
    base = Library((Concept(7, "tone", "Dry", "Says it dryly."),))
    library, _ = build(tag_table(on_chunks("tides")), base, TWICE, embedder())
    assert [concept.id for concept in library.concepts] == [7, 8]


WORDS = [f"{kind}{number}" for kind in ("alga", "brook", "crane") for number in "abcdefgh"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(FACETS[:2]), st.lists(st.sampled_from(WORDS), max_size=4), st.integers(0, 5)),
        max_size=25,
    ),
    st.integers(1, 4),
)
@example(rows=[("entity", ["algaf", "brookg"], 1), ("entity", ["brookh", "cranec"], 0)], neighbours=1)
def test_build_from_the_same_tags_changes_nothing(
    tag_table: Table, embedder: Embedder, rows: list[tuple[str, list[str], int]], neighbours: int
) -> None:
    tags = tag_table([{facet: words, "doc_id": f"d{document}"} for facet, words, document in rows])
    close = embedder(dimensions=3)  # so few dimensions that many words are almost another's neighbours
    config = CanonicalizeConfig(min_chunks=2, neighbours=neighbours)
    first, funnel = build(tags, EMPTY, config, close)
    again, after = build(tags, first, config, close)
    assert again == first
    assert after.new_concepts == 0
    assert after.dropped == funnel.dropped
    assert errors(first) == []


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=4), max_size=20), st.randoms(use_true_random=False))
def test_every_form_means_at_most_one_concept(
    tag_table: Table, embedder: Embedder, rows: list[list[str]], random: Any
) -> None:
    spelt = [[random.choice([word, word.upper(), word.capitalize()]) for word in words] for words in rows]
    library, funnel = build(tag_table([{"content": words} for words in spelt]), EMPTY, TWICE, embedder(dimensions=4))
    members = Counter(normal_form(member) for concept in library.concepts for member in concept.members)
    assert max(members.values(), default=1) == 1
    names = [normal_form(concept.name) for concept in library.concepts]
    assert len(names) == len(set(names))
    assert members.total() == funnel.forms - funnel.dropped


# What people curated


LOCKED = Concept(
    3,
    "tone",
    "Wry",
    "Says it with a twist.",
    question="Is it wry?",
    aliases=("ironic",),
    locked=True,
    members={"old": 4},
    examples=(Example("As if.", "elsewhere"),),
    counts=Counts(4, 4, 4),
)


def test_locked_concept_keeps_every_word_and_takes_members_and_counts(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table(on_chunks("Ironic", times=2, facet="tone") + on_chunks("wry", times=3, facet="tone"))
    library, _ = build(tags, Library((LOCKED,)), TWICE, embedder())
    [concept] = library.concepts
    assert concept == replace(LOCKED, members={"wry": 3, "Ironic": 2}, counts=Counts(5, 5, 5))


def test_curated_words_of_an_open_concept_are_kept_and_gaps_filled(tag_table: Table, embedder: Embedder) -> None:
    open_ = replace(LOCKED, locked=False, question="", examples=())
    [concept] = build(tag_table(on_chunks("wry", facet="tone")), Library((open_,)), TWICE, embedder())[0].concepts
    assert (concept.description, concept.aliases) == (open_.description, open_.aliases)
    assert concept.question == "Is the tone of the passage wry?"
    assert len(concept.examples) == 3


def test_closed_facet_of_the_base_gets_no_new_concept(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table([*on_chunks("wry", "gloomy", facet="tone"), *on_chunks("tides")])
    closed, funnel = build(tags, Library((LOCKED,)), CanonicalizeConfig(closed=("tone",)), embedder())
    assert {concept.name for concept in closed.concepts} == {"Wry", "Tides"}
    assert funnel.dropped == 1
    open_, _ = build(tags, Library((LOCKED,)), CanonicalizeConfig(closed=()), embedder())
    assert {concept.name for concept in open_.concepts} == {"Wry", "Tides", "Gloomy"}


def test_tag_joins_the_base_concept_it_lies_close_to(tag_table: Table, embedder: Embedder) -> None:
    base = Library((Concept(5, "content", "Blood flow", "The way of blood."),))
    library, funnel = build(tag_table(on_chunks("blood circulation")), base, TWICE, embedder(GROUPS))
    assert named(library, "blood circulation").id == 5
    assert (funnel.linked, funnel.new_concepts) == (1, 0)


LENT = Concept(
    9,
    "content",
    "Tides",
    "The rise and fall of the sea twice a day.",
    question="Is it about tides?",
    aliases=("low water",),
    taxonomy="Geography and recreation / Oceanography",
    members={"spring tide": 7},
    examples=(Example("As the sea fell.", "elsewhere"),),
    counts=Counts(7, 7, 7),
)


def test_new_concept_takes_id_and_words_from_the_lender_that_has_its_name(tag_table: Table, embedder: Embedder) -> None:
    tags = tag_table(on_chunks("tide", "blood flow"))
    library, funnel = build(tags, EMPTY, TWICE, embedder(GROUPS), first_id=10, lender=Library((LENT,)))
    lent = named(library, "tides")
    assert (lent.id, lent.name, lent.description, lent.taxonomy) == (9, "Tides", LENT.description, LENT.taxonomy)
    assert (lent.members, lent.counts, lent.aliases) == ({"tide": 3}, Counts(3, 3, 3), ())
    assert all(example.doc_id != "elsewhere" for example in lent.examples)
    assert named(library, "blood flow").id == 10
    assert (funnel.new_concepts, funnel.clustered, funnel.linked) == (2, 2, 0)
    assert build(tags, library, TWICE, embedder(GROUPS), lender=Library((LENT,)))[0] == library


@pytest.mark.parametrize(
    ("frequent", "lent"), [("psychological", "psychology"), ("math", "mathematics")], ids=["stem", "lexicon"]
)
def test_a_member_that_says_the_same_may_be_the_name_that_the_lender_has(
    tag_table: Table, embedder: Embedder, frequent: str, lent: str
) -> None:
    tags = tag_table([*on_chunks(frequent, times=4), *on_chunks(lent)])
    lender = Library((Concept(5, "content", lent.capitalize(), "A science."),))
    library, _ = build(tags, EMPTY, TWICE, embedder([(frequent, lent)]), first_id=6, lender=lender)
    assert [(c.id, c.name, set(c.members)) for c in library.active] == [(5, lent.capitalize(), {frequent, lent})]


def test_lender_is_asked_by_name_alone_and_its_id_left_where_it_is_taken(tag_table: Table, embedder: Embedder) -> None:
    base = Library((Concept(9, "content", "Boats", "What floats."),))
    lender = Library((LENT, Concept(4, "entity", "Ebb", "A place."), replace(LENT, id=5, name="Ebb", status="retired")))
    library, _ = build(
        tag_table(on_chunks("tides", "low water", "ebb")), base, TWICE, embedder(), first_id=10, lender=lender
    )
    assert named(library, "boats").id == 9
    assert named(library, "tides").description == LENT.description
    assert named(library, "low water").description.startswith("Passages about")
    assert {concept.id for concept in library.concepts} == {9, 10, 11, 12}


def test_tag_of_a_merged_concept_goes_to_its_heir(tag_table: Table, embedder: Embedder) -> None:
    base = Library(
        (
            Concept(1, "content", "Ebb", "Falling water.", status="retired", replaced_by=2, members={"low tide": 3}),
            Concept(2, "content", "Low water", "Falling water.", status="retired", replaced_by=3),
            Concept(3, "content", "Tides", "The rise and fall of water."),
        )
    )
    library, funnel = build(tag_table(on_chunks("ebb", "low tide", "low water")), base, TWICE, embedder())
    assert set(library.by_id[3].members) == {"ebb", "low tide", "low water"}
    assert funnel.new_concepts == 0
    assert library.concepts[:2] == base.concepts[:2]


def test_tag_of_a_concept_that_was_given_up_does_not_come_back(tag_table: Table, embedder: Embedder) -> None:
    base = Library((Concept(1, "content", "Text", "Anything at all.", status="retired"),))
    library, funnel = build(tag_table(on_chunks("texts", "tides")), base, TWICE, embedder())
    assert [concept.name for concept in library.active] == ["Tides"]
    assert library.by_id[1] == base.by_id[1]
    assert funnel.dropped == 1


def test_name_given_up_in_one_facet_is_free_in_another(tag_table: Table, embedder: Embedder) -> None:
    base = Library((Concept(1, "content", "Letter", "Anything at all.", status="retired"),))
    library, _ = build(tag_table(on_chunks("letter", facet="form")), base, TWICE, embedder())
    assert named(library, "letter", "form").id == 2


# What a new concept says


@pytest.fixture(scope="module")
def rich(tag_table: Table, embedder: Embedder) -> tuple[Library, pa.Table]:
    texts = {
        "blood flow": "The heart beats.  Blood\nflow is steady; circulation of blood never stops. Rest follows.",
        "tax law": "A tax law was passed! Farmers object. " + "Much more was said about it on that long day " * 9,
        "Oslo": "In Oslo it rained.",
    }
    rows = [
        {facet: [tag, *others], "doc_id": f"{tag} {turn}", "text": texts[tag]}
        for turn in range(4)
        for facet, tag, others in (
            ("content", "blood flow", ["circulation of blood", "medicine"]),
            ("content", "tax law", []),
            ("entity", "Oslo", ["Kristiania"]),
        )
    ]
    rows += on_chunks("dry", facet="tone") + on_chunks("essay", facet="form")
    tags = tag_table(rows)
    return build(tags, EMPTY, TWICE, embedder(GROUPS))[0], tags


def test_new_concept_has_description_question_members_and_counts(rich: tuple[Library, pa.Table]) -> None:
    for concept in rich[0].concepts:
        assert concept.description.startswith("Passages ")
        assert concept.description.endswith(".")
        assert concept.question.endswith("?")
        assert concept.members
        assert concept.counts.tags >= concept.counts.chunks >= concept.counts.documents > 1
        assert not concept.locked


def test_quotes_of_a_new_concept_stand_in_their_documents(rich: tuple[Library, pa.Table]) -> None:
    library, tags = rich
    texts = dict(zip(tags.column("doc_id").to_pylist(), tags.column("text").to_pylist(), strict=True))
    for concept in library.concepts:
        assert concept.examples
        assert len({example.doc_id for example in concept.examples}) == len(concept.examples)
        for shown in concept.examples:
            assert shown.quote.removesuffix("…") in " ".join(texts[shown.doc_id].split())


def test_description_names_members_and_frequent_neighbours(rich: tuple[Library, pa.Table]) -> None:
    told = named(rich[0], "blood flow").description
    assert "including circulation of blood" in told or "including blood flow" in told
    assert told.endswith("often together with Medicine.")


def test_built_library_passes_lint_and_survives_the_disk(rich: tuple[Library, pa.Table], tmp_path: Path) -> None:
    assert errors(rich[0]) == []
    store.save(rich[0], tmp_path)
    assert store.load(tmp_path) == rich[0]


# With the sentence model


@pytest.fixture(scope="module")
def real(tag_table: Table) -> tuple[Library, pa.Table, Callable[[Sequence[str]], np.ndarray]]:
    content = [
        "machine learning",
        "Machine-Learning",
        "Machine learnings",
        "photosynthesis",
        "tax policy",
        "tax policies",
    ]
    content += ["sorting algorithm", "sorting algorithms", "water tax", "sea levels", "Sea Level", "chess"]
    rows = on_chunks(*content, times=2) + on_chunks("Oslo", "Bergen", "OSLO", facet="entity", times=2)
    rows += on_chunks("formal", "Formal", "sarcastic", facet="tone", times=2) + on_chunks(
        "essay", "recipe", facet="form"
    )
    tags = tag_table(rows)
    embed = encoder("all-minilm-l6-v2").encode
    return build(tags, EMPTY, TWICE, embed)[0], tags, embed


def test_sentence_model_keeps_twins_together(real: tuple[Library, pa.Table, Any]) -> None:
    library = real[0]
    for first, second in [
        ("machine learning", "Machine-Learnings"),
        ("tax policy", "Tax Policies"),
        ("sea level", "SEA-LEVELS"),
    ]:
        assert named(library, first) == named(library, second)
    names = Counter((concept.facet, normal_form(concept.name)) for concept in library.concepts)
    assert max(names.values()) == 1


def test_sentence_model_keeps_different_things_apart(real: tuple[Library, pa.Table, Any]) -> None:
    library = real[0]
    assert named(library, "Oslo", "entity") != named(library, "Bergen", "entity")
    assert named(library, "photosynthesis") != named(library, "chess")
    assert named(library, "essay", "form") != named(library, "recipe", "form")
    assert errors(library) == []


def test_sentence_model_builds_the_same_library_again(real: tuple[Library, pa.Table, Any]) -> None:
    library, tags, embed = real
    assert build(tags, EMPTY, TWICE, embed)[0] == library
    assert build(tags, library, TWICE, embed)[0] == library
