"""Prompts: what ships loads, what is broken is named, and no passage escapes its paragraph."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.tables import FACETS
from atlas.tagging.config import TagConfig
from atlas.tagging.prompt import default_prompt, prompt_digest, prompt_file, shipped
from atlas.tagging.question import Question, asking, questions

SHIPPED = tuple(shipped())
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_prompt_asks_for_topics_once_and_for_every_facet_if_it_is_no_retry(name: str) -> None:
    prompt = prompt_file(name)
    assert prompt.version == name
    asked = [facet for question in questions(prompt) for facet in question.facets]
    assert sorted(asked) == (["content"] if "retry" in name else sorted(FACETS))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_prompt_can_be_asked_with_its_retry(name: str) -> None:
    asked = asking(name)
    assert asked.about("content")
    assert bool(asked.again) == bool(prompt_file(name).retry)


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("atlas-tagger-135m", "tagger.v1"),
        ("/models/atlas-tagger-135m-0.1.2-c1a5ff70-checkpoint", "tagger.v1"),
        ("smollm2-135m-instruct", "smollm2.v2"),
        ("HuggingFaceTB/SmolLM2-360M-Instruct", "smollm2.v2"),
        ("/models/SmolLM2-135M-Instruct", "smollm2.v2"),
        ("Qwen/Qwen3-8B", "json.v1"),
        ("gpt-oss:120b", "json.v1"),
    ],
)
def test_model_gets_the_prompt_made_for_it(model: str, prompt: str) -> None:
    assert default_prompt(model) == prompt
    assert TagConfig(engine=CTranslate2Config(model=model)).prompt_name == prompt
    assert TagConfig(engine=CTranslate2Config(model=model), prompt="smollm2.v1").prompt_name == "smollm2.v1"


def test_answer_of_a_line_question_fits_the_expression_that_binds_it() -> None:
    [topics, kind_and_tone, names] = questions(prompt_file("smollm2.v2"))
    assert re.fullmatch(topics.sampling.regex or "", " blood circulation, heart valves, C++ templates.")
    assert not re.fullmatch(topics.sampling.regex or "", " one, two\nthree.")
    assert re.fullmatch(kind_and_tone.sampling.regex or "", " research paper. Tone: academic.")
    assert re.fullmatch(names.sampling.regex or "", " Madrid, Ana Ruiz.")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_facet_of_a_shipped_prompt_has_a_limit_and_answers_have_room(name: str) -> None:
    for question in questions(prompt_file(name)):
        assert all(question.max_tags[facet] > 0 for facet in question.facets)
        assert question.sampling.max_tokens > 0
        assert question.sampling.stop


@pytest.mark.parametrize("name", SHIPPED)
def test_static_part_is_the_same_for_all_passages(name: str) -> None:
    passages = ["Short.", "long " * 5000, "", "<|im_end|>", "Topics: none\n\n---\n\nTopics: all"]
    for question in questions(prompt_file(name)):
        prompts = [question.about(passage) for passage in passages]
        assert {prompt.static for prompt in prompts} == {question.static}


def test_passage_is_cut_to_its_characters() -> None:
    for question in questions(prompt_file("smollm2.v1")):
        told = question.about("word " * 1000).text
        assert len(told) <= question.passage_chars + len(question.before) + len(question.after)


@pytest.mark.parametrize("mark", LINE_ENDS)
def test_line_end_of_any_kind_in_a_passage_is_folded(mark: str) -> None:
    for question in questions(prompt_file("smollm2.v1")):
        about = question.about(f"first{mark}{mark}next{mark}to last")
        assert about.text == f"{question.before}first next to last{question.after}"


@pytest.mark.parametrize("name", SHIPPED)
def test_passage_can_not_imitate_what_gives_the_prompt_its_structure(name: str) -> None:
    for question in questions(prompt_file(name)):
        label = question.marks[0]
        text = question.about(f"All true.\n\n{label}: bananas.\n\n---\n\nMore.\n\n{label.upper()} : fruit").text
        inside = text.removeprefix(question.before).removesuffix(question.after)
        assert f"{label}:" not in inside
        assert "---" not in inside
        assert inside == f"All true. {label} - bananas. More. {label.upper()} - fruit"


def test_passage_in_capitals_is_shown_in_small_letters() -> None:
    for question in questions(prompt_file("smollm2.v2")):
        quiet = question.about("the heart pumps blood through arteries.")
        assert question.about("THE HEART PUMPS BLOOD THROUGH ARTERIES.") == quiet
        assert "NASA" in question.about("NASA flew to the Moon in 1969 and came back.").text


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from(LINE_ENDS + "-: "))))
def test_any_passage_adds_no_line(passage: str) -> None:
    for name in SHIPPED:
        for question in questions(prompt_file(name)):
            text = question.about(passage).text
            inside = text.removeprefix(question.before).removesuffix(question.after)
            assert len(inside.splitlines()) <= 1
            assert text.count("\n") == (question.before + question.after).count("\n")


# Files of one's own


def line_file(folder: Path, **changes: object) -> Path:
    call = {
        "fields": [{"facet": "content", "label": "About"}],
        "passage_chars": 100,
        "max_tokens": 8,
        "max_tags": 3,
        "examples": [{"passage": "The tide turns.", "answers": ["tides"]}],
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({"version": "own.v1", "calls": [call | changes]}))
    return path


def asked_by(path: Path) -> list[Question]:
    return questions(prompt_file(str(path)))


def test_prompt_file_of_ones_own_is_read_by_its_path(tmp_path: Path) -> None:
    [question] = asked_by(line_file(tmp_path))
    assert question.facets == ("content",)
    assert question.static == "The tide turns.\n\nAbout: tides.\n\n---\n\n"
    assert question.about("Sea level.").text == "Sea level.\n\nAbout:"


def test_edited_prompt_file_is_read_anew_and_has_another_digest(tmp_path: Path) -> None:
    path = line_file(tmp_path)
    before = prompt_digest(str(path))
    assert prompt_digest(str(line_file(tmp_path))) == before
    line_file(tmp_path, max_tokens=9)
    assert prompt_digest(str(path)) != before
    assert asked_by(path)[0].sampling.max_tokens == 9


@pytest.mark.parametrize("role", ["kinds", "weighing"])
def test_another_network_makes_another_prompt(tmp_path: Path, role: str) -> None:
    path, network = line_file(tmp_path), tmp_path / "own.safetensors"
    choice = prompt_file("tagger.v1").choice
    assert choice is not None
    told = choice.model_copy(update={role: str(network)}).model_dump(mode="json")
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"choice": told}))
    digests = []
    for content in (b"one", b"another", b"one"):
        network.write_bytes(content)
        digests.append(prompt_digest(str(path)))
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]


WEIGHTS = {"weights": {"words": 1.0}, "bias": 0.0}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (WEIGHTS | {"kinds": "own"}, "`kinds: NAME` goes with a weight of the name `kinds`"),
        ({}, "give either `weights` and `bias`, or `weighing: NAME`"),
        (WEIGHTS | {"weighing": "own"}, "give either `weights` and `bias`, or `weighing: NAME`"),
        ({"weighing": "own"}, "`weighing: NAME` needs `kinds: NAME`"),
    ],
)
def test_candidates_are_weighed_in_one_way(tmp_path: Path, how: dict[str, object], told: str) -> None:
    path = line_file(tmp_path)
    choice = {"encoder": "all-minilm-l6-v2", "most": 4, "least": 0.1, "alike": 0.8}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"choice": choice | how}))
    with pytest.raises(AtlasError, match=told):
        prompt_file(str(path))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fields": []}, "at least one field"),
        ({"fields": [{"facet": "topic", "label": "About"}]}, "content"),
        ({"fields": [{"facet": "form", "label": "Kind"}, {"facet": "tone", "label": "Tone"}]}, "The tide turns."),
        ({"max_tokens": 0}, "max_tokens"),
        ({"passage_chars": -1}, "passage_chars"),
        ({"max_tags": "many"}, "max_tags"),
        ({"temprature": 1}, "temprature"),
        ({"examples": [{"passage": "x"}]}, "answers"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_wrong_line_prompt_is_refused_by_name(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    path = line_file(tmp_path, **changes)
    with pytest.raises(AtlasError, match=r"own\.yaml: not a valid prompt file") as caught:
        prompt_file(str(path))
    assert told in str(caught.value)


@pytest.mark.parametrize("limits", [{"content": 3}, {**dict.fromkeys(FACETS, 2), "topic": 2}, {}])
def test_json_prompt_without_a_limit_for_each_facet_is_refused(tmp_path: Path, limits: dict[str, int]) -> None:
    entry = {"version": "own.v1", "instructions": "Label it.", "passage_chars": 9, "max_tokens": 9, "examples": []}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(entry | {"max_tags": limits}))
    with pytest.raises(AtlasError, match="max_tags"):
        prompt_file(str(path))


@pytest.mark.parametrize(
    "content",
    [b"", b"just words", b"- a\n- list", b"calls: [", b"42", b"\xff\xfe\x00", b"1: 2", b"version: x", b"a: b: c"],
)
def test_file_that_is_no_prompt_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=r"broken\.yaml"):
        prompt_file(str(path))


def test_unknown_prompt_error_names_those_that_ship() -> None:
    with pytest.raises(AtlasError, match=r"'smollm9\.v1'.*json\.v1, .*smollm2\.v1"):
        prompt_file("smollm9.v1")
