"""Retagging: the kept answers are read again, and no model is asked."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from atlas import verbs
from atlas.errors import AtlasError
from atlas.llm.base import Completion
from atlas.runner.run import Result
from atlas.tables import CHUNKS, FACETS, TAGS
from atlas.tagging.config import TagConfig
from atlas.tagging.question import Asking, asking
from atlas.tagging.reread import reread
from atlas.tagging.stage import TagStage, tag_chunks

Rows = Callable[..., pa.RecordBatch]
FIRST = asking("smollm2.v1")
TEXTS = ["The Moon pulls at the Earth.", "Of Mars and tides.", "Nothing."]


def answer(prompt: str) -> Completion:
    if prompt.endswith("Kind of text:"):
        return Completion(" textbook. Tone: dry.", "stop", completion_tokens=8)
    if prompt.endswith("Names:"):
        return Completion(" Moon, Earth, Mars.", "stop", completion_tokens=8)
    if "Nothing." in prompt:
        return Completion(" 12 34", "length", completion_tokens=28)
    if "Mars" in prompt:
        return Completion(" tides, gravity, space flig", "length", completion_tokens=28)
    return Completion(" tides, gravity.", "stop", completion_tokens=6)


@pytest.fixture
def tagged(rule_engine: Any, chunk_rows: Rows) -> pa.RecordBatch:
    return tag_chunks(chunk_rows(*TEXTS), rule_engine(answer), FIRST.questions, FIRST.version)


def test_the_same_prompt_reads_the_same(tagged: pa.RecordBatch) -> None:
    assert tagged.column("tag_status").to_pylist() == ["ok", "ok", "truncated"]
    assert reread(tagged, FIRST).equals(tagged)


@pytest.mark.parametrize("finish", ["stop", "length", "refused"])
@pytest.mark.parametrize("text", [" tides, gravity, space.", " tides, gravity, space", ""])
def test_answer_reads_the_same_however_it_ended(rule_engine: Any, chunk_rows: Rows, text: str, finish: Any) -> None:
    engine = rule_engine(lambda _: Completion(text, finish, completion_tokens=28))
    rows = tag_chunks(chunk_rows(*TEXTS), engine, FIRST.questions, FIRST.version)
    assert reread(rows, FIRST).equals(rows)


def test_how_answers_ended_is_guessed_where_it_was_not_kept(tagged: pa.RecordBatch) -> None:
    raw = [json.loads(text) for text in tagged.column("completion").to_pylist()]
    assert [answers.pop("ended") for answers in raw] == [{}, {"content": "length"}, {"content": "length"}]
    column = pa.array([json.dumps(answers) for answers in raw])
    older = tagged.set_column(TAGS.get_field_index("completion"), TAGS.field("completion"), column)
    assert reread(older, FIRST).select(FACETS).equals(tagged.select(FACETS))


def test_another_prompt_reads_and_chooses_in_its_own_way(tagged: pa.RecordBatch) -> None:
    def choose(passages: Sequence[str], written: Sequence[Sequence[str]]) -> list[list[str]]:
        return [[passage.split()[1], *tags[:1]] for passage, tags in zip(passages, written, strict=True)]

    again = reread(tagged, asking("smollm2.v2"), choose)
    assert again.column("content").to_pylist() == [["Moon", "tides"], ["Mars", "tides"], []]
    assert set(again.column("prompt").to_pylist()) == {"smollm2.v2"}
    kept = [name for name in TAGS.names if name not in ("content", "prompt")]
    assert again.select(kept).equals(tagged.select(kept))


def test_facet_whose_answer_was_not_kept_keeps_its_tags(tagged: pa.RecordBatch) -> None:
    raw = [json.dumps({"content": json.loads(text)["content"]}) for text in tagged.column("completion").to_pylist()]
    lacking = tagged.set_column(TAGS.get_field_index("completion"), TAGS.field("completion"), pa.array(raw))
    again = reread(lacking, FIRST)
    assert again.select(FACETS).equals(tagged.select(FACETS))


def test_second_answers_are_read_after_the_first(rule_engine: Any, chunk_rows: Rows) -> None:
    asked = asking("smollm2.v2")

    def second(prompt: str) -> Completion:
        return Completion(" tides." if prompt.endswith("Keywords:") else " 12.", "stop")

    rows = tag_chunks(chunk_rows("The Moon."), rule_engine(second), asked.questions, asked.version, asked.again)
    again = reread(rows, Asking(asked.version, asked.questions, asked.again))
    assert again.column("content").to_pylist() == [["tides"]]
    assert again.equals(rows)


def test_prompt_that_asks_something_else_is_named(tagged: pa.RecordBatch) -> None:
    with pytest.raises(AtlasError, match=r"chunk 0 of d0: kept are answers to content, form\+tone, entity, and json"):
        reread(tagged, Asking("json.v1", tuple(asking("json.v1").questions)))


def test_json_answers_are_read_again_too(rule_engine: Any, chunk_rows: Rows) -> None:
    asked = asking("json.v1")
    engine = rule_engine(lambda _: Completion('{"content": ["tides"], "tone": ["dry"]}', "stop"))
    rows = tag_chunks(chunk_rows("The Moon."), engine, asked.questions, asked.version)
    assert reread(rows, asked).equals(rows)


def rows_of(tagged: pa.RecordBatch, chunks: pa.RecordBatch) -> pa.RecordBatch:
    return tagged.filter(pc.is_in(tagged.column("doc_id"), chunks.column("doc_id")))


@pytest.fixture
def run(tagged: pa.RecordBatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tag run whose engine has gone since."""
    chunks = tmp_path / "sample.parquet"
    pq.write_table(pa.Table.from_batches([tagged.select(CHUNKS.names)]), chunks, row_group_size=2)
    monkeypatch.setattr(TagStage, "load", lambda _: partial(rows_of, tagged))
    verbs.tag(chunks, TagConfig(prompt="smollm2.v1"), tmp_path / "tags")
    monkeypatch.undo()
    return tmp_path / "tags"


def contents(run: Path) -> list[list[str]]:
    return verbs.read_tags(run)["content"].to_pylist()


def test_run_is_read_again_into_a_run_of_its_own(run: Path, tmp_path: Path) -> None:
    result: Result = verbs.retag(run, tmp_path / "again", "smollm2.v1")
    assert (result.sound, result.counts.records_in) == (True, 3)
    assert contents(tmp_path / "again") == contents(run)
    assert list(verbs.retag(run, tmp_path / "again", "smollm2.v1").parts) == list(result.parts)


def test_prompt_is_the_models_where_none_is_named(run: Path, tmp_path: Path) -> None:
    verbs.retag(run, tmp_path / "again")
    assert set(verbs.read_tags(tmp_path / "again")["prompt"].to_pylist()) == {"tagger.v1"}
    verbs.retag(tmp_path / "again", tmp_path / "back", "smollm2.v1")
    assert contents(tmp_path / "back") == contents(run)


def test_what_asks_something_else_ends_in_quarantine(run: Path, tmp_path: Path) -> None:
    result = verbs.retag(run, tmp_path / "again", "json.v1")
    assert not result.sound
    assert verbs.retry(tmp_path / "again").left == 3


def test_folder_without_tags_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="holds no tags"):
        verbs.retag(tmp_path, tmp_path / "out")


def test_questions_have_different_names() -> None:
    names = [question.name for question in asking("smollm2.v2").questions]
    assert len(set(names)) == len(names)
