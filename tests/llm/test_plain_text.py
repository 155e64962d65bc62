"""Text in which nothing is special."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.llm.plain_text import MARKS, PlainTokenizer, marks_broken, until_stop
from atlas.models.fetch import locate

MARKED = (
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|reserved_special_token_0|>", "<｜end▁of▁sentence｜>"),
    *("<s>", "</s>", "<eos>", "<think>", "<start_of_turn>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
)


@pytest.mark.parametrize("mark", MARKED)
def test_mark_of_a_chat_template_is_broken_wherever_it_stands(mark: str) -> None:
    assert marks_broken(f"a{mark}b {mark}") == f"a{mark[0]} {mark[1:]}b {mark[0]} {mark[1:]}"


@pytest.mark.parametrize("text", ["a < b and c > d", "List<String> x", "a || b <| c |> d", "[INSTALL] [1]", "<p>s</p>"])
def test_text_without_a_mark_stays_as_it_is(text: str) -> None:
    assert marks_broken(text) == text


@given(st.lists(st.sampled_from([*MARKED, "<", "|", ">", "/", "[", "s", " ", "x"])).map("".join))
def test_no_mark_is_left_and_nothing_but_spaces_is_added(text: str) -> None:
    broken = marks_broken(text)
    assert not MARKS.search(broken)
    assert broken.replace(" ", "") == text.replace(" ", "")


@pytest.fixture(scope="module")
def folder() -> Path:
    return locate("smollm2-135m-instruct")


@pytest.mark.parametrize("mark", ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<file_sep>"])
def test_tokenizer_spells_special_tokens_out_and_loses_no_character(folder: Path, mark: str) -> None:
    tokenizer = PlainTokenizer(folder)
    encoded = tokenizer.encode(f"a {mark} b")
    assert mark not in encoded.tokens
    assert tokenizer.decode(encoded.ids) == f"a {mark} b"


def test_added_token_that_is_not_called_special_is_spelt_out_too(folder: Path, tmp_path: Path) -> None:
    told = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    size = len(told["model"]["vocab"])
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    told["added_tokens"].append({"id": size, "content": "<tool_call>", **flags})
    (tmp_path / "tokenizer.json").write_text(json.dumps(told), encoding="utf-8")
    encoded = PlainTokenizer(tmp_path).encode("a <tool_call> b")
    assert size not in encoded.ids


def test_folder_without_a_tokenizer_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"no tokenizer\.json"):
        PlainTokenizer(tmp_path)


def test_answer_ends_before_the_first_of_its_stops() -> None:
    assert until_stop("one two\nthree", ("\n", " two")) == ("one", True)
    assert until_stop("one", ("\n", "")) == ("one", False)
