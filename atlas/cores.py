"""How many cores this process may use."""

import os


def cores() -> int:
    """Those it is bound to, where the system tells, as a batch scheduler may give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
