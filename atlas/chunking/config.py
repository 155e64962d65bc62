"""How documents are cut."""

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ChunkConfig(BaseModel):
    """Sizes are in tokens of the named tokenizer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokenizer: str = Field("cl100k_base", description="'cl100k_base', or the path of a tokenizer.json.")
    target_tokens: int = Field(100, ge=16, description="Size that chunks aim at.")
    max_tokens: int = Field(200, ge=16, description="Size that no chunk exceeds.")

    @model_validator(mode="after")
    def _maximum_above_target(self) -> "ChunkConfig":
        if self.max_tokens < self.target_tokens:
            raise ValueError(
                f"max_tokens ({self.max_tokens}) is below target_tokens ({self.target_tokens}); "
                "raise it or lower the target"
            )
        return self
