"""A curator's edits: ids are permanent, tombstones stay, nonsense is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library import edit
from atlas.library.concept import Concept, Library
from atlas.library.split import Part, parse, split

LIBRARY = Library(
    (
        Concept(1, "content", "Mercury", "The planet, the metal.", members={"mercury": 9, "planet mercury": 4}),
        Concept(2, "content", "Quicksilver", "The metal.", aliases=("hydrargyrum",), members={"quicksilver": 2}),
        Concept(3, "tone", "Calm", "Without haste."),
        Concept(4, "content", "Alchemy", "Gold from lead.", status="retired"),
        Concept(5, "content", "Planets", "Around a star.", aliases=("worlds",), members={"planets": 7, "orbits": 1}),
    )
)


def test_merge_moves_names_and_tags_and_leaves_a_tombstone() -> None:
    done = edit.merge(LIBRARY, ["Mercury", "quicksilver"])
    heir, gone = done.library.by_id[1], done.library.by_id[2]
    assert heir.aliases == ("Quicksilver", "hydrargyrum")
    assert heir.members == {"mercury": 9, "planet mercury": 4, "quicksilver": 2}
    assert (gone.status, gone.replaced_by, gone.name, gone.members) == ("retired", 1, "Quicksilver", {"quicksilver": 2})
    assert done.ids == (2, 1)


def test_merge_into_says_who_stays() -> None:
    done = edit.merge(LIBRARY, ["1", "2", "5"], into="Planets")
    assert [c.id for c in done.library.active] == [3, 5]
    assert {c.replaced_by for c in done.library.concepts if c.id in (1, 2)} == {5}


@pytest.mark.parametrize(
    ("asked", "into", "words"),
    [
        (["1"], None, "two different concepts"),
        (["1", "1"], None, "two different concepts"),
        (["1", "3"], None, "of facet tone, but"),
        (["1", "4"], None, "4 .'Alchemy'. is retired"),
        (["1", "2"], "4", "is retired"),
        (["1", "77"], None, "no concept has this id"),
        (["Mercuri", "2"], None, "did you mean 1 .'Mercury'."),
    ],
)
def test_merge_of_nonsense_is_refused(asked: list[str], into: str | None, words: str) -> None:
    with pytest.raises(AtlasError, match=words):
        edit.merge(LIBRARY, asked, into)


def test_rename_keeps_the_old_name_as_alias() -> None:
    renamed = edit.rename(LIBRARY, "2", "  Liquid   mercury ").library.by_id[2]
    assert (renamed.name, renamed.aliases) == ("Liquid mercury", ("hydrargyrum", "Quicksilver"))


def test_rename_by_case_alone_leaves_no_alias() -> None:
    assert edit.rename(LIBRARY, "5", "planets").library.by_id[5].aliases == ("worlds",)


def test_rename_to_an_own_alias_takes_it_out_of_the_aliases() -> None:
    renamed = edit.rename(LIBRARY, "5", "Worlds").library.by_id[5]
    assert (renamed.name, renamed.aliases) == ("Worlds", ("Planets",))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mercuries", "merge the two"),
        ("alchemy", "retired concept 4"),
        (" ", "is no name"),
        ("Quicksilver", "has this name already"),
        ("World", "is a name of 5"),
    ],
)
def test_rename_to_nonsense_is_refused(name: str, words: str) -> None:
    with pytest.raises(AtlasError, match=words):
        edit.rename(LIBRARY, "2", name)


def test_retire_without_and_with_heir() -> None:
    assert edit.retire(LIBRARY, "2").library.by_id[2].replaced_by is None
    assert edit.retire(LIBRARY, "2", "1").library.by_id[2].replaced_by == 1
    for heir, words in (("2", "itself"), ("3", "of facet"), ("4", "is retired")):
        with pytest.raises(AtlasError, match=words):
            edit.retire(LIBRARY, "2", heir)


def test_add_takes_the_id_it_is_given_and_refuses_what_is_there() -> None:
    added = edit.add(LIBRARY, 9, "content", "Comets", "Ice.", aliases=["comet"]).library.by_id[9]
    assert (added.aliases, added.locked) == ((), True)
    for facet, name, text, words in (
        ("topic", "Comets", "Ice.", "is no facet"),
        ("content", "Comets", " ", "needs a description"),
        ("content", "worlds", "Round.", "is a name of 5"),
        ("content", "Alchemy", "Gold.", "retired concept 4"),
    ):
        with pytest.raises(AtlasError, match=words):
            edit.add(LIBRARY, 9, facet, name, text)
    assert edit.add(LIBRARY, 9, "entity", "Mercury", "The god.").made == (9,)


def test_split_retires_the_old_id_without_heir() -> None:
    parts = [parse("Mercury (planet): planet mercury", {}), parse("Mercury (metal): *", {})]
    done = split(LIBRARY, "1", parts, 20)
    assert (done.library.by_id[1].status, done.library.by_id[1].replaced_by) == ("retired", None)
    assert done.split_into == {1: (20, 21)}
    assert done.library.by_id[20].members == {"planet mercury": 4}
    assert done.library.by_id[21].members == {"mercury": 9}
    assert done.library.by_id[20].description


def test_split_keeps_the_id_for_the_part_that_keeps_the_meaning() -> None:
    parts = [Part("Planets", ("planets", "worlds")), Part("Orbits", ("*",), "Paths round a star.")]
    done = split(LIBRARY, "5", parts, 20, keep="planets")
    assert done.split_into == {5: (5, 20)}
    assert (done.library.by_id[5].members, done.library.by_id[5].aliases) == ({"planets": 7}, ("worlds",))
    assert (done.library.by_id[20].members, done.library.by_id[20].description) == (
        {"orbits": 1},
        "Paths round a star.",
    )


@pytest.mark.parametrize(
    ("parts", "keep", "words"),
    [
        (["A: planets"], None, "at least two parts"),
        (["A: planets", "B: worlds"], None, "no part takes orbits"),
        (["A: planets, orbits, worlds", "B: *"], None, "nothing is left"),
        (["A: planets, worlds", "B: planets, *"], None, "in two parts"),
        (["A: *", "B: *"], None, "'\\*' is in two"),
        (["A: comets", "B: *"], None, "'comets' is no alias or member tag"),
        (["Planets: planets", "B: *"], None, "--keep"),
        (["A: planets", "B: *"], "C", "is none of the parts"),
        (["A: planets", "a: *"], None, "same name"),
        (["Mercury: planets", "B: *"], None, "is a name of 1"),
        (["A", "B: *"], None, "write a part as"),
    ],
)
def test_split_of_nonsense_is_refused(parts: list[str], keep: str | None, words: str) -> None:
    with pytest.raises(AtlasError, match=words):
        split(LIBRARY, "5", [parse(text, {}) for text in parts], 20, keep)


NAMES = "rope lamp tide boat oar sail net pier mast keel".split()


@st.composite
def splits(draw: st.DrawFn) -> tuple[Library, list[Part]]:
    tags = draw(st.lists(st.sampled_from(NAMES), min_size=2, unique=True))
    owner = [0, 1, *(draw(st.integers(0, 2)) for _ in tags[2:])]
    parts = [
        Part(f"Part {n}", tuple(tag for tag, number in zip(tags, owner, strict=True) if number == n)) for n in range(3)
    ]
    library = Library((Concept(1, "content", "Gear", "All.", members={tag: len(tag) for tag in tags}),))
    return library, [part for part in parts if part.takes]


@given(splits(), st.booleans())
def test_no_tag_is_lost_or_doubled_by_a_split(drawn: tuple[Library, list[Part]], keep: bool) -> None:
    library, parts = drawn
    after = split(library, "1", parts, 2, parts[0].name if keep else None).library
    shared = [(tag, n) for concept in after.active for tag, n in concept.members.items()]
    assert sorted(shared) == sorted(library.by_id[1].members.items())
    assert set(library.by_id) <= set(after.by_id)
