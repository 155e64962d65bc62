"""What is compiled beforehand is what a trained annotator runs: compiled code goes by the types of arrays alone."""

import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from atlas import verbs
from atlas.annotator import artefact
from atlas.annotator.arrays import flat
from atlas.annotator.artefact import Annotator
from atlas.annotator.compile import cold, compiled, untrained
from atlas.annotator.model import Weights
from atlas.corpus.config import CorpusConfig
from atlas.runner.run import Execution
from atlas.verbs import Hooks


def types(weights: Weights) -> dict[str, tuple[np.dtype, int, bool, bool, bool]]:
    """All that Numba looks at, for each array."""
    return {
        name: (a.dtype, a.ndim, a.flags.c_contiguous, a.flags.writeable, a.flags.aligned)
        for name, a in flat(weights).items()
    }


def test_untrained_annotator_has_the_types_of_a_trained_one(annotator: Annotator, tmp_path: Path) -> None:
    artefact.save(tmp_path, annotator.weights, annotator.featurizer, annotator.settings, {})
    assert types(untrained().weights) == types(artefact.load(tmp_path).weights)


def test_what_was_compiled_is_not_compiled_again(tmp_path: Path) -> None:
    assert cold(tmp_path)
    compiled()
    assert not cold()


@pytest.mark.parametrize(("executor", "wanted"), [("local", 1), ("ray", 0)])
def test_first_run_of_a_machine_says_why_it_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, executor: Literal["local", "ray"], wanted: int
) -> None:
    done: list[str] = []
    monkeypatch.setattr("atlas.annotator.artefact.read_settings", lambda _: {})
    monkeypatch.setattr("atlas.annotator.compile.cold", lambda: True)
    monkeypatch.setattr("atlas.annotator.compile.compiled", lambda: done.append("compiled"))
    monkeypatch.setattr(sys.modules["atlas.verbs.annotate"], "run_over", lambda *_, **__: None)
    corpus, hooks = CorpusConfig(path=str(tmp_path)), Hooks(say=done.append)
    verbs.annotate(corpus, tmp_path, tmp_path / "out", execution=Execution(executor), hooks=hooks)
    assert done == ["compiling for this machine, which takes half a minute once", "compiled", "annotating"] * wanted
