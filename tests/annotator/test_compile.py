"""What is compiled beforehand is what a trained annotator runs: compiled code goes by the types of arrays alone."""

from pathlib import Path

import numpy as np

from atlas.annotator import artefact
from atlas.annotator.arrays import flat
from atlas.annotator.artefact import Annotator
from atlas.annotator.compile import compiled, untrained
from atlas.annotator.model import Weights


def types(weights: Weights) -> dict[str, tuple[np.dtype, int, bool, bool, bool]]:
    """All that Numba looks at, for each array."""
    return {
        name: (a.dtype, a.ndim, a.flags.c_contiguous, a.flags.writeable, a.flags.aligned)
        for name, a in flat(weights).items()
    }


def test_untrained_annotator_has_the_types_of_a_trained_one(annotator: Annotator, tmp_path: Path) -> None:
    artefact.save(tmp_path, annotator.weights, annotator.featurizer, annotator.settings, {})
    assert types(untrained().weights) == types(artefact.load(tmp_path).weights)


def test_compiling_runs_to_its_end() -> None:
    compiled()
