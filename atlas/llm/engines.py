"""From an engine's configuration to the engine. Each engine's library is imported only when it is used."""

from typing import Annotated

from pydantic import Field

from atlas.llm.base import Engine
from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.llm.openai import OpenAIConfig

EngineConfig = Annotated[CTranslate2Config | OpenAIConfig, Field(discriminator="kind")]


def load(config: CTranslate2Config | OpenAIConfig) -> Engine:
    """The engine of a configuration, ready to complete prompts."""
    if isinstance(config, OpenAIConfig):
        from atlas.llm import openai

        return openai.load(config)
    from atlas.llm import ctranslate2

    return ctranslate2.load(config)
