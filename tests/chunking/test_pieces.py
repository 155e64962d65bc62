"""The compiled encoder says what tiktoken says, of any text."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atlas.chunking.pieces import APART, LONGEST
from atlas.chunking.tokenizer import Cl100k, Tiktoken, tokenizer

CL100K = tokenizer("cl100k_base")
PARTS = (
    *("a", "Z", "word", " word", " Word", "ing", "0", "42", "1234", "'s", "'S", "'ll", "'VE", "'re", "'", "'x"),
    *(
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\n\n",
        "\x0b",
        "\x0c",
        "\x00",
        "\x1f",
        "\x7f",
        "!",
        "?!",
        " --",
        "...",
        "{}",
        " <",
    ),
    *(
        "é",
        " naïve",
        "ſ",
        "e\u0301",
        "\u00a0",
        "\u3000",
        "\x85",
        "\u2028",
        "“",
        "—",
        "ж",
        "日本",
        "😀",
        "٣",
        "Ⅷ",
        "\ud800",
    ),
)


def same(text: str) -> None:
    assert isinstance(CL100K, Cl100k)
    found, wanted = CL100K.encode(text), Tiktoken.encode(CL100K, text)
    assert found.tolist() == wanted.tolist()
    assert found.dtype == wanted.dtype == np.int32


@settings(deadline=None, max_examples=1500)
@given(st.lists(st.sampled_from(PARTS), max_size=24).map("".join))
@example("")
@example("é\n  word")
@example("don't STOP!!\r\n\r\n ok  \n")
def test_ids_are_tiktokens_however_words_marks_and_spaces_meet(text: str) -> None:
    same(text)


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=200))
def test_ids_are_tiktokens_for_any_unicode(text: str) -> None:
    same(text)


@settings(deadline=None, max_examples=500)
@given(st.text(st.characters(max_codepoint=127), max_size=200))
def test_ids_are_tiktokens_for_any_ascii(text: str) -> None:
    same(text)


@settings(deadline=None, max_examples=300)
@given(st.text("abcdefgh", min_size=1, max_size=2 * LONGEST))
def test_pairs_of_words_that_are_no_token_are_merged_as_tiktoken_does(text: str) -> None:
    same(text)
    same(f"Then {text} came, and {text}")


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, 50 * LONGEST])
@pytest.mark.parametrize("part", ["x", "qz", "=", " ", "\n", "7"])
def test_long_pieces_are_tiktokens(part: str, size: int) -> None:
    same((part * size)[:size])
    same("a " + (part * size)[:size] + " b")


@pytest.mark.parametrize("gap", [1, APART // 2, APART - 1, APART, APART + 1, 10 * APART])
def test_words_between_foreign_characters_are_neither_lost_nor_read_twice(gap: int) -> None:
    between = (" some plain words" * gap)[:gap]
    same(f"first é{between} é last")
    same(f"é{between}é{between} and so on")


def test_many_foreign_characters_far_apart_all_find_their_place() -> None:
    same((" plain words that go on and on for a while, “quoted” once," * 100).strip())
