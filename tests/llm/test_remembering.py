"""An engine that is asked for nothing twice."""

from collections.abc import Sequence

from atlas.llm.base import Completion, Prompt, Sampling
from atlas.llm.remembering import RememberingEngine

LINE, LONGER = Sampling(max_tokens=4), Sampling(max_tokens=8)


class Counting:
    """Answers a prompt with how often it was asked; fails on what it is told to."""

    name, model = "counting", "c-1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        self.asked += [prompt.text for prompt in prompts]
        return [Completion(prompt.text, "error" if prompt.text == "bad" else "stop") for prompt in prompts]

    def close(self) -> None:
        pass


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt("static ", text) for text in texts]


def test_prompt_is_asked_once_however_often_and_in_whatever_order() -> None:
    inner = Counting()
    engine = RememberingEngine(inner)
    assert [c.text for c in engine.complete(prompts("a", "b", "a"), LINE)] == ["a", "b", "a"]
    assert [c.text for c in engine.complete(prompts("c", "b"), LINE)] == ["c", "b"]
    assert inner.asked == ["a", "b", "c"]


def test_failure_is_remembered_too() -> None:
    inner = Counting()
    engine = RememberingEngine(inner)
    first = engine.complete(prompts("bad", "good"), LINE)
    assert engine.complete(prompts("bad"), LINE) == first[:1]
    assert inner.asked == ["bad", "good"]


def test_other_sampling_is_another_question() -> None:
    inner = Counting()
    engine = RememberingEngine(inner)
    engine.complete(prompts("a"), LINE)
    engine.complete(prompts("a"), LONGER)
    assert inner.asked == ["a", "a"]


def test_only_the_latest_answers_are_kept() -> None:
    inner = Counting()
    engine = RememberingEngine(inner, kept=2)
    engine.complete(prompts("a", "b", "c"), LINE)
    engine.complete(prompts("c", "b", "a"), LINE)
    assert inner.asked == ["a", "b", "c", "a"]
