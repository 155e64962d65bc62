"""Texts made to be slow take time in proportion to their length; a gigantic document comes out whole."""

import base64
import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from run_files import run_over

from atlas.chunking.chunk import chunk_text
from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.chunking.tokenizer import tokenizer

SHORT = 5_000  # characters. The longer text is still looked at whole where patterns are at work, so a slow one shows
TIMES_LONGER = 4
SLACK = 2.5  # quadratic time would be 4 times as much as is in proportion

BAIT: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "spaces": lambda n: "x" + " " * n + "x",
    "newlines": lambda n: "x" + "\n" * n + "x",
    "lines of spaces": lambda n: "x" + (" " * 500 + "\n") * (n // 501) + "x",
    "tabs behind a cell": lambda n: "a\tb" + "\t" * n + "\nc",
    "tabs between cells": lambda n: "a" + "\t" * (n // 2) + "b" + "\t" * (n // 2) + "\nc",
    "table marks": lambda n: "a | b" + " | " * (n // 3) + "\nc",
    "combining marks": lambda n: "a" + "\u0301" * n,
    "full stops": lambda n: "x." * (n // 2),
    "closing quotes": lambda n: "." + '"' * n + " x",
    "ideographic stops": lambda n: "。" + "」" * n + " x",
    "closing brackets": lambda n: "x\ny\n" + ")" * n + "x\n",
    "brackets and spaces": lambda n: "x\ny\n" + ")" * (n // 2) + " " * (n // 2) + "x\n",
    "opening brackets": lambda n: "[" * n,
    "fences": lambda n: "```\n" * (n // 4),
    "nested quotes": lambda n: "> " * (n // 2) + "x",
    "nested list": lambda n: "".join(" " * (i % 300) + "- x\n" for i in range(n // 150)),
    "underlines": lambda n: "x\n" + "=" * n + "!\n",
    "modifiers": lambda n: "x\ny\nz\n" + "export default " * (n // 15),
    "no white space": lambda n: base64.b64encode(random.Random(1).randbytes(n * 3 // 4)).decode(),
    "ideographs": lambda n: "漢" * n,
    "joined emoji": lambda n: "👩‍👩‍👧‍👦" * (n // 7),
}


def _seconds(text: str) -> float:
    """Of the processor."""
    named = tokenizer("cl100k_base")
    started = time.process_time()
    assert sum(chunk.end - chunk.start for chunk in chunk_text(text, ChunkConfig(), named)) == len(text)
    return time.process_time() - started


@pytest.mark.parametrize("bait", BAIT)
def test_bait_takes_time_in_proportion_to_its_length(bait: str) -> None:
    short, long = BAIT[bait](SHORT), BAIT[bait](TIMES_LONGER * SHORT)
    # The least of many, in turns: what else a processor does comes and goes.
    taken = [(_seconds(long), _seconds(short)) for _ in range(12)]
    assert min(own for own, _ in taken) / min(own for _, own in taken) < SLACK * len(long) / len(short)


@pytest.mark.slow
def test_document_of_20_megabytes_in_one_line_comes_out_whole(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    text = ("word" + " " * 200) * ((20 << 20) // 204)
    (corpus / "a.jsonl").write_text(f'{{"id": "a", "text": "before"}}\n{{"id": "b", "text": "{text}"}}\n')
    result = run_over(ChunkStage(ChunkConfig()), corpus, tmp_path / "out")
    assert (result.counts.records_in, result.counts.records_out, result.counts.quarantined) == (2, 2, 0)
    (path,) = (tmp_path / "out" / "parts").glob("*.parquet")
    chunks = pq.read_table(path, columns=["doc_id", "text"]).filter(pq.filters_to_expression([("doc_id", "=", "b")]))
    assert "".join(chunks.column("text").to_pylist()) == text
