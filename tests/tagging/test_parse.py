"""What counts as a tag, whatever a model wrote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.library.names import normal_form
from atlas.tables import FACETS
from atlas.tagging.parse import MAX_CHARS, MAX_WORDS, clean, json_tags, line_tags

TOPICS = (("content",), ("Topics",))
KIND_AND_TONE = (("form", "tone"), ("Kind of text", "Tone"))

# What language models write, whole and in pieces.
SCRAPS = st.sampled_from(
    ['{"content": [', '"', "\\", "\\u", "\\ud83d", "]", "}", "{", "[" * 50, ", ", "None.", "Tone:", "\n", "```json"]
)
ANSWERS = st.one_of(st.text(), st.lists(st.one_of(SCRAPS, st.text(max_size=8)), max_size=30).map("".join))


# One line of tags


def test_line_of_tags_is_split_at_commas_and_its_full_stop() -> None:
    found = line_tags(" blood circulation, heart valves; physiology.", *TOPICS, cut_off=False)
    assert clean(found["content"], None, 6) == ["blood circulation", "heart valves", "physiology"]


def test_last_tag_of_a_cut_off_line_is_dropped() -> None:
    assert line_tags(" gravity, orbital mech", *TOPICS, cut_off=True) == {"content": ["gravity"]}


def test_only_tag_of_a_cut_off_line_is_kept() -> None:
    assert line_tags(" gravity", *TOPICS, cut_off=True) == {"content": ["gravity"]}


def test_second_label_in_the_line_starts_the_second_facet() -> None:
    found = line_tags(" source code. Tone: technical.", *KIND_AND_TONE, cut_off=False)
    assert {facet: clean(tags, None, 2) for facet, tags in found.items()} == {
        "form": ["source code"],
        "tone": ["technical"],
    }


def test_cut_behind_the_second_label_leaves_the_first_facet_whole() -> None:
    found = line_tags(" blog post, essay. Tone: enthus", *KIND_AND_TONE, cut_off=True)
    assert clean(found["form"], None, 2) == ["blog post", "essay"]
    assert found["tone"] == [" enthus"]


def test_line_without_its_second_label_has_no_second_facet() -> None:
    assert "tone" not in line_tags(" source code.", *KIND_AND_TONE, cut_off=False)


# JSON


@pytest.mark.parametrize(
    "answer",
    [
        '{"content": ["tides", "gravity"], "tone": ["dry"]}',
        '```json\n{"content": ["tides", "gravity"], "tone": ["dry"]}\n```',
        'Sure! Here {you} are: {"content": ["tides", "gravity"], "tone": ["dry"]} Hope that helps.',
        '{"content": ["tides", "gravity"], "tone": ["dry"], "entity": ["Ear',
        '{"content": ["tides", "gravity",], "tone": ["dry",]}',
        '{"content": "tides, gravity", "tone": "dry"}',
        '{"content": ["tides", "gravity", null, 7, ["moon"], {"a": "b"}], "tone": ["dry"], "form": null}',
    ],
    ids=["plain", "fenced", "in-prose", "cut-off", "trailing-comma", "strings", "wrong-types"],
)
def test_json_of_any_shape_gives_its_tags(answer: str) -> None:
    found = json_tags(answer, FACETS)
    assert found is not None
    cleaned = {facet: clean(tags, None, 6) for facet, tags in found.items()}
    assert cleaned["content"] == ["tides", "gravity"]
    assert cleaned["tone"] == ["dry"]
    assert not cleaned.get("form")


@pytest.mark.parametrize("answer", ["", "tides, gravity", "[1, 2]", "{}", '{"topics": ["tides"]}', "{" * 3000, "}{"])
def test_answer_without_a_facet_gives_nothing(answer: str) -> None:
    assert json_tags(answer, FACETS) is None


def test_escapes_are_read_in_an_object_that_breaks_off_too() -> None:
    assert json_tags('{"content": ["caf\\u00e9", "bad \\x", "ti', FACETS) == {"content": ["café", '"bad \\x"']}


def test_json_that_opens_brackets_without_end_gives_what_stands_before_them() -> None:
    found = json_tags('{"tone": ["dry"], "content": ' + "[" * 100_000, FACETS)
    assert found is not None
    assert found["tone"] == ["dry"]
    assert clean(found.get("content", []), None, 6) == []


# What a tag is


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "None.",
        "n/a",
        "Not applicable",
        "2024",
        "3.14",
        "12 %",
        "-",
        "…",
        "x",
        "X X X",
        "very very long",
        "This passage is about the history of the Roman army",
        "a" * (MAX_CHARS + 1),
        "def mean(xs): return 1",
        "i++x",
        "std::vector",
        "obj->field",
        "<|im_end|>",
        "a = b",
        "\\begin{equation}",
        "https://example.org/x",
    ],
)
def test_text_that_is_no_tag_is_dropped(raw: str) -> None:
    assert clean([raw], None, 6) == []


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("  heart  \t valves. ", "heart valves"),
        ("- **gravity**", "gravity"),
        ('"orbit"', "orbit"),
        ("“orbit”", "orbit"),
        ("C++", "C++"),
        ("C#", "C#"),
        (".NET", "NET"),
        ("K-12 education", "K-12 education"),
        ("Schrödinger equation", "Schrödinger equation"),
        ("量子力学", "量子力学"),
    ],
)
def test_tag_is_kept_in_its_own_spelling_without_marks_around_it(raw: str, tag: str) -> None:
    assert clean([raw], None, 6) == [tag]


def test_tags_that_differ_by_case_number_or_hyphen_are_one() -> None:
    tags = ["Machine learning", "machine-learning", "MACHINE LEARNING", "hash tables", "Hash table", "graph"]
    assert clean(tags, None, 6) == ["Machine learning", "hash tables", "graph"]


def test_repeated_tag_is_kept_once() -> None:
    assert clean(["tides", "tides", "tides", "Tides"], None, 6) == ["tides"]


def test_most_is_never_exceeded_and_the_first_win() -> None:
    assert clean(["red", "green", "blue", "white"], None, 2) == ["red", "green"]


def test_banned_tags_are_dropped_whatever_their_spelling() -> None:
    assert clean(["Heart Valves", "tides"], None, 6, banned=["heart valve"]) == ["tides"]


def test_words_only_drops_what_has_more_than_letters() -> None:
    tags = ["blog post", "3rd person", "how-to", "tone: dry"]
    assert clean(tags, None, 6, words_only=True) == ["blog post", "how-to"]


def test_half_of_a_surrogate_pair_is_taken_out_of_a_tag() -> None:
    found = json_tags('{"content": ["magnets \\ud83e", "tides"]}', FACETS)
    assert found is not None
    cleaned = clean(found["content"], None, 6)
    assert cleaned == ["magnets", "tides"]
    assert [tag.encode().decode() for tag in cleaned] == cleaned


# Names


PASSAGE = "In Romania, the\nBlack  Sea meets the Danube. USB cables are sold there; The Hague is far."


@pytest.mark.parametrize("name", ["Romania", "Black Sea", "Danube", "USB", "The Hague"])
def test_name_that_stands_in_the_passage_is_kept(name: str) -> None:
    assert clean([name], PASSAGE, 6) == [name]


@pytest.mark.parametrize("name", ["Rome", "Roman", "US", "romania", "danube", "cables", "The Danube"])
def test_name_that_does_not_stand_there_whole_and_spelt_so_is_dropped(name: str) -> None:
    assert clean([name], PASSAGE, 6) == []


# Anything at all


def within_limits(tags: list[str], most: int) -> bool:
    forms = [normal_form(tag) for tag in tags]
    return (
        len(tags) <= most
        and all(forms)
        and len(set(forms)) == len(forms)
        and all(2 <= len(tag) <= MAX_CHARS and len(tag.split()) <= MAX_WORDS for tag in tags)
        and all(tag == " ".join(tag.split()) and tag.encode() for tag in tags)
    )


@settings(deadline=None)
@given(ANSWERS, st.booleans(), st.sampled_from([TOPICS, KIND_AND_TONE]))
def test_any_line_gives_tags_within_limits(answer: str, cut_off: bool, asked: tuple[tuple[str, ...], ...]) -> None:
    for tags in line_tags(answer, *asked, cut_off=cut_off).values():
        assert within_limits(clean(tags, None, 6), 6)


@settings(deadline=None)
@given(ANSWERS)
def test_any_json_answer_gives_tags_within_limits_or_nothing(answer: str) -> None:
    for facet, tags in (json_tags(answer, FACETS) or {}).items():
        assert facet in FACETS
        assert within_limits(clean(tags, None, 6), 6)


@settings(deadline=None)
@given(st.lists(st.text(), max_size=8), st.text(), st.integers(1, 6))
def test_any_names_kept_stand_in_any_passage(tags: list[str], passage: str, most: int) -> None:
    kept = clean([*tags, *passage.split()], passage, most)
    assert within_limits(kept, most)
    assert all(name in " ".join(passage.split()) for name in kept)


@pytest.mark.parametrize("garbage", ['{"content": ["' + '\\"' * 5000, "a, " * 3400, "[{" * 5000, "\x00\uffff" * 5000])
def test_ten_kilobytes_of_garbage_are_read_like_any_answer(garbage: str) -> None:
    for tags in [*line_tags(garbage, *TOPICS, cut_off=True).values(), *(json_tags(garbage, FACETS) or {}).values()]:
        assert within_limits(clean(tags, garbage, 6), 6)
