"""How tags become concepts."""

from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, field_validator

from atlas.library.names import normal_form
from atlas.llm.engines import EngineConfig
from atlas.tables import FACETS


class Similarity(BaseModel):
    """Cosine similarities of the sentence model from which a form joins the concept of its nearest name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: float = Field(0.78, gt=0, le=1, description="Topics: near-synonyms and narrow variants.")
    entity: float = Field(0.92, gt=0, le=1, description="Names: spelling variants only, as Oslo is not Bergen.")
    tone: float = Field(0.65, gt=0, le=1, description="Tones: few and broad.")
    form: float = Field(0.65, gt=0, le=1, description="Forms: few and broad.")

    def of(self, facet: str) -> float:
        return float(getattr(self, facet))


class WordsConfig(BaseModel):
    """Who writes the words of concepts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineConfig = Field(description="The engine that is asked, as in tag.engine.")
    prompt: str = Field("words.v1", description="Prompt that ships with Atlas, or a prompt file's path.")


class CanonicalizeConfig(BaseModel):
    """The canonicalize stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str | None = Field(None, description="Library to start from: its concepts keep ids, names and words.")
    take: tuple[str, ...] = Field(
        FACETS, description="Facets taken over whole from the base; of others, what new concepts have the name of."
    )
    closed: tuple[str, ...] = Field(
        ("tone", "form"),
        description="Facets that get no new concept where the base has some: their tags link to those or to nothing.",
    )
    encoder: str = Field("all-minilm-l6-v2", description="Sentence model: catalogue name, path or hub id.")
    min_chunks: int | None = Field(
        None, ge=1, description="Chunks that a new concept must be seen on; by the size of the sample where not given."
    )
    neighbours: int = Field(
        15, ge=1, description="Names that each name is compared with, by meaning, and as many by letters."
    )
    same: float = Field(
        0.3, gt=0, le=1, description="Mean probability of meaning the same from which groups of names are one concept."
    )
    similarity: Similarity = Field(
        default_factory=Similarity, description="Cosines from which what is left joins the concept of the nearest name."
    )
    same_use: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Share of their chunks that two new concepts share, from which they are one.",
    )
    universal: float = Field(
        0.3, gt=0, le=1, description="Share of chunks above which a new topic tells nothing and is left out."
    )
    waive: tuple[str, ...] = Field((), description="Topics that may be on more chunks than that.")
    coherent: float = Field(
        0.45, ge=0, le=1, description="Mean cosine with its centre that a new concept of three forms or more must have."
    )
    compared: int = Field(
        120_000, ge=1, description="Forms of a facet, most frequent first, that are compared; rarer ones join or go."
    )
    rare: float = Field(
        0.86, gt=0, le=1, description="Cosine of the static encoder from which a rarer form joins the nearest name."
    )
    place: bool = Field(True, description="Give new topics their place in the Library of Congress Classification.")
    words: WordsConfig | None = Field(
        None, description="Engine and prompt that write names, descriptions and questions; composed of tags without."
    )
    examples: int = Field(3, ge=0, description="Quotes kept for each concept.")

    @field_validator("take", "closed")
    @classmethod
    def _are_facets(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in given if name not in FACETS]:
            raise ValueError(f"{unknown[0]!r} is no facet; choose among {', '.join(FACETS)}")
        return given

    @cached_property
    def waived_forms(self) -> frozenset[str]:
        return frozenset(map(normal_form, self.waive))
