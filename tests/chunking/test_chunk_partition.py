"""Chunks partition any text exactly, and none is larger than the maximum."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.chunking import chunk as chunking
from atlas.chunking.chunk import Chunk, chunk_text, chunk_utf8
from atlas.chunking.config import ChunkConfig
from atlas.chunking.tokenizer import Tokenizer

EXAMPLES = Path(__file__).parents[2] / "examples" / "corpus"
DEFAULT = ChunkConfig()

PIECES = (
    " ",
    "    ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\xa0",
    "\u2028",
    "\u2029",
    "\u3000",
    "\x00",
    "\u200b",
    "\ufeff",
    "\u202e",
    "word",
    "Sentence ends here. Another begins",
    "Dr. Smith paid 3.14, e.g. in May.",
    "don't",
    "ſ'ſ",
    "e\u0301\u0323",
    "é",
    "漢字かな交じり文。",
    "한국어 문장입니다.",
    "שלום עולם",
    "مرحبا بالعالم؟",
    "हिन्दी में",
    "👩‍👩‍👧‍👦",
    "🇳🇴",
    "😀",
    "...",
    "!?",
    "“quoted.”",
    "12",
    "1234567890",
    "# ",
    "- ",
    "1. ",
    "| a | b |\n",
    "```python\n",
    "def f(x):\n    return x\n",
    "x = {1: 2};",
    "//",
    "<|endoftext|>",
    "supercalifragilisticexpialidocious" * 4,
    "https://example.org/a/very/long/path?with=parameters&and=more#too",
)

sizes = st.sampled_from([(16, 16), (16, 24), (40, 80), (100, 200)]).map(
    lambda pair: ChunkConfig(target_tokens=pair[0], max_tokens=pair[1])
)
# Few different pieces, each repeated, make long runs of one kind next to another: where cutting goes wrong.
mixtures = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=8, unique=True)
    .flatmap(lambda few: st.lists(st.tuples(st.sampled_from(few), st.integers(1, 12)), max_size=60))
    .map(lambda runs: "".join(piece * times for piece, times in runs))
)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=600) | mixtures


def chunked(text: str, config: ChunkConfig, tokenizer: Tokenizer) -> list[Chunk]:
    return list(chunk_text(text, config, tokenizer))


def assert_partition(text: str, chunks: list[Chunk], config: ChunkConfig, tokenizer: Tokenizer) -> None:
    assert [chunk.start for chunk in chunks] == [0, *[chunk.end for chunk in chunks[:-1]]]
    assert chunks[-1].end == len(text)
    assert all(chunk.start < chunk.end for chunk in chunks) or text == ""
    for chunk in chunks:
        assert len(chunk.tokens) <= config.max_tokens
        assert chunk.tokens.dtype == np.int32
        assert np.array_equal(chunk.tokens, tokenizer.encode(text[chunk.start : chunk.end]))
        assert (chunk.status == "empty") == (not text.strip())
        assert chunk.status in ("ok", "long", "empty")


@settings(max_examples=100, deadline=None)
@given(text=texts, config=sizes)
def test_chunks_of_any_text_partition_it(text: str, config: ChunkConfig, any_tokenizer: Tokenizer) -> None:
    assert_partition(text, chunked(text, config, any_tokenizer), config, any_tokenizer)


@settings(max_examples=12, deadline=None)
@given(
    runs=st.lists(
        st.tuples(st.sampled_from(PIECES) | st.text("ab .\n漢", min_size=1, max_size=6), st.integers(1, 30_000)),
        min_size=1,
        max_size=3,
    )
)
def test_chunks_of_texts_longer_than_a_block_partition_them(
    runs: list[tuple[str, int]], any_tokenizer: Tokenizer
) -> None:
    text = "".join((piece * times)[:120_000] for piece, times in runs)
    assert_partition(text, chunked(text, DEFAULT, any_tokenizer), DEFAULT, any_tokenizer)


@settings(max_examples=40, deadline=None)
@given(text=texts, config=sizes)
def test_chunking_twice_gives_the_same_chunks(text: str, config: ChunkConfig, cl100k: Tokenizer) -> None:
    def values() -> list[tuple[object, ...]]:
        return [(c.start, c.end, c.kind, c.status, c.tokens.tolist()) for c in chunked(text, config, cl100k)]

    assert values() == values()


@settings(max_examples=50, deadline=None)
@given(text=texts)
def test_text_within_the_target_is_not_split_by_force(text: str, cl100k: Tokenizer) -> None:
    if len(cl100k.encode(text)) <= DEFAULT.target_tokens:
        assert {chunk.status for chunk in chunked(text, DEFAULT, cl100k)} <= {"ok", "empty"}


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \r\n", "\u3000\u2028\xa0"])
def test_text_with_nothing_to_read_is_one_empty_chunk(text: str, any_tokenizer: Tokenizer) -> None:
    (chunk,) = chunked(text, DEFAULT, any_tokenizer)
    assert (chunk.start, chunk.end, chunk.status) == (0, len(text), "empty")
    assert len(chunk.tokens) == len(any_tokenizer.encode(text))


@pytest.mark.parametrize("text", [" " * 200_000, "\n" * 200_000, " \n\t" * 50_000, "\u3000" * 50_000])
def test_white_space_longer_than_the_maximum_is_empty_chunks_within_it(text: str, any_tokenizer: Tokenizer) -> None:
    chunks = chunked(text, DEFAULT, any_tokenizer)
    assert {chunk.status for chunk in chunks} == {"empty"}
    assert_partition(text, chunks, DEFAULT, any_tokenizer)


@pytest.mark.parametrize("sentence", ["x" * 5000, "漢" * 2000, "0123456789abcdef/" * 400, "😀" * 500])
def test_sentence_without_spaces_above_the_maximum_is_split_and_flagged(
    sentence: str, any_tokenizer: Tokenizer
) -> None:
    text = f"A short sentence. {sentence} Another short sentence."
    chunks = chunked(text, DEFAULT, any_tokenizer)
    assert_partition(text, chunks, DEFAULT, any_tokenizer)
    inside = [chunk for chunk in chunks if chunk.start > 20 and chunk.end < len(text) - 30]
    assert len(inside) > 1
    assert {chunk.status for chunk in inside} == {"long"}


def test_long_sentence_with_spaces_is_cut_between_words(cl100k: Tokenizer) -> None:
    text = "word and " * 400 + "end"
    chunks = chunked(text, DEFAULT, cl100k)
    assert {chunk.status for chunk in chunks} == {"long"}
    assert all(text[chunk.start - 1 : chunk.start].isspace() != text[chunk.start].isspace() for chunk in chunks[1:])


@pytest.mark.parametrize(
    "text",
    [
        "a " + "." * 3_000_000,
        " " * 3_000_000 + "x | y | z",
        "x" + " " * 3_000_000,
        "a" + "\n" * 3_000_000 + "b",
        "1. " * 100_000,
        "no stop in sight " * 180_000,
    ],
    ids=["dots", "indent", "trailing spaces", "newlines", "numbers", "words"],
)
def test_very_long_line_is_chunked_in_linear_time(text: str, cl100k: Tokenizer) -> None:
    end = 0
    for chunk in chunk_text(text, DEFAULT, cl100k):  # the set-wide timeout ends what takes quadratic time
        assert chunk.start == end < chunk.end
        assert len(chunk.tokens) <= DEFAULT.max_tokens
        end = chunk.end
    assert end == len(text)


def test_chunks_of_a_long_text_come_before_its_end_is_read(cl100k: Tokenizer) -> None:
    encoded: list[int] = []

    class Counting:
        name, vocabulary_size, splits_at_whitespace = "counting", cl100k.vocabulary_size, True

        def encode(self, text: str) -> np.ndarray:
            encoded.append(len(text))
            return cl100k.encode(text)

        def byte_lengths(self, ids: np.ndarray) -> np.ndarray:
            return cl100k.byte_lengths(ids)

    next(chunk_text("A sentence of the text. " * 125_000, DEFAULT, Counting()))
    assert sum(encoded) < 200_000


@pytest.mark.parametrize(
    ("text", "position"), [("\ud800", 0), ("good until \udfff here", 11), ("😀\ud83d", 1), ("  \udc00  ", 2)]
)
def test_lone_surrogate_is_refused_with_its_position(text: str, position: int, any_tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match=rf"lone surrogate at character {position}\b"):
        chunked(text, DEFAULT, any_tokenizer)


@pytest.mark.parametrize("name", ["web", "science", "code"])
def test_example_documents_are_partitioned_into_chunks_of_about_the_target(name: str, cl100k: Tokenizer) -> None:
    documents = pq.read_table(EXAMPLES / f"{name}.parquet").column("text").to_pylist()
    counts = []
    for text in documents[:120]:
        chunks = chunked(text, DEFAULT, cl100k)
        assert_partition(text, chunks, DEFAULT, cl100k)
        counts += [len(chunk.tokens) for chunk in chunks]
    assert 85 <= np.mean(counts) <= 125


@pytest.mark.parametrize("source", ["web", "code", "science"])
def test_long_document_is_cut_as_a_whole_though_it_is_decoded_in_windows(
    monkeypatch: pytest.MonkeyPatch, cl100k: Tokenizer, source: str
) -> None:
    monkeypatch.setattr(chunking, "BLOCK_CHARS", 1 << 12)
    monkeypatch.setattr(chunking, "WINDOW_CHARS", 1 << 15)
    texts = pq.read_table(EXAMPLES / f"{source}.parquet", columns=["text"]).column("text").to_pylist()
    text = "\n".join(texts)[:200_000] + " “Ende” 😀"
    whole = [(chunk, text[chunk.start : chunk.end]) for chunk in chunk_text(text, DEFAULT, cl100k)]
    windows = list(chunk_utf8(memoryview(text.encode()), DEFAULT, cl100k))
    assert [_said(chunk, text) for chunk, text in windows] == [_said(chunk, text) for chunk, text in whole]


def test_long_document_of_nothing_but_white_space_is_empty(cl100k: Tokenizer) -> None:
    found = list(chunk_utf8(memoryview(b" \n" * 5000), DEFAULT, cl100k))
    assert {chunk.status for chunk, _ in found} == {"empty"}
    assert "".join(text for _, text in found) == " \n" * 5000


def _said(chunk: Chunk, text: str) -> tuple[object, ...]:
    return (chunk.start, chunk.end, chunk.kind, chunk.status, chunk.tokens.tolist(), text)
