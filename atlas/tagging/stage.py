"""The tag stage: chunks in, the same chunks with an LLM's free tags out."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from atlas.errors import AtlasError
from atlas.llm.base import Completion, Engine
from atlas.llm.engines import load as load_engine
from atlas.llm.remembering import RememberingEngine
from atlas.models.identity import model_identity
from atlas.models.int8 import quick_encoder
from atlas.models.network import Network
from atlas.stage import Process
from atlas.tables import CHUNKS, FACETS, TAGS
from atlas.tagging.choose import FEATURES, OF_PHRASES, candidates, chosen
from atlas.tagging.config import TagConfig
from atlas.tagging.kinds import width
from atlas.tagging.parse import clean, is_refusal, json_tags, line_tags
from atlas.tagging.passage import quiet, without_orders
from atlas.tagging.phrases import stop_words
from atlas.tagging.prompt import ChoiceOfTopics, prompt_digest
from atlas.tagging.question import Question, asking

RETRY = "retry "  # in front of the name of a question that was put once more
ENDED = "ended"  # beside the answers: how those ended, by question, that did not come to their own end

# Text and the model's topics of several passages to the topics that are kept.
Choose = Callable[[Sequence[str], Sequence[Sequence[str]]], list[list[str]]]


@dataclass(frozen=True, slots=True)
class TagStage:
    """Asks the prompt's questions about every chunk. Each raw completion is kept beside the tags."""

    config: TagConfig
    name: str = "tag"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return pa.schema([*TAGS, *carried])

    def identity(self) -> dict[str, Any]:
        prompt = self.config.prompt_name
        return {
            "engine": self.config.engine.kind,
            "model": self.config.engine.model,
            "model_digest": model_identity(self.config.engine.model),
            "prompt": asking(prompt).version,
            "prompt_digest": prompt_digest(prompt),
        }

    def load(self) -> Process:
        asked = asking(self.config.prompt_name)
        choose = chooser(asked.topics, getattr(self.config.engine, "cores_beside", None)) if asked.topics else None
        engine = RememberingEngine(load_engine(self.config.engine))
        return lambda chunks: tag_chunks(chunks, engine, asked.questions, asked.version, asked.again, choose)


def chooser(topics: ChoiceOfTopics, threads: int | None = None) -> Choose:
    """Chooses topics with the sentence model that the prompt names, on so many cores (all where not given)."""
    model = quick_encoder(topics.encoder, threads)
    stop_words()  # what takes a second to import is imported here, not within the first batch
    choice = topics.choice()
    _fits("kinds", topics, choice.kinds, width(len(OF_PHRASES), model.dimensions))
    _fits("weighing", topics, choice.weighing, len(FEATURES) + 1)

    def choose(passages: Sequence[str], written: Sequence[Sequence[str]]) -> list[list[str]]:
        texts = [quiet(without_orders(passage)) for passage in passages]
        return [chosen(found, choice) for found in candidates(texts, written, model.encode, topics.phrases)]

    return choose


def _fits(role: str, topics: ChoiceOfTopics, network: Network | None, wanted: int) -> None:
    if network is not None and len(network.mean) != wanted:
        raise AtlasError(
            f"{role} {getattr(topics, role)}: takes {len(network.mean)} inputs, and with vectors of {topics.encoder} "
            f"there are {wanted}; fit it with that encoder (benchmarks/fit_choice.py)"
        )


@dataclass(slots=True)
class Tagged:
    """What came back about one passage, over all questions. ``raw`` holds every answer by what was asked, ``ended`` how
    an answer ended that did not come to its own end."""

    passage: str
    tags: dict[str, list[str]]
    raw: dict[str, str]
    status: str = "ok"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ended: dict[str, str] = field(default_factory=dict)


def tag_chunks(
    chunks: pa.RecordBatch,
    engine: Engine,
    asked: Sequence[Question],
    version: str,
    again: Sequence[Question] = (),
    choose: Choose | None = None,
) -> pa.RecordBatch:
    """Tag every chunk of a batch of schema CHUNKS (further columns are carried).

    Chunks without a topic are asked ``again`` once, with other questions. Status per chunk: ``ok``; ``unparsed`` where
    no content tag could be read; ``refused``; ``truncated`` where the answer broke off before its first tag.

    Raises:
        AtlasError: the engine could not complete a prompt about one of the chunks.
    """
    return _table(
        chunks, tag_passages(chunks.column("text").to_pylist(), engine, asked, again, choose), engine, version
    )


