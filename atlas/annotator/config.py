"""How the annotator is trained."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    """The train stage: the fast tier, which reads the chunker's tokens and needs no transformer to annotate, or the
    encoder tier, for which the sentence model also reads every chunk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tier: Literal["fast", "encoder"] = Field(
        "fast", description="`fast`: words alone; `encoder`: the sentence model reads every chunk too."
    )
    encoder: str = Field("all-minilm-l6-v2", description="Sentence model that teaches the annotator what words mean.")
    taught_chunks: int = Field(4000, ge=1, description="Training chunks that the sentence model reads, at most.")
    bigram_buckets: int = Field(1 << 18, ge=1024, description="Hash buckets of token pairs.")
    dimensions: int = Field(256, ge=8, description="Dimensions of the word vectors, at most.")
    heldout_share: float = Field(0.2, gt=0, lt=1, description="Share of documents kept out for evaluation.")
    folds: int = Field(4, ge=2, description="Folds by document, for the ranker, calibration and thresholds.")
    min_positives: int = Field(10, ge=2, description="Training chunks from which a concept gets a machine of its own.")
    hidden_share: float = Field(
        0.1, ge=0, lt=1, description="Share of concepts whose examples are hidden in a fold, to learn from names alone."
    )
    precision: float | None = Field(
        None, gt=0, lt=1, description="Precision that each concept's threshold is to reach; best F1 where not given."
    )
    seed: int = Field(0, description="Seed of every random choice.")
