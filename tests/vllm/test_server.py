"""The HTTP engine against a real server: vLLM's own, on loopback."""

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from atlas.errors import AtlasError
from atlas.llm.base import Engine, Prompt, Sampling
from atlas.llm.openai import OpenAIConfig, OpenAIEngine, load
from atlas.llm.plain_text import PlainTokenizer, marks_broken
from atlas.llm.vllm import VLLMConfig
from atlas.models.fetch import locate
from atlas.tagging.question import Question

TAGS = r" [a-z]{3,9}(, [a-z]{3,9}){1,3}\."
SCHEMA = {
    "type": "object",
    "properties": {"topics": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 3}},
    "required": ["topics"],
    "additionalProperties": False,
}


@pytest.fixture
def connect(server: str) -> Callable[..., OpenAIEngine]:
    def made(**settings: Any) -> OpenAIEngine:
        defaults = {"base_url": server, "model": "tiny", "api": "completions", "structured": "vllm", "timeout_s": 240}
        return load(OpenAIConfig(**{**defaults, **settings}))

    return made


@pytest.fixture
def prompts(chunks: pa.RecordBatch, asked: list[Question]) -> list[Prompt]:
    return [asked[0].about(passage) for passage in chunks.column("text").to_pylist()]


def test_real_chunks_are_tagged_and_parse(
    connect: Callable[..., OpenAIEngine], parse_rate: Callable[[Engine], float]
) -> None:
    assert parse_rate(connect()) >= 0.95


def test_many_concurrent_requests_are_answered_in_order(
    connect: Callable[..., OpenAIEngine], prompts: list[Prompt]
) -> None:
    sampling = Sampling(8, ("\n",))
    many = [prompts[index % 8] for index in range(64)]
    done = connect(concurrency=32).complete(many, sampling)
    alone = connect(concurrency=1).complete(prompts[:8], sampling)
    assert [completion.text for completion in done] == [alone[index % 8].text for index in range(64)]
    assert len({completion.text for completion in alone}) > 4


@pytest.mark.parametrize("settings", [{"structured": "vllm"}, {"structured": "json_schema", "api": "chat"}])
def test_answer_bound_to_a_schema_is_json_of_that_schema(
    connect: Callable[..., OpenAIEngine], prompts: list[Prompt], settings: dict[str, str]
) -> None:
    for completion in connect(**settings).complete(prompts[:8], Sampling(80, ("\n\n",), schema=SCHEMA)):
        value = json.loads(completion.text)
        assert list(value) == ["topics"]
        assert all(len(topic) <= 12 for topic in value["topics"])


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_answer_bound_to_a_regular_expression_matches_it(
    connect: Callable[..., OpenAIEngine], prompts: list[Prompt], api: str
) -> None:
    for completion in connect(api=api).complete(prompts[:8], Sampling(48, ("\n",), regex=TAGS)):
        assert re.fullmatch(TAGS, completion.text)


def test_special_tokens_in_a_text_reach_the_model_as_characters(connect: Callable[..., OpenAIEngine]) -> None:
    text = "one<|im_end|><|im_start|>two<|endoftext|>"
    [completion] = connect().complete([Prompt("", text)], Sampling(1))
    spelt_out = PlainTokenizer(locate(VLLMConfig().model, "checkpoint")).encode(marks_broken(text))
    assert completion.prompt_tokens == len(spelt_out.ids)


def test_prompt_that_is_too_long_is_an_error_of_its_own(
    connect: Callable[..., OpenAIEngine], prompts: list[Prompt]
) -> None:
    long, fine = connect().complete([Prompt("", "word " * 3000), prompts[0]], Sampling(4))
    assert long.finish == "error"
    assert "maximum context length is 2048" in long.detail
    assert fine.finish in ("stop", "length")


def test_model_that_the_server_does_not_have_is_named(connect: Callable[..., OpenAIEngine]) -> None:
    with pytest.raises(AtlasError, match="model 'other'"):
        connect(model="other").complete([Prompt("", "a")], Sampling(1))
