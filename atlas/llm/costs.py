"""What an engine's work costs, how fast it is, and what it leaves: settings that every engine's configuration has."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

MILLION = 1_000_000
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in one currency, whichever it is: of an hour of hardware, and of a million tokens."""

    per_hour: float = 0.0
    per_million_input: float = 0.0
    per_million_output: float = 0.0

    @property
    def given(self) -> bool:
        """Whether there is a price at all."""
        return self.per_hour > 0 or self.per_token

    @property
    def per_token(self) -> bool:
        return self.per_million_input > 0 or self.per_million_output > 0

    def of(self, prompt_tokens: float, completion_tokens: float, seconds: float) -> float:
        """The price of so many tokens and so much time."""
        tokens = prompt_tokens * self.per_million_input + completion_tokens * self.per_million_output
        return tokens / MILLION + seconds / HOUR_S * self.per_hour


class EngineCosts(BaseModel):
    """Base of engine configurations. None of its settings changes what an engine answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_per_hour: float = Field(0, ge=0, description="Price of an hour of the hardware that the engine runs on.")
    chunks_per_s: float | None = Field(
        None, gt=0, description="Chunks tagged a second, where it is known; else a few are tagged to find out."
    )

    runs_here: ClassVar[bool] = True  # whether the engine loads its model itself, rather than a server elsewhere
    probe_is_free: ClassVar[bool] = False  # whether a dry run may tag a few chunks: quick, and nobody sends a bill

    @property
    def prices(self) -> Prices:
        return Prices(per_hour=self.price_per_hour)

    @property
    def probe_chunks(self) -> int:
        """How many chunks show the engine's rate: enough to keep it busy, few enough to be done in seconds."""
        return 8

    @property
    def cores_beside(self) -> int | None:
        """How many cores are for what this process does while the engine works; all where not given."""
        return None


def prices(config: BaseModel) -> Prices:
    """The prices of an engine's configuration; none where it has no such settings."""
    return config.prices if isinstance(config, EngineCosts) else Prices()
