"""A tag run whose engine is a server: what one prompt's failure costs, and what a server that is gone does."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from misbehaving_server import Server, answer, status

from atlas import verbs
from atlas.errors import Unavailable
from atlas.llm.openai import OpenAIConfig
from atlas.runner.folder import RunFolder
from atlas.runner.inspect import quarantined
from atlas.tables import CHUNKS
from atlas.tagging.config import TagConfig
from atlas.tagging.prompt import prompt_file
from atlas.tagging.question import questions

TEXTS = tuple(f"Passage {number} is about tides and the pull of the Moon." for number in range(8))
BAD = TEXTS[5]
[QUESTION] = questions(prompt_file("json.v1"))
GOOD = json.dumps({"content": ["tides", "gravity"], "entity": ["Moon"], "tone": ["dry"], "form": ["textbook"]})


@pytest.fixture
def chunks(tmp_path: Path) -> Path:
    """A table of chunks, in two units of four."""
    rows = [
        {
            "doc_id": f"d{number}",
            "chunk_id": 0,
            "source": "here",
            "char_start": 0,
            "char_end": len(text),
            "token_count": len(text.split()),
            "kind": "prose",
            "status": "ok",
            "text": text,
        }
        for number, text in enumerate(TEXTS)
    ]
    path = tmp_path / "chunks.parquet"
    pq.write_table(pa.Table.from_pylist(rows, CHUNKS), path, row_group_size=4)
    return path


def asked(text: str) -> str:
    return QUESTION.about(text).text


def config(server: Server) -> TagConfig:
    engine = OpenAIConfig(base_url=server.url, model="tiny", attempts=2, backoff_s=0.001)
    return TagConfig(engine=engine)


def test_prompt_that_is_refused_costs_its_chunk_alone_and_nothing_is_asked_twice(
    server: Server, chunks: Path, tmp_path: Path
) -> None:
    server.script = {asked(text): [answer(GOOD)] for text in TEXTS} | {asked(BAD): [status(400, "too odd")]}
    result = verbs.tag(chunks, config(server), tmp_path / "tags")
    assert result.balanced
    assert (result.counts.records_out, result.counts.quarantined) == (7, 1)
    [row] = quarantined(RunFolder.at(tmp_path / "tags"))
    assert row["doc_id"] == "d5"
    assert "HTTP 400: too odd" in row["detail"]
    assert [server.tries(asked(text)) for text in TEXTS] == [1] * 8


def test_retry_asks_again_about_the_quarantined_alone(server: Server, chunks: Path, tmp_path: Path) -> None:
    server.script = {asked(text): [answer(GOOD)] for text in TEXTS}
    server.script[asked(BAD)] = [status(400), answer(GOOD)]
    out = tmp_path / "tags"
    verbs.tag(chunks, config(server), out)
    parts = {path.name: path.read_bytes() for path in (out / "parts").iterdir()}
    retried = verbs.retry(out)
    assert (retried.mended, retried.left) == (1, 0)
    assert {name: (out / "parts" / name).read_bytes() for name in parts} == parts
    assert [server.tries(asked(text)) for text in TEXTS] == [2 if text == BAD else 1 for text in TEXTS]
    table = verbs.read_tags(out)
    assert sorted(table["doc_id"].to_pylist()) == [f"d{number}" for number in range(8)]
    assert table["content"].to_pylist() == [["tides", "gravity"]] * 8
    assert verbs.status(out).complete


@pytest.mark.parametrize("step", [status(401, "no such key"), status(404, "no such model")])
def test_server_that_no_prompt_escapes_stops_the_run_and_quarantines_nothing(
    server: Server, chunks: Path, tmp_path: Path, step: object
) -> None:
    server.script = {asked(text): [step] for text in TEXTS}
    with pytest.raises(Unavailable, match="no such"):
        verbs.tag(chunks, config(server), tmp_path / "tags")
    assert not list((tmp_path / "tags" / "quarantine").glob("*.parquet"))
    server.script = {asked(text): [answer(GOOD)] for text in TEXTS}
    assert verbs.tag(chunks, config(server), tmp_path / "tags").counts.records_out == 8
