"""Prompts are versioned files; this reads them and turns a passage into what an engine is asked."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError, model_validator

from atlas.digest import of_json
from atlas.errors import AtlasError
from atlas.llm.base import Prompt, Sampling
from atlas.tables import FACETS


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Facet = Literal["content", "entity", "tone", "form"]


class Field(_Part):
    """A facet and the words that ask for it."""

    facet: Facet
    label: str


class LineExample(_Part):
    """A passage with its tags: all of the one field, or one of each field."""

    passage: str
    answers: tuple[str, ...]


class Call(_Part):
    """One question, answered in one line behind the passage: ``Label: tag, tag.`` for one field or several."""

    fields: tuple[Field, ...]
    passage_chars: PositiveInt
    max_tokens: PositiveInt
    max_tags: PositiveInt
    examples: tuple[LineExample, ...]
    ban_examples: bool = False
    quoted: bool = False  # tags must stand in the passage, as names do
    words_only: bool = False  # tags are made of letters alone, as kinds and tones are

    @model_validator(mode="after")
    def _answers_fit_the_fields(self) -> "Call":
        if not self.fields:
            raise ValueError("a call asks for at least one field")
        for example in self.examples:
            if len(self.fields) > 1 and len(example.answers) != len(self.fields):
                raise ValueError(f"example {example.passage[:40]!r}: give one answer for each of the fields")
        return self


class LinePrompt(_Part):
    """A prompt that asks a few short questions."""

    version: str
    calls: tuple[Call, ...]


class JsonExample(_Part):
    passage: str
    answer: str


class JsonPrompt(_Part):
    """A prompt that asks for all facets in one JSON object."""

    version: str
    instructions: str
    passage_chars: PositiveInt
    max_tokens: PositiveInt
    max_tags: dict[str, PositiveInt]
    examples: tuple[JsonExample, ...]

    @model_validator(mode="after")
    def _every_facet_has_a_limit(self) -> "JsonPrompt":
        if set(self.max_tags) != set(FACETS):
            raise ValueError(f"max_tags must have exactly {', '.join(FACETS)}")
        return self


PromptFile = LinePrompt | JsonPrompt


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an engine about each passage, and how the answer is read.

    ``labels`` are the words in front of each facet's tags in a line; empty where the answer is JSON.
    """

    facets: tuple[str, ...]
    labels: tuple[str, ...]
    static: str
    before: str
    after: str
    passage_chars: int
    sampling: Sampling
    max_tags: dict[str, int]
    quoted: frozenset[str]
    words_only: frozenset[str]

    def about(self, passage: str) -> Prompt:
        """The prompt for a passage. White space is folded, so that a passage can't close its own paragraph."""
        return Prompt(self.static, f"{self.before}{' '.join(passage.split())[: self.passage_chars]}{self.after}")


def questions(prompt: PromptFile) -> list[Question]:
    """The questions of a prompt file, in order."""
    if isinstance(prompt, JsonPrompt):
        return [_json_question(prompt)]
    return [_line_question(call) for call in prompt.calls]


def _line_question(call: Call) -> Question:
    labels = tuple(field.label for field in call.fields)
    shots = (f"{example.passage}\n\n{_answer(labels, example.answers)}\n\n---\n\n" for example in call.examples)
    copied = (tag for example in call.examples for tag in example.answers if " " in tag)
    return Question(
        facets=tuple(field.facet for field in call.fields),
        labels=labels,
        static="".join(shots),
        before="",
        after=f"\n\n{labels[0]}:",
        passage_chars=call.passage_chars,
        sampling=Sampling(call.max_tokens, ("\n",), banned=tuple(copied) if call.ban_examples else ()),
        max_tags={field.facet: call.max_tags for field in call.fields},
        quoted=frozenset(field.facet for field in call.fields if call.quoted),
        words_only=frozenset(field.facet for field in call.fields if call.words_only),
    )


def _answer(labels: tuple[str, ...], answers: tuple[str, ...]) -> str:
    if len(labels) == 1:
        return f"{labels[0]}: {', '.join(answers)}."
    return " ".join(f"{label}: {answer}." for label, answer in zip(labels, answers, strict=True))


def _json_question(prompt: JsonPrompt) -> Question:
    shots = "".join(f"\n\nPassage: {e.passage}\nAnswer: {e.answer}" for e in prompt.examples)
    tags = {"type": "array", "items": {"type": "string", "maxLength": 60}}
    properties = {facet: tags | {"maxItems": prompt.max_tags[facet]} for facet in FACETS}
    schema = {"type": "object", "properties": properties, "required": list(FACETS), "additionalProperties": False}
    return Question(
        facets=FACETS,
        labels=(),
        static=prompt.instructions + shots,
        before="\n\nPassage: ",
        after="\nAnswer:",
        passage_chars=prompt.passage_chars,
        sampling=Sampling(prompt.max_tokens, ("\n\n",), schema=schema),
        max_tags=prompt.max_tags,
        quoted=frozenset(["entity"]),
        words_only=frozenset(["tone", "form"]),
    )


def prompt_file(name: str) -> PromptFile:
    """A prompt that ships with Atlas by its version, or a file of one's own by its path.

    Raises:
        AtlasError: no such prompt, or a file that is none.
    """
    path = Path(name)
    shipped = files("atlas.tagging") / "prompts" / f"{name}.yaml"
    if path.is_file():
        raw = path.read_bytes()
    elif "/" not in name and shipped.is_file():
        raw = shipped.read_bytes()
    else:
        known = sorted(f.name.removesuffix(".yaml") for f in (files("atlas.tagging") / "prompts").iterdir())
        raise AtlasError(f"prompt {name!r}: no such file, and Atlas ships {', '.join(known)}")
    try:
        return _parsed(raw)
    except (UnicodeDecodeError, yaml.YAMLError, ValidationError, TypeError) as error:
        raise AtlasError(f"prompt {name}: not a valid prompt file: {error}") from error


@lru_cache(maxsize=8)
def _parsed(raw: bytes) -> PromptFile:
    data: dict[str, Any] = yaml.safe_load(raw.decode())
    return LinePrompt(**data) if "calls" in data else JsonPrompt(**data)


def prompt_digest(name: str) -> str:
    """Digest of a prompt's content, so that an edited file is another prompt."""
    return of_json(prompt_file(name).model_dump(mode="json"))
