"""The embedded engine: CTranslate2 in this process, on the CPU or a GPU, no server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from atlas.cores import cores
from atlas.errors import AtlasError
from atlas.llm.base import Completion, Prompt, Sampling
from atlas.llm.costs import EngineCosts
from atlas.llm.plain_text import PlainTokenizer, until_stop
from atlas.models.fetch import locate


class CTranslate2Config(EngineCosts):
    """Which model, and how it is run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["ctranslate2"] = Field("ctranslate2", description="Which engine this configures.")
    model: str = Field("atlas-tagger-135m", description="Catalogue name, folder of a converted model, or hub id.")
    threads: int | None = Field(None, ge=1, description="Cores to use; all where not given.")
    batch_size: int = Field(
        4,
        ge=1,
        description="Prompts decoded together on one core; the key-value cache is copied at each step, "
        "so small batches are fastest on CPUs.",
    )

    probe_is_free: ClassVar[bool] = True

    @property
    def cores_beside(self) -> int | None:
        return self.threads  # the same ones


class CTranslate2Engine:
    """Greedy or sampled decoding of many prompts that share a static piece.

    One decoder runs per core. Prompts are sorted by length, so that a batch wastes little on padding, and
    answers come back in the order asked. Special tokens inside ``Prompt.text`` are plain characters.
    """

    name = "ctranslate2"

    def __init__(self, config: CTranslate2Config, path: Path) -> None:
        import ctranslate2

        if not (path / "model.bin").is_file():
            raise AtlasError(
                f"{path}: no CTranslate2 model (model.bin). Convert the checkpoint first: "
                f"ct2-transformers-converter --model {path} --output_dir FOLDER --quantization int8"
            )
        self.model = config.model
        self._batch_size = config.batch_size
        self._tokenizer = PlainTokenizer(path)
        cuda = ctranslate2.get_cuda_device_count() > 0
        self._generator: Any = ctranslate2.Generator(
            str(path),
            device="cuda" if cuda else "cpu",
            compute_type="default",
            inter_threads=1 if cuda else (config.threads or cores()),
            intra_threads=1,
        )

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        answers = [Completion("", "error", detail="the prompt is empty")] * len(prompts)
        by_static: dict[str, dict[int, str]] = {}
        for index, prompt in enumerate(prompts):
            # The cached piece can't stand alone: without a text behind it, it is the text.
            static, text = (prompt.static, prompt.text) if prompt.text else ("", prompt.static)
            if text:
                by_static.setdefault(static, {})[index] = text
        for static, texts in by_static.items():
            encoded = {i: self.encode(text) for i, text in texts.items()}
            order = sorted(encoded, key=lambda i: (len(encoded[i]), i))
            results = self.generate(static, [encoded[i] for i in order], sampling)
            for index, result in zip(order, results, strict=True):
                answers[index] = self._completion(result, len(encoded[index]), sampling)
        return answers

    def encode(self, text: str) -> list[str]:
        """Tokens of a text; what looks like a special token is spelt out."""
        return self._tokenizer.encode(text).tokens

    def generate(self, static: str, prompts: list[list[str]], sampling: Sampling) -> list[Any]:
        """Raw results for encoded prompts, in order."""
        options: dict[str, Any] = {}
        front = self._tokenizer.front
        if static:
            options = {"static_prompt": [*front, *self.encode(static)], "cache_static_prompt": True}
        elif front:
            prompts = [[*front, *prompt] for prompt in prompts]
        banned = [self.encode(" " + text) for text in sampling.banned]
        return self._generator.generate_batch(
            prompts,
            max_length=sampling.max_tokens,
            min_length=min(MIN_TOKENS, sampling.max_tokens),
            max_batch_size=self._batch_size,
            end_token=self._tokenizer.ending(sampling.stop),
            sampling_topk=1 if sampling.temperature == 0 else 0,
            sampling_temperature=sampling.temperature or 1.0,
            no_repeat_ngram_size=0 if sampling.schema else NO_REPEAT,
            suppress_sequences=banned or None,
            include_prompt_in_result=False,
            **options,
        )

    def _completion(self, result: Any, prompt_tokens: int, sampling: Sampling) -> Completion:
        ids = result.sequences_ids[0]
        # A stop string may also arrive in pieces, over several tokens.
        text, stopped = until_stop(self._tokenizer.decode(ids), sampling.stop)
        cut_off = len(ids) >= sampling.max_tokens and not stopped
        return Completion(text, "length" if cut_off else "stop", prompt_tokens, len(ids))

    def close(self) -> None:
        self._generator.unload_model()


# After code, small models like to go on with the next line; an answer has at least this many tokens.
MIN_TOKENS = 2
# A pair of tokens is generated once: small models fall into loops ("X, X, X"), and no list of tags needs a pair twice.
# JSON does: what opens its strings (`": "`) comes again with each.
NO_REPEAT = 2


def load(config: CTranslate2Config) -> CTranslate2Engine:
    """Build the engine; the model is fetched first where it is not on this machine."""
    return CTranslate2Engine(config, locate(config.model))
