"""A driver that is killed at its first write, another at its second, and so on, until one comes through.

Usage: killed_at_each_sync.py CORPUS OUT...: one folder for each driver; prints how many were killed.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from run_files import run_over
from stages_with_faults import Raises


def drive(corpus: Path, out: Path, last: int) -> None:
    """Run in this process, and die when the ``last``-th file or folder is to be synced."""
    sync, calls = os.fsync, count(1)

    def fatal_sync(descriptor: int) -> None:
        if next(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fatal_sync
    run_over(Raises(), corpus, out)


def main(corpus: Path, outs: list[Path]) -> None:
    for last, out in enumerate(outs, start=1):
        child = os.fork()
        if child == 0:
            drive(corpus, out, last)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            print(last - 1)
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
    raise SystemExit(f"more than {len(outs)} writes")


main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
