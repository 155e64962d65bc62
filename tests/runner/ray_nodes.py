"""Ray nodes as processes of their own, found again by a mark in their environment; a gate that workers wait at."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import psutil

HERE = Path(__file__).parent
MARK, NODE = "ATLAS_TEST_CLUSTER", "ATLAS_TEST_NODE"
RAY = Path(sys.executable).with_name("ray")
STORE_BYTES = 80_000_000


@dataclass(frozen=True)
class Nodes:
    """A cluster on this machine; ``home`` is its folder, and the mark of all its processes."""

    home: Path
    address: str

    def start(
        self,
        name: str,
        *,
        head: bool = False,
        cpus: int = 1,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a node, with more options and environment variables of ``ray start`` where they are given."""
        port = self.address.rsplit(":", 1)[-1]
        own = ["--head", f"--port={port}", f"--temp-dir={self.home}", "--include-dashboard=false"]
        command = [RAY, "start", *(own if head else [f"--address={self.address}"])]
        command += [
            "--node-ip-address=127.0.0.1",
            f"--num-cpus={cpus}",
            f"--object-store-memory={STORE_BYTES}",
            "--disable-usage-stats",
            *options,
        ]
        of_node = {**self.environment(name), **(environment or {})}
        done = subprocess.run(command, env=of_node, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def environment(self, name: str) -> dict[str, str]:
        """Of a process that belongs to the cluster; workers of the node can import the tests' stages."""
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.home.name.encode().hex()}  # or nodes would not agree
        return os.environ | {MARK: str(self.home), NODE: name, "PYTHONPATH": str(HERE)} | token

    def processes(self, name: str = "") -> list[psutil.Process]:
        """Of the node with this name, or of all and the drivers."""
        found = []
        for process in psutil.process_iter():
            try:
                marks = process.environ()
            except psutil.Error:
                continue
            if marks.get(MARK) == str(self.home) and marks.get(NODE, "").startswith(name):
                found.append(process)
        return found

    def kill(self, name: str = "") -> None:
        found = self.processes(name)
        for process in found:
            process.kill()
        _, alive = psutil.wait_procs(found, timeout=60)
        assert not alive


@contextmanager
def cluster(*names: str) -> Iterator[Nodes]:
    """A cluster whose nodes have these names, the first of them its head. No process of it is left at the end."""
    home = Path(tempfile.mkdtemp(prefix="ray"))  # a short path, as Ray makes sockets in it
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nodes = Nodes(home, f"127.0.0.1:{free.getsockname()[1]}")
    try:
        for number, name in enumerate(names):
            nodes.start(name, head=number == 0)
        yield nodes
    finally:
        nodes.kill()
        assert not nodes.processes()
        shutil.rmtree(home)


class Gate:
    """Where workers say on which node they are, and wait to be let through."""

    def __init__(self, folder: Path, nodes: tuple[str, ...]) -> None:
        folder.mkdir()
        self.folder = folder
        self._pipes = {}
        for name in ("said", *nodes):
            os.mkfifo(folder / name)
            self._pipes[name] = os.open(folder / name, os.O_RDWR)
        self.said: list[str] = []

    def wait_for(self, driver: subprocess.Popen[str], *nodes: str) -> None:
        """Until workers of these nodes have come to the gate; a driver that ends before is an error."""
        ended = os.pidfd_open(driver.pid)
        while not set(nodes) <= set(self.said):
            if ended in wait([self._pipes["said"], ended]):
                raise AssertionError(f"the driver ended: {driver.communicate()}")
            self.said += os.read(self._pipes["said"], 1000).decode().split()
        os.close(ended)

    def open(self, node: str) -> None:
        """Let all workers of a node through."""
        os.write(self._pipes[node], b"." * 100)

    def close(self) -> None:
        for pipe in self._pipes.values():
            os.close(pipe)
