"""Vectors that are remembered are those that the encoder gives, and only new texts are read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from atlas.models.kept_vectors import remembering


class Letters:
    """Counts of letters; notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path))
    return tmp_path / "vectors"


def test_only_what_is_new_is_read_and_the_vectors_are_the_same() -> None:
    first, second, plain = Letters(), Letters(), Letters()
    remembering(first, "model", "library")(["a", "bb", "abc"])
    texts = ["abc", "cc", "a", "abc"]
    found = remembering(second, "model", "library")(texts)
    assert second.asked == ["cc"]
    assert found.tolist() == plain(texts).tolist()
    third = Letters()
    assert remembering(third, "model", "library")(texts).tolist() == found.tolist()
    assert third.asked == []


@pytest.mark.parametrize(("digest", "owner"), [("other", "library"), ("model", "other")])
def test_another_model_and_another_owner_share_nothing(digest: str, owner: str) -> None:
    remembering(Letters(), "model", "library")(["a"])
    other = Letters()
    remembering(other, digest, owner)(["a"])
    assert other.asked == ["a"]


@pytest.mark.parametrize("kept", [0, 1, 40, 200])
def test_damaged_file_is_read_anew_and_mended(folder: Path, kept: int) -> None:
    remembering(Letters(), "model", "library")(["a", "b"])
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:kept])
    again, after = Letters(), Letters()
    assert remembering(again, "model", "library")(["a", "b"]).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert again.asked == ["a", "b"]
    remembering(after, "model", "library")(["a", "b"])
    assert after.asked == []
