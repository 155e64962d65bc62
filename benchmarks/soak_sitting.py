"""One start of a command as processes of their own, to be killed and looked for."""

import os
import random
import signal
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

import psutil

MARK = "ATLAS_SOAK"
LEFT_SECONDS = 60.0  # after which a process that is still there counts as left behind
RAY_NODE = ("raylet", "gcs_server")
TELLING = 400  # last characters of the output


class Sitting:
    """A driver in a session of its own, with all that it starts: found again by a mark in their environment."""

    def __init__(self, command: Sequence[str], said: Path) -> None:
        self._mark, self._said = uuid.uuid4().hex, said
        with said.open("wb") as file:
            self.driver = subprocess.Popen(
                command, env=os.environ | {MARK: self._mark}, stdout=file, stderr=file, start_new_session=True
            )

    def ended(self, seconds: float) -> bool:
        """Whether the driver ends within so many seconds."""
        try:
            self.driver.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def processes(self) -> list[psutil.Process]:
        """The driver, workers, and what Ray started for them."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def kill(self, victim: str, choice: random.Random) -> str:
        """SIGKILL for the driver, its whole process group, a worker, or a process of the Ray node; says what it hit.

        Empty where there is no such process at this moment.
        """
        if victim == "driver":
            self.driver.kill()
            return f"driver {self.driver.pid}"
        if victim == "group":
            os.killpg(self.driver.pid, signal.SIGKILL)
            return f"process group {self.driver.pid}"
        there = [process for process in self.processes() if _is(victim, process)]
        if not there:
            return ""
        struck = choice.choice(sorted(there, key=lambda process: process.pid))
        try:
            name = struck.name()
            struck.kill()
        except psutil.Error:
            return ""
        return f"{victim} {struck.pid} ({name})"

    def left_behind(self) -> list[psutil.Process]:
        """Processes that are still there when all should have gone; none of them lives on after this."""
        _, alive = psutil.wait_procs(self.processes(), LEFT_SECONDS)
        for process in alive:
            process.kill()
        return alive

    def said(self) -> str:
        """The end of what it printed, in one line."""
        return " ".join(self._said.read_text(errors="replace").split())[-TELLING:]


def _is(victim: str, process: psutil.Process) -> bool:
    try:
        if victim == "node":
            return process.name() in RAY_NODE
        return process.name().startswith("ray::") or any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:
        return False
