"""The retag stage: tags anew from the raw answers that a tag run kept, without asking any model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from atlas.errors import AtlasError
from atlas.llm.base import Completion
from atlas.stage import Process
from atlas.tables import FACETS, TAGS
from atlas.tagging.prompt import prompt_digest
from atlas.tagging.question import Asking, Question, asking
from atlas.tagging.stage import ENDED, RETRY, Choose, Tagged, chooser, keep_chosen, read

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RetagStage:
    """Reads the kept answers as the prompt of that name reads them, and chooses topics as it does."""

    prompt: str
    name: str = "retag"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*TAGS, *carried])

    def identity(self) -> dict[str, Any]:
        return {"prompt": asking(self.prompt).version, "prompt_digest": prompt_digest(self.prompt)}

    def load(self) -> Process:
        asked = asking(self.prompt)
        choose = chooser(asked.topics) if asked.topics else None
        return lambda tags: reread(tags, asked, choose)


def reread(tags: pa.RecordBatch, asked: Asking, choose: Choose | None = None) -> pa.RecordBatch:
    """The same rows of schema TAGS with tags, status and prompt as ``asked`` makes them of their raw answers.

    A facet keeps its tags where no answer to a question of the prompt's about it was kept.

    Raises:
        AtlasError: a row has no answer to any question of the prompt's.
    """
    rows = tags.to_pylist()
    found = [_again(row, asked) for row in rows]
    if choose is not None:
        keep_chosen([tagged for tagged in found if _answered(tagged, asked, "content")], choose)
    columns = {name: tags.column(name) for name in tags.schema.names}
    for facet in FACETS:
        columns[facet] = pa.array([tagged.tags[facet] for tagged in found], pa.list_(pa.string()))
    columns["tag_status"] = pa.array([tagged.status for tagged in found], pa.string())
    columns["prompt"] = pa.array([asked.version] * len(found), pa.string())
    return pa.RecordBatch.from_arrays([columns[name] for name in tags.schema.names], schema=tags.schema)


def _again(row: Row, asked: Asking) -> Tagged:
    raw = json.loads(row["completion"])
    ended = raw.pop(ENDED, None)
    tagged = Tagged(row["text"], {facet: [] for facet in FACETS}, raw, row["tag_status"])
    if not any(name in tagged.raw for name, _ in _named(asked)):
        kept = ", ".join(tagged.raw) or "nothing"
        wanted = ", ".join(name for name, _ in _named(asked))
        raise AtlasError(
            f"chunk {row['chunk_id']} of {row['doc_id']}: kept are answers to {kept}, and {asked.version} asks "
            f"{wanted}; name the prompt that the run was made with, or one that asks the same, with --prompt"
        )
    for name, question in _named(asked):
        if name in tagged.raw:
            text = tagged.raw[name]
            answer = _guessed(text, question, row) if ended is None else Completion(text, ended.get(name, "stop"))
            read(question, answer, tagged)
    for facet in FACETS:
        if not _answered(tagged, asked, facet):
            tagged.tags[facet] = list(row[facet])
    return tagged


def _named(asked: Asking) -> Sequence[tuple[str, Question]]:
    """Questions by the names of their answers, in the order in which they are put."""
    return [
        *((question.name, question) for question in asked.questions),
        *((RETRY + question.name, question) for question in asked.again),
    ]


def _answered(tagged: Tagged, asked: Asking, facet: str) -> bool:
    return any(facet in question.facets and name in tagged.raw for name, question in _named(asked))


def _guessed(text: str, question: Question, row: Row) -> Completion:
    """The answer as the engine gave it. How it ended older runs did not keep, but it shows.

    An answer in a line ends in a full stop, unless it broke off at its most tokens; a row with fewer tokens in all
    has no such answer. (Of 3,392 answers of the default model, 3,162 ended in a full stop and 122 broke off; the
    rule takes none of the other 108 for what it is not, as one question alone was put.)
    """
    if row["tag_status"] == "refused" and not text:
        return Completion(text, "refused")
    if question.labels:
        cut_off = row["completion_tokens"] >= question.sampling.max_tokens and not text.rstrip().endswith(".")
    else:
        cut_off = row["tag_status"] == "truncated"
    return Completion(text, "length" if cut_off else "stop")
