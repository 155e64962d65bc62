"""The tag stage: chunks in, the same chunks with an LLM's free tags out."""

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from atlas.llm.base import Completion, Engine
from atlas.llm.engines import load as load_engine
from atlas.stage import Process
from atlas.tables import CHUNKS, FACETS, TAGS
from atlas.tagging.config import TagConfig
from atlas.tagging.parse import clean, json_tags, line_tags
from atlas.tagging.prompt import Question, prompt_digest, prompt_file, questions


@dataclass(frozen=True, slots=True)
class TagStage:
    """Asks the prompt's questions about every chunk. Each raw completion is kept beside the tags."""

    config: TagConfig
    name: str = "tag"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*TAGS, *carried])

    def identity(self) -> dict[str, Any]:
        return {
            "engine": self.config.engine.kind,
            "model": self.config.engine.model,
            "prompt": prompt_file(self.config.prompt).version,
            "prompt_digest": prompt_digest(self.config.prompt),
        }

    def load(self) -> Process:
        engine = load_engine(self.config.engine)
        prompt = prompt_file(self.config.prompt)
        asked = questions(prompt)
        return lambda chunks: tag_chunks(chunks, engine, asked, prompt.version)


@dataclass(slots=True)
class _Tagged:
    """What came back about one chunk, over all questions."""

    tags: dict[str, list[str]]
    raw: dict[str, str]
    statuses: set[str]


def tag_chunks(chunks: pa.RecordBatch, engine: Engine, asked: list[Question], version: str) -> pa.RecordBatch:
    """Tag every chunk of a batch of schema CHUNKS (further columns are carried).

    Status per chunk: ``ok``; ``unparsed`` where no content tag could be read; ``refused``; ``truncated``
    where the answer broke off before its first tag.
    """
    passages = chunks.column("text").to_pylist()
    found = [_Tagged({facet: [] for facet in FACETS}, {}, set()) for _ in passages]
    for question in asked:
        completions = engine.complete([question.about(p) for p in passages], question.sampling)
        for passage, completion, tagged in zip(passages, completions, found, strict=True):
            _read(question, passage, completion, tagged)
    columns = {name: chunks.column(name) for name in chunks.schema.names}
    for facet in FACETS:
        columns[facet] = pa.array([tagged.tags[facet] for tagged in found], pa.list_(pa.string()))
    columns["tag_status"] = pa.array([_status(tagged) for tagged in found])
    for name, value in (("engine", engine.name), ("model", engine.model), ("prompt", version)):
        columns[name] = pa.array([value] * len(passages), pa.string())
    columns["completion"] = pa.array([json.dumps(tagged.raw, ensure_ascii=False) for tagged in found])
    carried = [chunks.schema.field(name) for name in chunks.schema.names if name not in CHUNKS.names]
    schema = pa.schema([*TAGS, *carried])
    return pa.RecordBatch.from_arrays([columns[f.name] for f in schema], schema=schema)


def _read(question: Question, passage: str, completion: Completion, tagged: _Tagged) -> None:
    tagged.raw["+".join(question.facets)] = completion.text.encode(errors="replace").decode()
    if completion.finish in ("refused", "error"):
        tagged.statuses.add("refused" if completion.finish == "refused" else "unparsed")
        return
    cut_off = completion.finish == "length"
    if question.labels:
        answers = line_tags(completion.text, question.facets, question.labels, cut_off=cut_off)
    else:
        answers = json_tags(completion.text, question.facets) or {}
    for facet, tags in answers.items():
        quoted = passage if facet in question.quoted else None
        strict = facet in question.words_only
        tagged.tags[facet] = clean(tags, quoted, question.max_tags[facet], question.sampling.banned, words_only=strict)
    if "content" in question.facets and not tagged.tags["content"]:
        tagged.statuses.add("truncated" if cut_off else "unparsed")


def _status(tagged: _Tagged) -> str:
    return next((status for status in ("refused", "truncated", "unparsed") if status in tagged.statuses), "ok")
