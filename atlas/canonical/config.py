"""How tags become concepts."""

from pydantic import BaseModel, ConfigDict, Field


class Similarity(BaseModel):
    """Cosine similarities of the sentence model from which forms of a facet are one concept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: float = Field(0.78, gt=0, le=1, description="Topics: near-synonyms and narrow variants.")
    entity: float = Field(0.92, gt=0, le=1, description="Names: spelling variants only, as Oslo is not Bergen.")
    tone: float = Field(0.65, gt=0, le=1, description="Tones: few and broad.")
    form: float = Field(0.65, gt=0, le=1, description="Forms: few and broad.")


class CanonicalizeConfig(BaseModel):
    """The canonicalize stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str | None = Field(None, description="Library to start from: its concepts keep ids, names and words.")
    closed: tuple[str, ...] = Field(
        ("tone", "form"),
        description="Facets that get no new concept where the base has some: their tags link to those or to nothing.",
    )
    encoder: str = Field("all-minilm-l6-v2", description="Sentence model: catalogue name, path or hub id.")
    min_chunks: int | None = Field(
        None, ge=1, description="Chunks that a new concept must be seen on; by the size of the sample where not given."
    )
    neighbours: int = Field(24, ge=1, description="Neighbours of each form in the similarity graph.")
    similarity: Similarity = Field(default_factory=Similarity, description="Merge thresholds by facet.")
    examples: int = Field(3, ge=0, description="Quotes kept for each concept.")
