"""Which chunks are tagged, by which engine, with which prompt."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.llm.engines import KINDS, EngineConfig
from atlas.tagging.prompt import default_prompt


class SampleConfig(BaseModel):
    """The sample that the LLM sees: by document, spread over the sources. The limit reached first decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chunks: int | None = Field(None, gt=0, description="At most so many chunks; 1000 where there is no other limit.")
    tokens: int | None = Field(None, gt=0, description="At most about so many tokens, prompts and answers together.")
    minutes: float | None = Field(None, gt=0, description="At most about so many minutes of tagging.")
    money: float | None = Field(None, gt=0, description="At most about so much money, at the engine's prices.")
    strategy: Literal["random", "coverage"] = Field(
        "random", description="Chunks at random, or such as speak of as many different things as possible."
    )
    per_document: int = Field(2, gt=0, description="At most this many chunks of one document.")
    min_tokens: int = Field(30, ge=0, description="Chunks shorter than this tell too little to be tagged.")
    seed: int = Field(0, description="Another seed, another sample.")


class TagConfig(BaseModel):
    """The tag stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineConfig = Field(default_factory=CTranslate2Config, description="The engine that completes prompts.")
    prompt: str | None = Field(
        None, description="Prompt that ships with Atlas, or a prompt file's path; the one made for the model."
    )
    unit_chunks: int | None = Field(
        None, gt=0, description="Chunks per unit of work: what a kill costs at most; as the engine likes it."
    )
    executor: Literal["local", "ray"] = Field("local", description="This machine, or a Ray cluster.")
    workers: int | None = Field(
        None, ge=1, description="Workers, each with an engine. Not given: one here, what a Ray cluster has room for."
    )
    max_workers: int | None = Field(None, ge=1, description="On Ray: up to so many, where there is room for them.")
    address: str | None = Field(None, description="Address of a running Ray cluster; one is started here without.")
    sample: SampleConfig = Field(default_factory=SampleConfig, description="Which chunks are tagged.")

    @property
    def prompt_name(self) -> str:
        """``prompt``, or the prompt that suits the model."""
        return self.prompt or default_prompt(self.engine.model)

    @property
    def chunks_per_unit(self) -> int:
        """``unit_chunks``, or what keeps the engine busy."""
        return self.unit_chunks or KINDS[self.engine.kind].unit_chunks
