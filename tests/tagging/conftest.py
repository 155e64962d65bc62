from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from atlas.llm.base import Completion, Prompt, Sampling
from atlas.tables import CHUNKS

Answer = Callable[[str], Completion]


class RuleEngine:
    """Answers each prompt by a rule of its text."""

    name = "rule"
    model = "rule-1"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[Prompt, Sampling]] = []

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        self.asked += [(prompt, sampling) for prompt in prompts]
        return [self.answer(prompt.text) for prompt in prompts]

    def close(self) -> None:
        pass


@pytest.fixture
def rule_engine() -> type[RuleEngine]:
    return RuleEngine


@pytest.fixture
def chunk_rows() -> Callable[..., pa.RecordBatch]:
    """Makes a batch of schema CHUNKS: one chunk for each text, each of its own document."""

    def made(*texts: str, **extra: list[str]) -> pa.RecordBatch:
        rows = [
            {
                "doc_id": f"d{index}",
                "chunk_id": 0,
                "source": "here",
                "char_start": 0,
                "char_end": len(text),
                "token_count": len(text.split()),
                "kind": "prose",
                "status": "ok",
                "text": text,
                **{name: values[index] for name, values in extra.items()},
            }
            for index, text in enumerate(texts)
        ]
        return pa.RecordBatch.from_pylist(rows, pa.schema([*CHUNKS, *(pa.field(name, pa.string()) for name in extra)]))

    return made
