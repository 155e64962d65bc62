"""The verb that writes the HTML report."""

from pathlib import Path


def report(
    annotations: Path,
    library: Path,
    out: Path,
    *,
    model: Path | None = None,
    evaluation: Path | None = None,
    title: str = "Atlas",
    facts: dict[str, str] | None = None,
) -> Path:
    """Write the HTML report of an annotated run."""
    from atlas.annotator import artefact
    from atlas.products.report import build

    vectors = None
    if model is not None:
        weights = artefact.load(model).weights
        vectors = (weights.concept_ids, weights.meaning)
    measured = evaluation if evaluation is not None and evaluation.is_file() else None
    build(annotations, library, out, evaluation=measured, vectors=vectors, title=title, facts=facts or {})
    return out
