"""Workers on a Ray cluster: a pool of actors that follows the cluster's room and what is left to do."""

import logging
import re
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Generic

from atlas import __version__
from atlas.errors import AtlasError
from atlas.runner import ray_cluster
from atlas.runner.executors import (
    Died,
    Failed,
    MakeWorker,
    NoWorker,
    Outcome,
    Starts,
    Task,
    Worker,
    attempt,
    portable,
)
from atlas.runner.ray_cluster import Share

log = logging.getLogger(__name__)

ONE_CPU = Share()
LOOK_SECONDS = 2.0  # how often nodes that came or went are looked for
AHEAD = 8  # tasks held here for workers of nodes that may join while all others are at work
LOSSES = 2  # nodes that may be lost with a task before it counts as a worker's death: it may be what kills them
LOST_STARTS = 20  # workers in a row that may be lost with their node while they load
PATIENCE_SECONDS = 30.0  # without any worker before a word is said of it


@dataclass(frozen=True, slots=True)
class _Given(Generic[Task]):
    """A task, and how many nodes were lost with it."""

    task: Task
    losses: int = 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """The first word of an actor that has its model."""

    version: str


class OnRay(Generic[Task, Outcome]):
    """Actors on a Ray cluster: a local one started here, or the one at ``address``.

    There are never more than tasks to do. ``least`` are asked for whether there is room or not, so that a cluster
    that can grow does so; beyond them come as many as nodes have room for, up to ``most``. Nodes that join get
    workers within seconds; tasks whose node is lost are done again by others, which is not held against them.
    A task goes to a worker only when that is ready for it. Tasks carry names and addresses, never data.
    """

    def __init__(
        self,
        make_worker: MakeWorker[Task, Outcome],
        least: int = 1,
        most: int | None = None,
        address: str | None = None,
        share: Share = ONE_CPU,
    ) -> None:
        import ray
        from ray import exceptions

        self._connection = ray_cluster.join(address)
        self._ray = ray
        self._gone = (exceptions.NodeDiedError, exceptions.ActorUnavailableError)
        self._deaths = (
            *self._gone,
            exceptions.RayActorError,
            exceptions.OutOfMemoryError,
            exceptions.RuntimeEnvSetupError,
            exceptions.ActorUnschedulableError,
        )
        self._make_worker = make_worker
        self._share, self._least, self._most = share, least, most
        self._look()
        if not self._room and address is None:  # a cluster elsewhere may grow on demand, one started here can't
            self._connection.close()
            raise AtlasError(
                f"each worker needs {share}, and no node of Ray here has that: "
                "ask for less, or give --address of a cluster that has them"
            )
        options: dict[str, Any] = {"num_cpus": share.cpus, "num_gpus": share.gpus, "scheduling_strategy": "SPREAD"}
        if share.memory:
            options["memory"] = share.memory
        self._actor_class: Any = ray.remote(**options, max_restarts=0, max_task_retries=0)(_Actor)
        self._queue: deque[_Given[Task]] = deque()
        self._idle: list[Any] = []
        self._loading: dict[Any, Any] = {}
        self._busy: dict[Any, tuple[Any, _Given[Task]]] = {}
        self._starts = Starts()
        self._lost_loading = 0
        self._waited = 0.0

    @property
    def _wanted(self) -> int:
        """Workers there should be, were there no end of tasks."""
        return max(self._least, self._room if self._most is None else min(self._room, self._most))

    @property
    def slots(self) -> int:
        return self._wanted if self._wanted == self._most else self._wanted + AHEAD

    def submit(self, task: Task) -> None:
        self._queue.append(_Given(task))

    def answer(self) -> Outcome | Died[Task] | Failed[Task]:
        while True:
            self._give()
            self._fit_to_tasks()
            found, _ = self._ray.wait([*self._busy, *self._loading], num_returns=1, timeout=LOOK_SECONDS)
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._look()
            if not found:
                self._say_that_none_came()
            elif found[0] in self._loading:
                self._loaded(found[0])
            elif (answer := self._done(found[0])) is not None:
                return answer

    def _look(self) -> None:
        self._room, self._looked = ray_cluster.room(ray_cluster.nodes(), self._share), time.monotonic()

    def _give(self) -> None:
        while self._queue and self._idle:
            actor, given = self._idle.pop(), self._queue.popleft()
            self._busy[actor.work.remote(given.task)] = (actor, given)

    def _fit_to_tasks(self) -> None:
        """As many workers on their way as tasks wait for one; one left without a task has none to come."""
        while self._idle:
            self._ray.kill(self._idle.pop())
        while len(self._loading) > len(self._queue):
            self._ray.kill(self._loading.popitem()[1])
        while len(self._loading) < min(len(self._queue), self._wanted - len(self._busy)):
            actor = self._actor_class.remote(self._make_worker)
            self._loading[actor.ready.remote()] = actor

    def _loaded(self, ready: Any) -> None:
        actor = self._loading.pop(ready)
        try:
            said = self._ray.get(ready)
        except self._deaths as error:
            self._lost_loading += 1
            if not (self._with_its_node(error) and self._lost_loading <= LOST_STARTS):
                self._starts.failed(f"a worker on Ray died ({_cause(error)})", RAY_ADVICE)
            return
        if isinstance(said, NoWorker):
            raise said.error
        if said.version != __version__:
            raise AtlasError(
                f"a node of the Ray cluster has Atlas {said.version}, and here is {__version__}: they might write "
                "different parts. Install one version everywhere."
            )
        self._starts.ready()
        self._lost_loading, self._waited = 0, 0.0
        self._idle.append(actor)

    def _done(self, work: Any) -> Outcome | Died[Task] | Failed[Task] | None:
        """What became of a task; None where it is to be done again as its node was lost."""
        actor, given = self._busy.pop(work)
        try:
            answer = self._ray.get(work)
        except self._deaths as error:
            self._ray.kill(actor)  # it may be at work still, where only the way to it was lost
            lost = self._with_its_node(error)
            if lost and given.losses < LOSSES:
                self._queue.appendleft(_Given(given.task, given.losses + 1))
                return None
            return Died(given.task, _cause(error), memory=lost or self._of_memory(error))
        except self._ray.exceptions.RayTaskError as error:
            self._ray.kill(actor)
            return Failed(given.task, portable(error))
        self._idle.append(actor)
        return answer

    def _with_its_node(self, error: Exception) -> bool:
        """Whether the node died or can't be reached, which is nobody's fault that worked there."""
        preempted = getattr(error, "preempted", False)
        return preempted or isinstance(error, self._gone) or "its node has died" in str(error)

    def _of_memory(self, error: Exception) -> bool:
        """Whether Ray's memory monitor ended the worker, or the kernel may have: Ray can't tell the latter from
        another sudden end, and names it in its message."""
        return isinstance(error, self._ray.exceptions.OutOfMemoryError) or "OOM" in str(error)

    def _say_that_none_came(self) -> None:
        if self._busy:
            return
        before, self._waited = self._waited, self._waited + LOOK_SECONDS
        if before < PATIENCE_SECONDS <= self._waited:
            why = "nodes that have it are taken or still loading" if self._room else "no node of the cluster has it"
            log.warning("still without a worker on Ray (each needs %s): %s; waiting", self._share, why)

    def close(self) -> None:
        for actor in [*self._idle, *self._loading.values(), *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        for held in (self._idle, self._loading, self._busy, self._queue):
            held.clear()
        self._connection.close()


RAY_ADVICE = (
    "Atlas must be installed on every node in the same version, and annotator and corpus be at paths that every node "
    "can reach. If memory ran out while it loaded the model, give fewer workers."
)


def _cause(error: Exception) -> str:
    """The line of Ray's long message that says most, in plain characters, without its advice."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines() or [type(error).__name__]
    if getattr(error, "actor_init_failed", False):
        return lines[-1]
    telling = next(
        (line for line in lines if line.startswith(("The actor is dead", "The actor died because"))), lines[0]
    )
    return telling.split(" Some common causes", 1)[0].rstrip(".")


class _Actor:
    def __init__(self, make_worker: MakeWorker[Any, Any]) -> None:
        self._first: _Ready | NoWorker = _Ready(__version__)
        try:
            self._worker: Worker[Any, Any] = make_worker()
        except Exception as error:  # raised here, it would look as if the actor had died
            self._first = NoWorker(portable(error))

    def ready(self) -> _Ready | NoWorker:
        """Returns once the actor is made."""
        return self._first

    def work(self, task: Any) -> Any:
        return attempt(self._worker, task)
