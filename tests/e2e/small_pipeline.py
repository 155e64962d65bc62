"""A pipeline file's settings for a small piece of the example corpus."""

from pathlib import Path

from atlas.config import PipelineConfig

LIBRARY = Path(__file__).parents[2] / "concept_library"


def settings(folder: Path) -> PipelineConfig:
    return PipelineConfig.model_validate(
        {
            "name": "small",
            "out": str(folder / "run"),
            "corpus": {"path": str(folder / "corpus"), "id": "doc_id", "unit_bytes": 20_000},
            "tag": {"sample": {"chunks": 40}, "unit_chunks": 20},
            "canonicalize": {"base": str(LIBRARY), "take": ["tone", "form"], "min_chunks": 2},
            "annotate": {"workers": 2},
        }
    )
