"""How many workers there is room for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.runner.ray_cluster import Share, room
from atlas.runner.run import Execution

GIB = 1 << 30


@pytest.mark.parametrize(
    ("share", "node", "expected"),
    [
        (Share(), {"CPU": 8.0, "memory": 4.0 * GIB}, 8),
        (Share(cpus=0.1), {"CPU": 1.0}, 10),
        (Share(cpus=3), {"CPU": 8.0}, 2),
        (Share(memory=GIB), {"CPU": 8.0, "memory": 4.5 * GIB}, 4),
        (Share(gpus=0.25), {"CPU": 16.0, "GPU": 2.0}, 8),
        (Share(gpus=0.3), {"CPU": 16.0, "GPU": 2.0}, 6),
        (Share(gpus=0.6), {"CPU": 16.0, "GPU": 2.0}, 2),
        (Share(gpus=2), {"CPU": 16.0, "GPU": 5.0}, 2),
        (Share(cpus=0, gpus=1), {"CPU": 0.0, "GPU": 4.0}, 4),
        (Share(gpus=1), {"CPU": 16.0}, 0),
        (Share(), {}, 0),
    ],
)
def test_node_has_room_for_as_many_workers_as_its_scarcest_resource(
    share: Share, node: dict[str, float], expected: int
) -> None:
    assert share.fits(node) == expected


def test_no_worker_is_spread_over_two_nodes() -> None:
    assert room([{"CPU": 3.0}, {"CPU": 3.0}, {"CPU": 1.0}], Share(cpus=2)) == 2


@given(
    cpus=st.integers(1, 64),
    memory=st.integers(0, 64 * GIB),
    there=st.integers(0, 512),
    bytes_there=st.integers(0, 512 * GIB),
)
def test_workers_fit_and_one_more_would_not(cpus: int, memory: int, there: int, bytes_there: int) -> None:
    fitting = Share(cpus, memory=memory).fits({"CPU": there, "memory": bytes_there})
    assert fitting * cpus <= there
    assert fitting * memory <= bytes_there + 1e-5 * memory
    assert (fitting + 1) * cpus > there or (fitting + 1) * memory > bytes_there


@given(gpus=st.floats(0.01, 1), devices=st.integers(0, 16))
def test_parts_of_a_device_are_never_put_together_from_two(gpus: float, devices: int) -> None:
    fitting = Share(0, gpus).fits({"GPU": devices})
    assert fitting == devices * Share(0, gpus).fits({"GPU": 1})
    assert fitting * gpus <= devices * (1 + 1e-5)


@pytest.mark.parametrize("share", [{"cpus": 0}, {"cpus": -1}, {"memory": -1}, {"gpus": 1.5}])
def test_share_that_ray_can_not_set_aside_is_refused(share: dict[str, float]) -> None:
    with pytest.raises(AtlasError, match="worker"):
        Share(**share)


def test_share_says_what_it_is() -> None:
    assert str(Share(0.5, 0.25, 3 * GIB // 2)) == "0.5 CPU, 0.25 GPU, 1.5 GiB"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"max_workers": 2}, "max_workers: only Ray"),
        ({"gpus": 0.5, "memory": GIB}, "worker_gpus, worker_memory_gib: only Ray"),
        ({"address": "auto"}, "address: only Ray"),
        ({"executor": "ray", "workers": 4, "max_workers": 3}, r"max_workers \(3\) is less than workers \(4\)"),
    ],
)
def test_settings_that_can_not_be_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(AtlasError, match=told):
        Execution(**settings)  # type: ignore[arg-type]
