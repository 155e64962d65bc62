"""Training that was stopped goes on where it was, and ends with the same bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.annotator import train
from atlas.annotator.arrays import flat
from atlas.annotator.artefact import Annotator
from atlas.annotator.checkpoints import Checkpoints
from atlas.annotator.config import TrainConfig
from atlas.annotator.views import Sparse


class Stopped(Exception):
    """As by Ctrl-C."""


@pytest.fixture
def trained(planted: Any, small_config: TrainConfig) -> Callable[..., Any]:
    def run(keep: Checkpoints) -> Any:
        settings = (planted.library, "cl100k_base", planted.teacher, small_config)
        return train.train(planted.training, *settings, keep=keep)[0]

    return run


def test_stopped_training_goes_on_and_ends_with_the_same_bytes(
    trained: Callable[..., Any], annotator: Annotator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, begun = train.left_out, []

    def interrupted(fold: int, *others: Any) -> Any:
        begun.append(fold)
        if fold == 2 and begun.count(2) == 1:
            raise Stopped
        return whole(fold, *others)

    monkeypatch.setattr(train, "left_out", interrupted)
    with pytest.raises(Stopped):
        trained(Checkpoints(tmp_path, "key"))
    kept = {path.name.split("-key")[0] for path in tmp_path.iterdir()}
    assert {"meanings", "fold-0", "fold-1"} <= kept and "fold-2" not in kept
    weights = trained(Checkpoints(tmp_path, "key"))
    assert sorted(begun) == [0, 1, 2, 2, 3]
    for name, array in flat(annotator.weights).items():
        assert flat(weights)[name].tobytes() == array.tobytes(), name


def test_what_was_kept_for_other_data_is_not_read(trained: Callable[..., Any], tmp_path: Path) -> None:
    trained(Checkpoints(tmp_path, "one"))
    asked: list[str] = []

    class Listening(Checkpoints):
        def __call__(self, step: str, kind: Any, make: Any) -> Any:
            return super().__call__(step, kind, lambda: asked.append(step) or make())

    trained(Listening(tmp_path, "other"))
    assert sorted(asked) == ["fold-0", "fold-1", "fold-2", "fold-3", "meanings"]


def test_nothing_stays_once_the_annotator_is_there(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / ".training", "key")
    made = Sparse(np.ones(1, np.float32), np.zeros(1, np.int32), np.array([0, 1]))
    assert kept("step", Sparse, lambda: made).data.tolist() == [1.0]
    assert (tmp_path / ".training").is_dir()
    kept.clear()
    assert list(tmp_path.iterdir()) == []
