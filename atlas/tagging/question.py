"""What an engine is asked about a passage, made from a prompt file."""

import re
from dataclasses import dataclass

from atlas.llm.base import Prompt, Sampling
from atlas.tables import FACETS
from atlas.tagging.passage import shown
from atlas.tagging.prompt import Call, ChoiceOfTopics, JsonPrompt, PromptFile, prompt_file


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an engine about each passage, and how the answer is read.

    ``labels`` are the words in front of each facet's tags in a line; empty where the answer is JSON. ``marks`` are
    the words before a colon that give the prompt its structure, which no passage may imitate.
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
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        """What its answer is kept under in the column ``completion``."""
        return "+".join(self.facets)

    def about(self, passage: str) -> Prompt:
        """The prompt for a passage."""
        return Prompt(self.static, f"{self.before}{shown(passage, self.passage_chars, self.marks)}{self.after}")


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
        sampling=Sampling(
            call.max_tokens,
            ("\n",),
            banned=tuple(copied) if call.ban_examples else (),
            regex=_line_regex(labels, call.max_tags),
        ),
        max_tags={field.facet: call.max_tags for field in call.fields},
        quoted=frozenset(field.facet for field in call.fields if call.quoted),
        words_only=frozenset(field.facet for field in call.fields if call.words_only),
        marks=labels,
    )


# A tag as an engine can be bound to it: no line's end, no list within, nothing that parts tags.
_TAG = r"[^\n,;:|.(){}\[\]<>=\"]{2,40}"


def _line_regex(labels: tuple[str, ...], most: int) -> str:
    """What an answer looks like: `` tag, tag, tag.`` or `` tag. Label: tag.``, without its first label."""
    if len(labels) == 1:
        return rf" {_TAG}(, {_TAG}){{0,{most - 1}}}\."
    return rf" {_TAG}\." + "".join(rf" {re.escape(label)}: {_TAG}\." for label in labels[1:])


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
        marks=("Passage", "Answer"),
    )


@dataclass(frozen=True, slots=True)
class Asking:
    """Everything that is asked about a chunk: the questions, and those put once more where no topic came back."""

    version: str
    questions: tuple[Question, ...]
    again: tuple[Question, ...] = ()
    topics: ChoiceOfTopics | None = None

    def about(self, facet: str) -> tuple[Question, ...]:
        """The questions that ask for a facet."""
        return tuple(question for question in self.questions if facet in question.facets)


def asking(name: str) -> Asking:
    """What the prompt of that name asks, its retry prompt included."""
    prompt = prompt_file(name)
    again = questions(prompt_file(prompt.retry)) if prompt.retry else []
    return Asking(prompt.version, tuple(questions(prompt)), tuple(again), prompt.choice)
