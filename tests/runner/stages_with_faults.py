"""Chunk stages that go wrong at a marked record: they raise, kill their process, or wait to be killed."""

import os
import signal
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from atlas.chunking.config import ChunkConfig
from atlas.chunking.stage import ChunkStage
from atlas.errors import AtlasError
from atlas.stage import Process

MARK = "☠"
SMALL = ChunkConfig(target_tokens=16, max_tokens=32)


def small_chunks() -> ChunkStage:
    return ChunkStage(SMALL)


@dataclass(frozen=True)
class FaultyStage:
    """A chunk stage with a fault that shows at records with MARK in their text; ``identity`` does not tell of it."""

    sound: ChunkStage = field(default_factory=small_chunks)
    name: str = "chunk"

    def schema(self, carried: pa.Schema) -> pa.Schema:
        return self.sound.schema(carried)

    def identity(self) -> dict[str, Any]:
        return self.sound.identity()

    def load(self) -> Process:
        process = self.sound.load()

        def faulty(documents: pa.RecordBatch) -> pa.RecordBatch:
            for text in documents.column("text").to_pylist():
                if MARK in text:
                    self.fault(text)
            return self.spoilt(process(documents))

        return faulty

    def fault(self, text: str) -> None:
        pass

    def spoilt(self, chunks: pa.RecordBatch) -> pa.RecordBatch:
        return chunks


@dataclass(frozen=True)
class Raises(FaultyStage):
    """Raises as long as the file ``cause`` is there (always, where it is empty); at ``only`` this text, if given."""

    cause: str = ""
    only: str = ""

    def fault(self, text: str) -> None:
        if text == (self.only or text) and (not self.cause or Path(self.cause).exists()):
            raise ValueError(f"can't read {text[:20]!r}")


@dataclass(frozen=True)
class Kills(FaultyStage):
    """Kills its process; only so often, where ``lives`` is a folder with a file for each death to come."""

    lives: str = ""

    def fault(self, text: str) -> None:
        if self.lives:
            left = sorted(Path(self.lives).iterdir())
            if not left:
                return
            left[0].unlink()
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Waits(FaultyStage):
    """Says through the FIFO ``reached`` that it is at the marked record, then waits for ever."""

    reached: str = ""

    def fault(self, text: str) -> None:
        _wait_for_ever(self.reached)


@dataclass(frozen=True)
class WaitsForLeave(FaultyStage):
    """Says through the FIFO ``reached`` that it is at the marked record; goes on when ``leave`` is written to."""

    reached: str = ""
    leave: str = ""

    def fault(self, text: str) -> None:
        Path(self.reached).write_text("here")
        Path(self.leave).read_text()


@dataclass(frozen=True)
class SaysItsNode(FaultyStage):
    """Says at a marked record on which Ray node it is, through the FIFO ``said`` of the folder ``gate``; goes on when
    there is a byte for it in the FIFO with the node's name."""

    gate: str = ""

    def fault(self, text: str) -> None:
        node = os.environ["ATLAS_TEST_NODE"]
        Path(self.gate, "said").write_text(f"{node}\n")
        leave = os.open(Path(self.gate, node), os.O_RDONLY)
        os.read(leave, 1)
        os.close(leave)


@dataclass(frozen=True)
class Loses(FaultyStage):
    """Loses the last document of each batch with a mark in it, and doubles the last of each other batch."""

    def spoilt(self, chunks: pa.RecordBatch) -> pa.RecordBatch:
        ids = chunks.column("doc_id").to_pylist()
        last = ids.index(ids[-1])
        if MARK in "".join(chunks.column("text").to_pylist()):
            return chunks.slice(0, last)
        return pa.concat_batches([chunks, chunks.slice(last)])


@dataclass(frozen=True)
class WillNotLoad(FaultyStage):
    """Has a model that can't be opened."""

    def load(self) -> Process:
        raise AtlasError("model.bin: is damaged; fetch it again")


@dataclass(frozen=True)
class DiesWhileLoading(FaultyStage):
    """Kills its process while it loads; ``loads`` is a folder that gets a file for each load, and only loads with a
    number in ``dying`` die. Without it, each does. A marked record kills the first process."""

    loads: str = ""
    dying: tuple[int, ...] = ()

    def load(self) -> Process:
        if not self.loads or self._number() in self.dying:
            os.kill(os.getpid(), signal.SIGKILL)
        return FaultyStage.load(self)

    def _number(self) -> int:
        number = len(list(Path(self.loads).iterdir())) + 1
        (Path(self.loads) / str(number)).touch()
        return number

    def fault(self, text: str) -> None:
        if len(list(Path(self.loads).iterdir())) == 1:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class WrongColumns(FaultyStage):
    """Forgets a column that every row must have."""

    def spoilt(self, chunks: pa.RecordBatch) -> pa.RecordBatch:
        return chunks.drop_columns(["status"])


@dataclass(frozen=True)
class NotOnEveryNode(FaultyStage):
    """Is of a package that is not installed where the worker is."""

    def __reduce__(self) -> Any:
        return import_module, ("no_such_package",)


@dataclass(frozen=True)
class WaitsWhileStarting(FaultyStage):
    """Waits in a worker process that is just being started, before any code of the worker runs."""

    reached: str = ""

    def __reduce__(self) -> Any:
        return _wait_for_ever, (self.reached,)


def _wait_for_ever(reached: str) -> None:
    with Path(reached).open("w") as fifo:
        fifo.write("here\n")
    while True:
        signal.pause()
