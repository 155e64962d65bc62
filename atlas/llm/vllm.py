"""vLLM in this process: continuous batching on GPUs (or its CPU build), bound output, no server."""

import atexit
import contextlib
import multiprocessing
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field

from atlas.errors import AtlasError
from atlas.llm.base import Completion, Finish, Prompt, Sampling
from atlas.llm.costs import EngineCosts
from atlas.llm.plain_text import PlainTokenizer, stops, until_stop
from atlas.models.fetch import locate

GIB = 2**30
CPU_CACHE_GIB = 2.0  # holds 90,000 tokens of the default model; vLLM itself would take nine tenths of the memory
BLOCK = 32  # tokens: prefixes are cached in whole blocks, and few examples may not fill vLLM's 128 on CPUs
MIN_TOKENS = 2  # after code, small models like to go on with the next line
FINISHES: dict[str | None, Finish] = {"stop": "stop", "length": "length"}


class VLLMConfig(EngineCosts):
    """Which model, and how it is run."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    kind: Literal["vllm"] = Field("vllm", description="Which engine this configures.")
    model: str = Field("atlas-tagger-135m", description="Catalogue name, folder of a checkpoint, or hub id.")
    device: Literal["gpu", "cpu"] = Field("gpu", description="What the installed vLLM is built for.")
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share one copy of the model.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field("auto", description="Of weights and activations.")
    max_model_len: int | None = Field(None, ge=16, description="Longest prompt with its answer; the model's own.")
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="Share of each GPU's memory to use.")
    cache_gib: float | None = Field(
        None, gt=0, description="Size of the key-value cache; else what is left on a GPU, 2 on a CPU."
    )
    enforce_eager: bool = Field(False, description="Start sooner, without compiling, and run a little slower.")
    threads: int | None = Field(
        None, ge=1, description="Cores, with device: cpu; all but one where not given, and bound to them."
    )
    seed: int = Field(0, ge=0, description="Of sampling, where a temperature is asked for.")

    @property
    def probe_chunks(self) -> int:
        return 64  # fewer don't fill its batch, and would show a lower rate

    @property
    def cores_beside(self) -> int | None:
        return (self.threads or 1) if self.device == "cpu" else None  # it is bound to all the others


class VLLMEngine:
    """Completes any number of prompts at once; hand over as many as there are, vLLM keeps its batch full.

    Prompts go in as token ids, so special tokens inside them are plain characters. An answer can be bound by
    ``Sampling.schema`` or ``Sampling.regex``. The model runs in processes of its own, which ``close`` ends.
    """

    name = "vllm"

    def __init__(self, config: VLLMConfig, path: Path) -> None:
        self.model = config.model
        self._config = config
        self._tokenizer = PlainTokenizer(path)
        self._llm: Any = _start(config, path)
        self._longest: int = self._llm.llm_engine.model_config.max_model_len
        # Ends vLLM's processes with the engine or, at the latest, with this process: in front of multiprocessing,
        # which waits for its children at exit. Finalizers run behind it where one was made before it was imported.
        self._end = weakref.finalize(self, self._llm.llm_engine.engine_core.shutdown)
        atexit.register(self._end)

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        answers: list[Completion | None] = [None] * len(prompts)
        asked: dict[int, list[int]] = {}
        for index, (prompt, ids) in enumerate(zip(prompts, self.encode(prompts), strict=True)):
            if not prompt.static + prompt.text:
                answers[index] = Completion("", "error", detail="the prompt is empty")
            elif len(ids) >= self._longest:
                told = f"the prompt has {len(ids):,} tokens, and max_model_len is {self._longest:,}"
                answers[index] = Completion("", "error", prompt_tokens=len(ids), detail=told)
            else:
                asked[index] = ids
        results = self.generate(list(asked.values()), sampling) if asked else []
        for index, result in zip(asked, results, strict=True):
            answers[index] = _completion(result, sampling)
        return [answer for answer in answers if answer is not None]

    def encode(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Token ids of each prompt; a static piece is encoded once."""
        heads = {
            static: [*self._tokenizer.front_ids, *(self._tokenizer.encode(static).ids if static else [])]
            for static in {prompt.static for prompt in prompts}
        }
        return [[*heads[prompt.static], *self._tokenizer.encode(prompt.text).ids] for prompt in prompts]

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Any]:
        """Raw results for encoded prompts, in order."""
        if self._llm is None:
            raise RuntimeError("the engine is closed")
        parameters = self.parameters(sampling)
        return self._llm.generate([{"prompt_token_ids": ids} for ids in prompts], parameters, use_tqdm=False)

    def parameters(self, sampling: Sampling) -> Any:
        """vLLM's own form of how to decode."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        bound = None
        free: dict[str, Any] = {}
        if sampling.schema is not None:
            bound = StructuredOutputsParams(json=sampling.schema)
        elif sampling.regex is not None:
            bound = StructuredOutputsParams(regex=sampling.regex)
        else:  # a bound answer may be shorter: its grammar says when it ends
            ends = sorted({self._tokenizer.id(token) for token in self._tokenizer.ending(sampling.stop)})
            free = {"min_tokens": min(MIN_TOKENS, sampling.max_tokens), "stop_token_ids": ends}
        parameters = SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            seed=self._config.seed if sampling.temperature > 0 else None,
            stop=list(stops(sampling)),
            structured_outputs=bound,
            **free,
        )
        # bad_words forgets a string whose number of tokens changes with a space in front; this is what it sets.
        parameters._bad_words_token_ids = [self._tokenizer.encode(" " + text).ids for text in sampling.banned] or None
        return parameters

    def close(self) -> None:
        self._end()
        atexit.unregister(self._end)
        self._llm = None


def _completion(result: Any, sampling: Sampling) -> Completion:
    answer = result.outputs[0]
    finish = FINISHES.get(answer.finish_reason, "error")
    detail = f"finish_reason {answer.finish_reason!r}" if finish == "error" else ""
    # A token that ends the answer may hold text in front of its stop string, and is part of the text.
    text, stopped = until_stop(answer.text, stops(sampling))
    finish = "stop" if stopped and finish == "length" else finish
    return Completion(text, finish, len(result.prompt_token_ids), len(answer.token_ids), detail)


def _start(config: VLLMConfig, path: Path) -> Any:
    if multiprocessing.current_process().daemon:  # vLLM starts processes of its own, which such a worker may not
        raise AtlasError("vllm fills the machine with one worker: leave workers out, or use executor: ray")
    with _environment(config):
        try:
            from vllm import LLM
            from vllm.platforms import current_platform
        except ImportError as error:
            raise AtlasError(
                f"the vllm engine needs vLLM 0.12 or newer ({error}): pip install 'atlas-concepts[vllm]', "
                "or `make vllm` for the CPU build in an environment of its own"
            ) from error
        if current_platform.is_cpu() != (config.device == "cpu"):
            built = "CPUs; set device: cpu" if current_platform.is_cpu() else "GPUs; set device: gpu"
            raise AtlasError(f"the installed vLLM is built for {built} (it is {config.device})")
        return LLM(str(path), **_arguments(config))


def _arguments(config: VLLMConfig) -> dict[str, Any]:
    cpu = config.device == "cpu"
    cache = config.cache_gib or (CPU_CACHE_GIB if cpu else None)
    return {
        "tensor_parallel_size": config.tensor_parallel,
        "dtype": config.dtype,
        "max_model_len": config.max_model_len,
        "gpu_memory_utilization": config.gpu_memory_utilization,
        "kv_cache_memory_bytes": int(cache * GIB) if cache else None,
        "enforce_eager": config.enforce_eager,
        "enable_prefix_caching": True,
        # Left to choose, small models fill bound JSON with white space. vLLM heeds this here, not per request.
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        "block_size": BLOCK if cpu else None,
        "seed": config.seed,
        "disable_log_stats": True,
    }


@contextlib.contextmanager
def _environment(config: VLLMConfig) -> Iterator[None]:
    """vLLM takes some of its settings from the environment alone: they hold while it starts, what the user set wins."""
    wanted = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
    if config.device == "cpu" and config.threads:
        # Bound threads of several engines would all sit on the first cores.
        wanted |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(config.threads)}
    ours = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


def load(config: VLLMConfig) -> VLLMEngine:
    """Build the engine; the model is fetched first where it is not on this machine."""
    return VLLMEngine(config, locate(config.model, "checkpoint"))
