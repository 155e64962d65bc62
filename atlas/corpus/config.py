"""Where documents come from and which of their columns mean what."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from atlas.tables import annotations


class CorpusConfig(BaseModel):
    """A corpus: files of one format, a folder of text files, or a Hugging Face dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(
        "",
        description="File, folder, glob or URL (Parquet, JSON Lines, text), a saved Hugging Face dataset, "
        "or hf:NAME[:SPLIT] for one by name.",
    )
    id: str | None = Field(None, description="Column with the document's id. Without it: <file>#<row>.")
    text: str = Field("text", description="Column with the document's text.")
    source: str | None = Field(
        None, description="Column that names where a document is from. Without it: 'source' if there, else the file."
    )
    carry: tuple[str, ...] = Field((), description="Further columns to carry through to the output.")
    limit: int | None = Field(None, gt=0, description="Take the first so many documents of the corpus alone.")
    sample: float = Field(
        1.0, gt=0, le=1, description="Take this share of the documents, chosen by a digest of their id."
    )
    unit_bytes: int = Field(
        32 << 20, gt=0, description="About how many input bytes make one unit of work (one output part)."
    )
    batch_bytes: int = Field(4 << 20, gt=0, description="About how many bytes of text are held in memory at a time.")

    @field_validator("carry")
    @classmethod
    def _carry_new_columns(cls, carry: tuple[str, ...]) -> tuple[str, ...]:
        for name in carry:
            if carry.count(name) > 1:
                raise ValueError(f"column {name!r} is named twice; name it once")
            if name in annotations(text=True, rejected=True, evidence=True, tokens=True).names:
                raise ValueError(f"column {name!r} would take the place of Atlas's own column {name!r}; rename yours")
        return carry
