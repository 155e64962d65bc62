"""One global order for any ranks and workers, and a stop anywhere that nobody can tell afterwards."""

import json
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_run import token_run

from atlas.errors import AtlasError
from atlas.reader import read_windows
from atlas.reader.torch_data import Loader, WindowDataset

LENGTH = 20


def order(path: Path, **settings: Any) -> list[int]:
    return [window.index for window in read_windows(path, LENGTH, **settings)]


def interleaved(shares: list[list[int]]) -> list[int]:
    """What all ranks see, step by step."""
    return [index for step in zip_longest(*shares) for index in step if index is not None]


@pytest.mark.parametrize("kind", ["shuffle", "blocks", "sequential"])
@pytest.mark.parametrize("world", [2, 3, 8])
def test_ranks_share_one_order(stream: Path, kind: Any, world: int) -> None:
    alone = order(stream, order=kind)
    assert sorted(alone) == list(range(len(alone)))
    shares = [order(stream, order=kind, rank=rank, world=world, even=False) for rank in range(world)]
    assert interleaved(shares) == alone
    even = [order(stream, order=kind, rank=rank, world=world) for rank in range(world)]
    assert {len(share) for share in even} == {len(alone) // world}
    assert interleaved(even) == alone[: len(alone) // world * world]


def test_parquet_and_stream_have_one_order(run: Path, stream: Path) -> None:
    assert order(run, order="shuffle") == order(stream)


def test_epochs_follow_one_another_in_different_orders(stream: Path) -> None:
    windows = read_windows(stream, LENGTH)
    first, second = ([window.index for window in windows] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)
    assert first == order(stream)
    assert windows.state_dict()["epoch"] == 2


@settings(deadline=None, max_examples=30)
@given(
    stop=st.integers(0, 30),
    before=st.sampled_from([1, 2, 3, 8]),
    after=st.sampled_from([1, 2, 3, 8]),
    epoch=st.booleans(),
)
def test_a_run_goes_on_exactly_on_other_ranks(stream: Path, stop: int, before: int, after: int, epoch: bool) -> None:
    readers = [read_windows(stream, LENGTH, rank=rank, world=before) for rank in range(before)]
    whole = read_windows(stream, LENGTH)
    if epoch:
        for windows in (*readers, whole):
            windows.start_at(1)
    alone = [window.index for window in whole]
    stop %= len(alone) // before
    seen = []
    for windows in readers:
        share = iter(windows)
        seen.append([next(share).index for _ in range(stop)])
    states = [json.dumps(windows.state_dict()) for windows in readers]
    assert len(set(states)) == 1
    assert len(states[0]) < 600
    later = []
    for rank in range(after):
        windows = read_windows(stream, LENGTH, rank=rank, world=after, even=False)
        windows.load_state_dict(json.loads(states[0]))
        later.append([window.index for window in windows])
    assert interleaved(seen) + interleaved(later) == alone


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_workers_do_not_change_the_order(stream: Path, workers: int) -> None:
    loader = Loader(read_windows(stream, LENGTH), 2, num_workers=workers, drop_last=False)
    expected = list(read_windows(stream, LENGTH).batches(2, drop_last=False))
    found = list(loader)
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        for name, tensor in other.items():
            assert np.array_equal(getattr(one, name), tensor.numpy()), name


def test_a_loader_stops_and_goes_on_with_batches_in_flight(stream: Path) -> None:
    def positions(batches: Any) -> list[int]:
        return [int(position) for batch in batches for position in batch["positions"]]

    alone = positions(Loader(read_windows(stream, LENGTH), 2))
    loader = Loader(read_windows(stream, LENGTH, rank=1, world=2), 2, num_workers=2, prefetch_factor=4)
    batches = iter(loader)
    seen = positions([next(batches) for _ in range(3)])
    assert seen == [1, 3, 5, 7, 9, 11]
    state = loader.state_dict()
    assert state["position"] == 12
    resumed = Loader(read_windows(stream, LENGTH), 2, num_workers=1)
    resumed.load_state_dict(state)
    rest = positions(resumed)
    assert rest == alone[12 : 12 + len(rest)]
    assert len(alone) - 12 - len(rest) < 2
    assert resumed.state_dict()["epoch"] == 1


def test_map_style_items_are_the_ranks_share(stream: Path) -> None:
    from torch.utils.data import DataLoader

    windows = read_windows(stream, LENGTH, rank=1, world=3)
    items = WindowDataset(windows)
    expected = [window.tokens.tolist() for window in read_windows(stream, LENGTH, rank=1, world=3)]
    assert len(items) == len(expected)
    loaded = DataLoader(items, batch_size=4, num_workers=2)
    assert list(chain.from_iterable(batch["tokens"].tolist() for batch in loaded)) == expected
    with pytest.raises(IndexError):
        items[len(items)]


def test_a_state_of_another_corpus_or_setting_is_refused(run: Path, stream: Path, tmp_path: Path) -> None:
    state = read_windows(stream, LENGTH).state_dict()
    with pytest.raises(AtlasError, match="another corpus"):
        read_windows(run, LENGTH, order="shuffle").load_state_dict(state)
    other = token_run(tmp_path, files=1)
    with pytest.raises(AtlasError, match="another corpus"):
        read_windows(other, LENGTH).load_state_dict(state)
    with pytest.raises(AtlasError, match="length=20, this reader has length=21"):
        read_windows(stream, LENGTH + 1).load_state_dict(state)
    with pytest.raises(AtlasError, match="seed=0, this reader has seed=1"):
        read_windows(stream, LENGTH, seed=1).load_state_dict(state)
    with pytest.raises(AtlasError, match="split="):
        read_windows(stream, LENGTH, split="train", validation=0.3).load_state_dict(state)
    with pytest.raises(AtlasError, match="labels="):
        read_windows(stream, LENGTH, min_score=0.5).load_state_dict(state)
    with pytest.raises(AtlasError, match="none of this reader's version"):
        read_windows(stream, LENGTH).load_state_dict({})


def test_workers_that_stay_are_refused(stream: Path) -> None:
    with pytest.raises(AtlasError, match="persistent_workers"):
        Loader(read_windows(stream, LENGTH), 2, num_workers=1, persistent_workers=True)


def test_a_rank_outside_of_the_world_is_refused(stream: Path) -> None:
    with pytest.raises(AtlasError, match="rank 2 of world 2"):
        read_windows(stream, LENGTH, rank=2, world=2)


def test_rare_concepts_are_spread_evenly(tmp_path: Path) -> None:
    """Counts of a concept that only one file has, in blocks of training: as even as chance, not in one heap."""
    run = token_run(tmp_path, files=8, documents=24)
    windows = read_windows(run, 10, order="shuffle")
    rare = {number for number in range(windows.count) if windows.window(number).document_ids[0].startswith("3-")}
    size = windows.count // 20

    def unevenness(training: list[int]) -> float:
        counts = [sum(index in rare for index in training[at : at + size]) for at in range(0, size * 20, size)]
        return float(np.var(counts) / np.mean(counts))

    shuffled = unevenness([window.index for window in windows])
    sequential = unevenness([window.index for window in read_windows(run, 10, order="sequential")])
    assert shuffled < 2  # 1 by chance
    assert sequential > 5
