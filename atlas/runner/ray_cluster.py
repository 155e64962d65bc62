"""A Ray cluster: joining it, leaving it, and how many workers its nodes have room for."""

import logging
import socket
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from atlas.errors import AtlasError

KNOCK_SECONDS = 30.0
EPSILON = 1e-6  # fractions such as 0.1 are not exact


@dataclass(frozen=True, slots=True)
class Share:
    """What is set aside on a node for one worker; of a GPU it may be a part, which others share. Memory in bytes.

    Raises:
        AtlasError: nothing is asked for, or several GPUs and a part of one, which Ray can't set aside.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0

    def __post_init__(self) -> None:
        if min(self.cpus, self.gpus, self.memory) < 0 or not (self.cpus or self.gpus):
            raise AtlasError(f"a worker on Ray needs a CPU or a GPU, or a part of one; it was given {self}")
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise AtlasError(f"{self.gpus} GPUs for a worker: give a part of one (such as 0.25) or a whole number")

    def fits(self, node: Mapping[str, float]) -> int:
        """How many such workers there is room for on a node with these resources (Ray's names)."""
        room = [_times(node.get(name, 0), wanted) for name, wanted in self.wanted().items() if name != "GPU"]
        devices = int(node.get("GPU", 0))
        if 0 < self.gpus < 1:
            room.append(devices * _times(1, self.gpus))  # no worker has halves of two devices
        elif self.gpus:
            room.append(devices // int(self.gpus))
        return min(room)

    def wanted(self) -> dict[str, float]:
        """Ray's names of what is asked for, with how much."""
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return {name: amount for name, amount in asked.items() if amount}

    def __str__(self) -> str:
        gib = {"memory": self.memory / (1 << 30)}
        words = [f"{gib.get(n, amount):g} {'GiB' if n in gib else n}" for n, amount in self.wanted().items()]
        return ", ".join(words) or "nothing"


def _times(there: float, wanted: float) -> int:
    return int(there / wanted + EPSILON)


def room(nodes: Iterable[Mapping[str, float]], share: Share) -> int:
    """How many workers fit on nodes with these resources; no worker is spread over two."""
    return sum(share.fits(node) for node in nodes)


def nodes() -> list[Mapping[str, float]]:
    """The resources of each node that is alive, in use or not: 0.5 ms on two nodes."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@dataclass(frozen=True, slots=True)
class Connection:
    """To a cluster; ``undo`` are the steps that end it, none where it was there before."""

    undo: tuple[Callable[[], None], ...] = ()

    def close(self) -> None:
        for step in self.undo:
            step()


def join(address: str | None) -> Connection:
    """Connect to the cluster at an address, or start one of this machine; what is connected already is used.

    Raises:
        AtlasError: there is no cluster at the address, or one that asks for a token.
    """
    import ray

    if ray.is_initialized():
        return Connection()
    try:
        if address is not None:
            _knock(address)
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except OSError as error:
        where = address or "the address in $RAY_ADDRESS"
        if "AuthenticationError" in "".join(traceback.format_exception(error)):
            raise AtlasError(
                f"the Ray cluster at {where} asks for a token: set RAY_AUTH_MODE=token, and give the token "
                "in RAY_AUTH_TOKEN or ~/.ray/auth_token"
            ) from error
        raise AtlasError(f"no Ray cluster at {where} ({error}); start one, or mend --address") from error
    return Connection((ray.shutdown, _silence()))


def _knock(address: str) -> None:
    """Raise where nobody listens at ``host:port``: Ray itself would wait there for ever."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


def _silence() -> Callable[[], None]:
    """What raylets complain of is printed among a command's results, and Ray has no setting for it (2.60).

    It is in the session's log files. Returns what ends the silence.
    """
    from ray._private import worker

    spoken: Any = getattr(worker, "print_to_stdstream", None)

    def say(to: Callable[..., None]) -> None:
        worker.print_to_stdstream = to

    if spoken is None:
        return lambda: None
    say(lambda *_, **__: None)
    return lambda: say(spoken)
