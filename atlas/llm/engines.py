"""From an engine's configuration to the engine. Each engine's library is imported only when it is used."""

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

from pydantic import Field

from atlas.llm.base import Engine
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.llm.openai import OpenAIConfig
from atlas.llm.vllm import VLLMConfig

AnyEngineConfig = CTranslate2Config | OpenAIConfig | VLLMConfig
EngineConfig = Annotated[AnyEngineConfig, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine's module, which has a ``load``, and how many chunks keep it busy for a while."""

    module: str
    unit_chunks: int


# A unit is what a kill costs at most, so it is no larger than what the engine works on at once asks for.
KINDS = {
    "ctranslate2": Kind("atlas.llm.ctranslate2", 64),
    "openai": Kind("atlas.llm.openai", 256),
    "vllm": Kind("atlas.llm.vllm", 1024),
}


def load(config: AnyEngineConfig) -> Engine:
    """The engine of a configuration, ready to complete prompts."""
    engine: Engine = import_module(KINDS[config.kind].module).load(config)
    return engine


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker with the engine needs for itself."""

    cpus: int = 1
    gpus: int = 0


def beside_others(config: AnyEngineConfig, threads: int = 1) -> tuple[AnyEngineConfig, Needs]:
    """The configuration for a worker that shares its machine with others, and what that worker needs.

    An engine on the CPU that was to take every core takes ``threads`` of them.
    """
    if isinstance(config, OpenAIConfig):
        return config, Needs()
    if isinstance(config, VLLMConfig) and config.device == "gpu":
        return config, Needs(gpus=config.tensor_parallel)
    cores = config.threads or threads
    return config.model_copy(update={"threads": cores}), Needs(cpus=cores)