def tag_passages(
    passages: Sequence[str],
    engine: Engine,
    asked: Sequence[Question],
    again: Sequence[Question] = (),
    choose: Choose | None = None,
) -> list[Tagged]:
    """Tag texts; see ``tag_chunks``."""
    found = [Tagged(text, {facet: [] for facet in FACETS}, {}) for text in passages]
    last = max((number for number, question in enumerate(asked) if "content" in question.facets), default=-1)
    early: list[Tagged] = []
    # Topics are chosen while the other questions wait for their answers; what comes out does not depend on when.
    with ThreadPoolExecutor(1) as beside:
        for number, question in enumerate(asked):
            _ask(engine, question, found)
            if choose is not None and number == last:
                early = [tagged for tagged in found if tagged.tags["content"]]
                topics = beside.submit(_topics, early, choose)
        silent = [tagged for tagged in found if tagged.status != "ok"]
        for question in again if silent else ():
            _ask(engine, question, silent, RETRY)
        if early:
            _keep(early, topics.result())
    if choose is not None:
        keep_chosen(silent, choose)
    return found


def keep_chosen(found: Sequence[Tagged], choose: Choose) -> None:
    """Choose the topics of each passage of which the model wrote any."""
    spoken = [tagged for tagged in found if tagged.tags["content"]]
    if spoken:
        _keep(spoken, _topics(spoken, choose))


def _topics(spoken: Sequence[Tagged], choose: Choose) -> list[list[str]]:
    return choose([tagged.passage for tagged in spoken], [tagged.tags["content"] for tagged in spoken])


def _keep(found: Sequence[Tagged], topics: Sequence[list[str]]) -> None:
    for tagged, kept in zip(found, topics, strict=True):
        tagged.tags["content"] = kept


def _ask(engine: Engine, question: Question, found: Sequence[Tagged], prefix: str = "") -> None:
    completions = engine.complete([question.about(tagged.passage) for tagged in found], question.sampling)
    for completion, tagged in zip(completions, found, strict=True):
        if completion.finish == "error":
            raise AtlasError(f"{engine.name} {engine.model}: {completion.detail or 'no answer'}")
        tagged.prompt_tokens += completion.prompt_tokens
        tagged.completion_tokens += completion.completion_tokens
        tagged.raw[prefix + question.name] = completion.text.encode(errors="replace").decode()
        if completion.finish != "stop":
            tagged.ended[prefix + question.name] = completion.finish
        read(question, completion, tagged)


def read(question: Question, completion: Completion, tagged: Tagged) -> None:
    """Take the tags out of an answer; where it holds no topic, note why."""
    cut_off = completion.finish == "length"
    refused = completion.finish == "refused" or is_refusal(completion.text)
    if refused:
        answers = {}
    elif question.labels:
        answers = line_tags(completion.text, question.facets, question.labels, cut_off=cut_off)
    else:
        answers = json_tags(completion.text, question.facets) or {}
    for facet, tags in answers.items():
        if tagged.tags[facet]:
            continue  # a second question adds what is missing
        quoted = tagged.passage if facet in question.quoted else None
        strict = facet in question.words_only
        tagged.tags[facet] = clean(tags, quoted, question.max_tags[facet], question.sampling.banned, words_only=strict)
    if "content" in question.facets:
        why = "refused" if refused else "truncated" if cut_off else "unparsed"
        tagged.status = "ok" if tagged.tags["content"] else why


def _table(chunks: pa.RecordBatch, found: Sequence[Tagged], engine: Engine, version: str) -> pa.RecordBatch:
    columns = {name: chunks.column(name) for name in chunks.schema.names}
    for facet in FACETS:
        columns[facet] = pa.array([tagged.tags[facet] for tagged in found], pa.list_(pa.string()))
    columns["tag_status"] = pa.array([tagged.status for tagged in found], pa.string())
    for name, value in (("engine", engine.name), ("model", engine.model), ("prompt", version)):
        columns[name] = pa.array([value] * len(found), pa.string())
    kept = [json.dumps(tagged.raw | {ENDED: tagged.ended}, ensure_ascii=False) for tagged in found]
    columns["completion"] = pa.array(kept, pa.string())
    columns["prompt_tokens"] = pa.array([tagged.prompt_tokens for tagged in found], pa.int32())
    columns["completion_tokens"] = pa.array([tagged.completion_tokens for tagged in found], pa.int32())
    carried = [chunks.schema.field(name) for name in chunks.schema.names if name not in CHUNKS.names]
    schema = pa.schema([*TAGS, *carried])
    return pa.RecordBatch.from_arrays([columns[f.name] for f in schema], schema=schema)
