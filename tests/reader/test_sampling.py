"""Sampling by concept: each window as often as its weight says."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from atlas.reader import Windows, read_windows

LENGTH = 15


def has(windows: Windows, concept: int) -> set[int]:
    return {n for n in range(windows.count) if concept in windows.window(n).labels.ids}


@pytest.mark.parametrize("kind", ["stream", "run"])
def test_windows_come_as_often_as_their_weight(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    windows = read_windows(path, LENGTH, weights={3: 3, 4: 2}, order="shuffle")
    three, four = has(windows, 3), has(windows, 4)
    assert three - four
    assert four - three
    counts = Counter(window.index for window in windows)
    for number in range(windows.count):
        assert counts[number] == (3 if number in three else 2 if number in four else 1)


def test_windows_with_a_concept_alone(stream: Path) -> None:
    windows = read_windows(stream, LENGTH, weights={7: 1}, default_weight=0)
    assert {window.index for window in windows} == has(windows, 7)


def test_a_fraction_is_a_chance_for_each_epoch(stream: Path) -> None:
    windows = read_windows(stream, LENGTH, weights={99: 1}, default_weight=0.25)
    epochs = [[window.index for window in windows] for _ in range(40)]
    assert abs(np.mean([len(epoch) for epoch in epochs]) / windows.count - 0.25) < 0.03
    assert all(len(set(epoch)) == len(epoch) for epoch in epochs)
    assert len(set(map(tuple, map(sorted, epochs)))) > 30
    again = read_windows(stream, LENGTH, weights={99: 1}, default_weight=0.25)
    again.start_at(7)
    assert [window.index for window in again] == epochs[7]


def test_ranks_share_and_resume_sampled_windows_too(stream: Path) -> None:
    settings = {"weights": {3: 2.5}, "default_weight": 0.5}
    alone = [window.index for window in read_windows(stream, LENGTH, **settings)]
    shares = [
        [window.index for window in read_windows(stream, LENGTH, rank=rank, world=3, **settings)] for rank in range(3)
    ]
    assert [index for step in zip(*shares, strict=True) for index in step] == alone[: len(alone) // 3 * 3]
    windows = read_windows(stream, LENGTH, **settings)
    share = iter(windows)
    seen = [next(share).index for _ in range(5)]
    resumed = read_windows(stream, LENGTH, **settings)
    resumed.load_state_dict(windows.state_dict())
    assert seen + [window.index for window in resumed] == alone
