"""Chunk borders fall where a reader would put them."""

from itertools import pairwise

import pytest

from atlas.chunking.chunk import chunk_text
from atlas.chunking.config import ChunkConfig
from atlas.chunking.sentences import sentence_cuts
from atlas.chunking.tokenizer import Tokenizer

FILLER = "The river runs through the valley and turns the old mill beside the village green. "


def pieces(text: str, tokenizer: Tokenizer, target: int = 100, maximum: int = 200) -> list[str]:
    config = ChunkConfig(target_tokens=target, max_tokens=maximum)
    return [text[chunk.start : chunk.end] for chunk in chunk_text(text, config, tokenizer)]


def kinds(text: str, tokenizer: Tokenizer) -> list[str]:
    return [chunk.kind for chunk in chunk_text(text, ChunkConfig(), tokenizer)]


def sentences(text: str) -> list[str]:
    cuts = [0, *sentence_cuts(text, 0, len(text)), len(text)]
    return [text[a:b].strip() for a, b in pairwise(cuts)]


def function(name: str, lines: int) -> str:
    body = "".join(f"    total_{i} = first + second * {i}\n" for i in range(lines))
    return f"def {name}(first, second):\n{body}    return first\n"


def test_function_that_fits_is_whole_in_one_chunk(cl100k: Tokenizer) -> None:
    functions = [function(name, 12) for name in ("alpha", "beta", "gamma")]
    assert all(100 < len(cl100k.encode(text)) < 200 for text in functions)
    source = "import os\nimport sys\n\n\n" + "\n\n".join(functions)
    found = pieces(source, cl100k)
    assert all(any(text in piece for piece in found) for text in functions)


def test_decorators_and_comments_stay_with_their_function(cl100k: Tokenizer) -> None:
    functions = [f"# About {name}.\n@cached\n{function(name, 8)}" for name in ("alpha", "beta", "gamma", "delta")]
    found = pieces("\n\n".join(functions), cl100k)
    assert len(found) > 1
    assert all(any(text in piece for piece in found) for text in functions)


def test_blank_line_inside_a_function_that_fits_does_not_cut_it(cl100k: Tokenizer) -> None:
    functions = [function(name, 11).replace("    total_6", "\n    total_6") for name in ("alpha", "beta", "gamma")]
    found = pieces("\n\n".join(functions), cl100k)
    assert all(any(text in piece for piece in found) for text in functions)


def test_function_above_the_maximum_is_cut_between_lines(cl100k: Tokenizer) -> None:
    found = pieces(function("large", 60), cl100k)
    assert len(found) > 2
    assert all(piece.endswith("\n") for piece in found)


def test_source_code_is_of_kind_code(cl100k: Tokenizer) -> None:
    assert set(kinds("\n\n".join(function(name, 12) for name in ("alpha", "beta")), cl100k)) == {"code"}


@pytest.mark.parametrize("mark", ["# ", "## ", "###### "])
def test_markdown_headings_start_chunks(mark: str, cl100k: Tokenizer) -> None:
    sections = [f"{mark}Part {number}\n\n{FILLER * 6}\n\n" for number in range(5)]
    assert pieces("".join(sections), cl100k) == sections


def test_paragraphs_of_target_size_are_chunks(cl100k: Tokenizer) -> None:
    paragraphs = [f"{FILLER * 6}{number}.\n\n" for number in range(5)]
    assert pieces("".join(paragraphs), cl100k) == paragraphs


def test_short_list_items_are_not_cut(cl100k: Tokenizer) -> None:
    items = [f"- Item {number}. Take the boat. Row over the river, then wait for Dr. Brown.\n" for number in range(40)]
    found = pieces("Things to do:\n\n" + "".join(items), cl100k)
    assert len(found) > 3
    assert all(any(item in piece for piece in found) for item in items)


def test_table_rows_are_not_cut(cl100k: Tokenizer) -> None:
    rows = [f"| {number} | The boat. It is red. | It was built in 19{number}. |\n" for number in range(10, 60)]
    found = pieces("| no | what | when |\n| --- | --- | --- |\n" + "".join(rows), cl100k)
    assert len(found) > 3
    assert all(any(row in piece for piece in found) for row in rows)


def test_prose_list_table_and_fenced_code_have_their_kinds(cl100k: Tokenizer) -> None:
    parts = {
        "prose": FILLER * 7 + "\n\n",
        "list": "- take the boat over the river and wait there for us\n" * 10 + "\n",
        "table": "| name | size | colour of the boat |\n" * 10 + "\n",
        "code": "```python\n" + "first = second(third) + 1\n" * 12 + "```\n",
    }
    assert kinds("".join(parts.values()), cl100k) == list(parts)


def test_sentences_are_not_cut_inside(cl100k: Tokenizer) -> None:
    one = "Dr. Smith measured 3.14 metres, e.g. in Fig. 2 of J. R. Brown et al. for the U.S. Navy at 5 p.m. sharp. "
    found = pieces(one * 30, cl100k)
    assert len(found) > 5
    assert all(piece.strip().startswith("Dr. Smith") and piece.strip().endswith("sharp.") for piece in found)


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Mrs. Jones in St. Ives.",
        "Pi is 3.14 and e is 2.71 or so.",
        "Many fruits, e.g. Apples, are red.",
        "See Fig. 3 and Eq. 4 for it.",
        "J. R. R. Tolkien wrote it.",
        "The U.S. Navy has ships.",
        "It cost 5.00 dollars at example.org today.",
        "He asked “why?” and left.",
        "Wait... what is it?",
        "1. Mix the flour.",
    ],
)
def test_sentence_with_stops_inside_is_one_sentence(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        ("Who? Me! Yes.", ["Who?", "Me!", "Yes."]),
        ("He said “go.” She went.", ["He said “go.”", "She went."]),
        ("It was in 2019. Then it ended.", ["It was in 2019.", "Then it ended."]),
        ("雨が降った。帰った。", ["雨が降った。", "帰った。"]),
        ("Wait... Now go.", ["Wait...", "Now go."]),
        ("So do I. You too.", ["So do I.", "You too."]),
        ("One.\n\nTwo.", ["One.", "Two."]),
    ],
)
def test_sentences_are_cut_between(text: str, wanted: list[str]) -> None:
    assert sentences(text) == wanted


def test_words_keep_their_leading_space_at_a_cut(cl100k: Tokenizer) -> None:
    text = "A boat came. " * 60
    found = pieces(text, cl100k)
    assert all(piece.startswith(" A") for piece in found[1:])
