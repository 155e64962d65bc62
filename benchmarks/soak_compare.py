"""Whether a run's folder equals that of an undisturbed run, byte by byte."""

import json
from pathlib import Path

from atlas.runner.folder import LOCK, LOG, SUMMARY
from atlas.runner.footers import CACHE as FOOTERS
from atlas.runner.ids import CACHE as IDS
from atlas.runner.inputs import CACHE as INPUTS

VOLATILE = (FOOTERS, IDS, INPUTS)  # caches, and the log of who worked on it when; locks besides


def everything(out: Path) -> dict[str, bytes]:
    """Every file of a run but what may differ, hidden and half-written ones too, with its bytes."""
    found = {}
    for path in sorted(out.rglob("*")):
        inside = path.relative_to(out)
        if path.is_file() and inside.parts[0] != LOG and not (path.name.startswith(LOCK) or path.name in VOLATILE):
            found[str(inside)] = path.read_bytes()
    return found


def differences(out: Path, undisturbed: Path) -> list[str]:
    """One line for each file that is missing, too many or other, and for a balance that does not hold."""
    ours, theirs = everything(out), everything(undisturbed)
    lines = [f"missing: {name}" for name in theirs if name not in ours]
    lines += [f"too many: {name}" for name in ours if name not in theirs]
    lines += [f"other bytes: {name}" for name in ours if name in theirs and ours[name] != theirs[name]]
    summary = json.loads(ours.get(SUMMARY, b"{}"))
    if not summary.get("sound"):
        lines.append(f"not in balance: {summary.get('problems', 'no summary')}")
    return lines
