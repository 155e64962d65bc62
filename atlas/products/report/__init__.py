"""The report: one self-contained HTML page that shows and checks an annotated run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from atlas.library.store import load
from atlas.products.report.data import gather
from atlas.products.report.evaluation import read
from atlas.products.report.layout import positions
from atlas.products.report.render import page
from atlas.storage import write_text


def build(
    annotations: Path,
    library: Path,
    out: Path,
    *,
    evaluation: Path | None,
    vectors: tuple[np.ndarray, np.ndarray] | None,
    title: str,
    facts: Mapping[str, str],
) -> None:
    """Write the report of a finished run. The same files give the same bytes.

    Args:
        annotations: run folder with ``parts/``, ``summary.json`` and perhaps ``quarantine/``.
        library: folder of the concept library that the run was labelled with.
        out: the HTML file, written whole or not at all.
        evaluation: JSON file with held-out quality, or None.
        vectors: concept ids (int32, C) and a vector for each (float32, C x d), or None for no map.
        facts: small print for the head of the page, in order, such as model names and digests.

    Raises:
        AtlasError: the run has not ended, or a file is not what it should be.
    """
    quality = read(evaluation) if evaluation is not None else None
    figures = gather(annotations, load(library), quality)
    places = positions(*vectors, figures.chunks_by_concept) if vectors is not None else None
    write_text(out, page(figures, places, quality, title=title, facts=facts))
