"""Which chunks are tagged, by which engine, with which prompt."""

from pydantic import BaseModel, ConfigDict, Field

from atlas.llm.ctranslate2 import CTranslate2Config
from atlas.llm.engines import EngineConfig


class SampleConfig(BaseModel):
    """The sample that the LLM sees: by document, spread over the sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chunks: int = Field(1000, gt=0, description="How many chunks to tag.")
    per_document: int = Field(2, gt=0, description="At most this many chunks of one document.")
    min_tokens: int = Field(30, ge=0, description="Chunks shorter than this tell too little to be tagged.")
    seed: int = Field(0, description="Another seed, another sample.")


class TagConfig(BaseModel):
    """The tag stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineConfig = Field(default_factory=CTranslate2Config, description="The engine that completes prompts.")
    prompt: str = Field("smollm2.v1", description="Prompt that ships with Atlas, or the path of a prompt file.")
    unit_chunks: int = Field(64, gt=0, description="Chunks per unit of work: what a kill costs at most.")
    sample: SampleConfig = Field(default_factory=SampleConfig, description="Which chunks are tagged.")
