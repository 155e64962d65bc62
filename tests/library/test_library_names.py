"""Spellings of one name have one normal form; different names do not."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atlas.library.concept import Concept, Library
from atlas.library.names import normal_form, singular

names = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
# Names of two or three lower-case words that are their own singular and neither an article nor a plural.
plain_words = st.text("bcdfgklmnprtv", min_size=2, max_size=8).map(lambda consonants: consonants + "o" + consonants[0])
plain_names = st.lists(plain_words, min_size=2, max_size=3)


@settings(max_examples=100, deadline=None)
@given(
    name=names
    | st.lists(st.sampled_from("the a an ( ) ' s C++ peoples mens os US ͅ ⑴ . # - / _ ﷺ".split())).map(" ".join)
)
@example(name="the (the cat)")
@example(name="peoples' peoples")
def test_normal_form_of_a_normal_form_is_itself(name: str) -> None:
    assert normal_form(normal_form(name)) == normal_form(name)


@settings(max_examples=100, deadline=None)
@given(name=names, letter=st.characters(categories=("L",)), place=st.integers(0, 30))
def test_name_with_a_letter_has_a_normal_form(name: str, letter: str, place: int) -> None:
    assert normal_form(name[:place] + letter + name[place:])
    assert normal_form(letter)


@settings(max_examples=100, deadline=None)
@given(parts=plain_names)
def test_case_separator_article_plural_and_camel_case_do_not_tell_names_apart(parts: list[str]) -> None:
    name = " ".join(parts)
    capital = "".join(part.capitalize() for part in parts)
    variants = [
        name.upper(),
        name.title(),
        name.capitalize(),
        "-".join(parts),
        "_".join(parts),
        "–".join(parts),
        "  ".join(parts),
        "\u00a0".join(parts),
        capital,
        capital[0].lower() + capital[1:],
        f"the {name}",
        f"The {name}",
        f"a {name}",
        f"{name}s",
        f"The {name.title()}s",
        f"{name}'s",
        f"{name}’s",
        f" {name}\n",
        f"“{name}”",
        f"({name})",
        f"{name}.",
        f"{name}!",
        f"*{name}*",
        f"\ufeff{parts[0]}\u200b{name[len(parts[0]) :]}",
    ]
    assert {normal_form(variant) for variant in variants} == {name}


@settings(max_examples=100, deadline=None)
@given(first=plain_names, second=plain_names)
def test_names_of_other_words_stay_apart(first: list[str], second: list[str]) -> None:
    assert (normal_form(" ".join(first)) == normal_form(" ".join(second))) == (first == second)


@pytest.mark.parametrize(
    "pair",
    (
        "photo photos,law laws,video videos,organism organisms,topic topics,metric metrics,API APIs,GPU gpus,virus "
        "viruses,bus buses,campus campuses,lens lenses,gas gases,potato potatoes,hero heroes,shoe shoes,movie movies,"
        "cache caches,quiz quizzes,menu menus,knife knives,wave waves,crisis crises,thesis theses,scenario scenarios,"
        "house houses,cause causes,box boxes,church churches,city cities,class classes,analysis analyses,"
        "child children,index indices,person people,mouse mice,bacterium bacteria,tie ties,size sizes,base bases,"
        "URL URLs,loss losses,café cafés,leaf leaves,database databases,disease diseases,horse horses"
    ).split(","),
)
def test_singular_and_plural_are_one_name(pair: str) -> None:
    one, many = pair.split(" ")
    assert normal_form(one) == normal_form(many) == one.casefold()
    assert normal_form(f"old {many}") == normal_form(f"Old-{one}")


@pytest.mark.parametrize(
    "word",
    (
        "statistics mathematics physics politics ethics economics series species news bus virus census analysis basis "
        "tennis glass business dangerous chaos cosmos ethos lens gas bias canvas atlas alias devops https css os ios "
        "aws dns sms gps rss diabetes mars texas paris us is as c++ c# node.js 1990s mp3s .net"
    ).split(),
)
def test_word_that_only_looks_like_a_plural_stays(word: str) -> None:
    assert normal_form(word) == word


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C++", "C"),
        ("C#", "C"),
        ("C++", "C#"),
        ("F#", "F"),
        (".NET", "net"),
        ("1990s", "1990"),
        ("Mercury (planet)", "Mercury (element)"),
        ("Mercury (planet)", "Mercury"),
        ("हिन्दी", "हिन्द"),
        ("resume", "résumé"),
        ("Oslo", "Bergen"),
    ],
)
def test_different_names_stay_apart(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize("name", ["", " ", "...", "!!!", "🎵", "\u200b", "()", "---"])
def test_name_without_letter_or_digit_has_no_normal_form(name: str) -> None:
    assert normal_form(name) == ""


@pytest.mark.parametrize(
    ("composed", "other"), [("é", "e\u0301"), ("ﬁsh", "fish"), ("Ｃ", "c"), ("STRASSE", "straße"), ("①", "1")]
)
def test_unicode_spellings_of_a_name_are_one(composed: str, other: str) -> None:
    assert normal_form(composed) == normal_form(other)


@settings(max_examples=100, deadline=None)
@given(word=st.text("abceghilmnosuvwxyz'", max_size=10))
def test_singular_of_a_singular_is_itself_and_never_empty(word: str) -> None:
    single = singular(word)
    assert singular(single) == single
    assert bool(single) == bool(word)


def concept(number: int, name: str, facet: str = "content", **more: object) -> Concept:
    return Concept(number, facet, name, f"About {name}.", **more)  # type: ignore[arg-type]


def test_tag_links_to_the_concept_of_its_name_in_any_spelling() -> None:
    library = Library((concept(1, "Neural network"), concept(2, "C++"), concept(3, "C")))
    for tag in ("neural networks", "NEURAL-NETWORK", "NeuralNetwork", "the neural_network"):
        assert library.link("content", tag) == 1
    assert library.link("content", "c++") == 2
    assert library.link("content", "c") == 3
    assert library.link("content", "neural") is None


def test_names_win_over_aliases_and_aliases_over_members() -> None:
    library = Library(
        (
            concept(1, "Boat", members={"ship": 9, "canoe": 9, "raft": 1}),
            concept(2, "Vessel", aliases=("canoe", "ship")),
            concept(3, "Ship"),
        )
    )
    assert [library.link("content", tag) for tag in ("ships", "canoes", "rafts")] == [3, 2, 1]


def test_first_concept_wins_where_two_have_one_alias() -> None:
    library = Library((concept(1, "A1", aliases=("boat",)), concept(2, "A2", aliases=("boats",))))
    assert library.link("content", "Boat") == 1


def test_facets_are_kept_apart() -> None:
    library = Library((concept(1, "Mercury"), concept(2, "Mercury", "entity")))
    assert (library.link("content", "mercury"), library.link("entity", "mercury")) == (1, 2)
    assert library.link("tone", "mercury") is None


def test_retired_concept_is_not_linked() -> None:
    library = Library((concept(1, "Boat", status="retired", replaced_by=2), concept(2, "Vessel")))
    assert library.link("content", "boat") is None
    assert library.active == (library.concepts[1],)


def test_names_without_letters_link_nothing_to_nothing() -> None:
    library = Library((concept(1, "!!!", aliases=("🎵",)), concept(2, "Boat", members={"...": 3})))
    assert library.link("content", "???") is None
    assert library.link("content", "") is None


def test_next_id_is_above_every_id_ever_used() -> None:
    assert Library(()).next_id == 1
    assert Library((concept(3, "A"), concept(8, "B", status="retired"))).next_id == 9
