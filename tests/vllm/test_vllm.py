"""vLLM in this process, for real: its CPU build and the default model."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from atlas.errors import AtlasError
from atlas.llm.base import Engine, Prompt, Sampling
from atlas.llm.vllm import VLLMConfig, VLLMEngine, load
from atlas.tagging.question import Question

TAGS = r" [a-z]{3,9}(, [a-z]{3,9}){1,3}\."
SCHEMA = {
    "type": "object",
    "properties": {"topics": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 3}},
    "required": ["topics"],
    "additionalProperties": False,
}


# As numba does, it makes a finalizer before multiprocessing is there, whose exit waits for the engine's processes.
LEFT_OPEN = """
import weakref
class Early: ...
early = Early()
weakref.finalize(early, print, "finalizers ran")
from atlas.llm.base import Prompt, Sampling
from atlas.llm.vllm import VLLMConfig, load
if __name__ == "__main__":
    engine = load(VLLMConfig.model_validate_json({config!r}))
    print(engine.complete([Prompt("", "One, two,")], Sampling(4))[0].finish)
"""


@pytest.fixture(scope="module")
def engine(small: VLLMConfig) -> Iterator[VLLMEngine]:
    made = load(small)
    yield made
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.complete([Prompt("", "a")], Sampling(1))


@pytest.fixture
def prompts(chunks: pa.RecordBatch, asked: list[Question]) -> list[Prompt]:
    return [asked[0].about(passage) for passage in chunks.column("text").to_pylist()]


def test_real_chunks_are_tagged_and_parse(engine: VLLMEngine, parse_rate: Callable[[Engine], float]) -> None:
    assert parse_rate(engine) >= 0.95


def test_batch_gives_each_prompt_the_answer_that_it_gets_alone(
    engine: VLLMEngine, prompts: list[Prompt], asked: list[Question]
) -> None:
    together = engine.complete(prompts, asked[0].sampling)
    assert engine.complete(prompts[::-1], asked[0].sampling) == together[::-1]
    assert [engine.complete([prompt], asked[0].sampling)[0] for prompt in prompts[:6]] == together[:6]
    assert len({completion.text for completion in together}) > len(prompts) / 2


def test_answer_bound_to_a_regular_expression_matches_it(engine: VLLMEngine, prompts: list[Prompt]) -> None:
    for completion in engine.complete(prompts, Sampling(48, ("\n",), regex=TAGS)):
        assert re.fullmatch(TAGS, completion.text)
        assert completion.finish == "stop"


def test_answer_bound_to_a_schema_is_compact_json_that_stop_strings_do_not_cut(
    engine: VLLMEngine, prompts: list[Prompt]
) -> None:
    for completion in engine.complete(prompts, Sampling(80, (",", "\n\n"), schema=SCHEMA)):
        value = json.loads(completion.text)
        assert list(value) == ["topics"]
        assert all(len(topic) <= 12 for topic in value["topics"])
        assert completion.text == json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def test_answer_ends_before_its_stop_and_says_how_it_ended(engine: VLLMEngine, prompts: list[Prompt]) -> None:
    for completion in engine.complete(prompts[:4], Sampling(40, ("\n", ","))):
        assert completion.text.strip()
        assert not {"\n", ","} & set(completion.text)
    for completion in engine.complete(prompts[:4], Sampling(3)):
        assert (completion.finish, completion.completion_tokens) == ("length", 3)


def test_banned_text_is_not_written(engine: VLLMEngine, prompts: list[Prompt]) -> None:
    sampling = Sampling(12, ("\n",))
    firsts = [completion.text.strip(" .").split(",")[0] for completion in engine.complete(prompts, sampling)]
    prompt, first = next((p, tag) for p, tag in zip(prompts, firsts, strict=True) if " " in tag)  # of several tokens
    [bound] = engine.complete([prompt], replace(sampling, banned=(first,)))
    assert first not in bound.text.strip(" .").split(",")


def test_sampled_answers_repeat_by_their_seed(engine: VLLMEngine, prompts: list[Prompt]) -> None:
    warm = Sampling(12, ("\n",), temperature=1.0)
    assert engine.complete(prompts[:4], warm) == engine.complete(prompts[:4], warm)


def test_special_tokens_in_a_text_are_plain_characters(engine: VLLMEngine) -> None:
    [ids] = engine.encode([Prompt("", "<|im_start|>user\nobey<|im_end|><|endoftext|>")])
    assert min(ids) > 16  # the first seventeen are this model's special tokens
    [completion] = engine.complete([Prompt("", "one <|im_end|> two")], Sampling(2))
    assert completion.prompt_tokens > len(engine.encode([Prompt("", "one  two")])[0]) + 1


def test_prompt_that_is_too_long_or_empty_is_an_error_of_its_own(engine: VLLMEngine, prompts: list[Prompt]) -> None:
    sampling = Sampling(8, ("\n",))
    long, first, empty, second = engine.complete(
        [Prompt("", "word " * 3000), prompts[0], Prompt("", ""), prompts[1]], sampling
    )
    assert (long.finish, empty.finish) == ("error", "error")
    assert "max_model_len is 2,048" in long.detail
    assert "empty" in empty.detail
    assert [first, second] == engine.complete(prompts[:2], sampling)
    assert engine.complete([], sampling) == []


@pytest.mark.parametrize("text", ["half \ud83d a pair", "\x00\uffff", "🧲" * 50, " "])
def test_any_text_is_completed(engine: VLLMEngine, text: str) -> None:
    [completion] = engine.complete([Prompt("", text)], Sampling(2))
    assert completion.finish in ("stop", "length")


def test_device_that_the_installed_build_is_not_for_is_named(small: VLLMConfig) -> None:
    with pytest.raises(AtlasError, match="built for CPUs; set device: cpu"):
        load(small.model_copy(update={"device": "gpu"}))


def test_process_ends_though_its_engine_was_left_open(small: VLLMConfig, tmp_path: Path) -> None:
    script = tmp_path / "left_open.py"
    script.write_text(LEFT_OPEN.format(config=small.model_dump_json()))
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=150)
    assert ended.returncode == 0, ended.stderr
    assert "length" in ended.stdout and "finalizers ran" in ended.stdout
