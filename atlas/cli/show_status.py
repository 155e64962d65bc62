"""How the state of a run is put in words, on one screen, and as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from atlas.cli.costs import duration
from atlas.cli.show import some
from atlas.runner.inspect import Status
from atlas.runner.sittings import WAITS, Sitting, age


def status(path: str, found: Status) -> str:
    """What a run holds, who works or worked on it, and what is wrong."""
    counts = found.counts
    of = "units; how many there are, its log does not say" if found.planned is None else f"of {found.planned:,} units"
    lines = [
        f"{path}: {found.stage} of {found.corpus} (atlas {found.version})",
        *_states(found),
        f"  parts       {found.parts:,} {of}",
        f"  records     {counts.records_in:,} in = {counts.records_out:,} out + {counts.quarantined:,} quarantined"
        f"{'' if counts.holds else '  NOT BALANCED'}",
        f"  rows        {counts.rows:,}   tokens {counts.tokens:,}   labels {counts.labels:,}",
        *_origin(found),
    ]
    lines += _some(f"  quarantine  {n:,} {reason}" for reason, n in found.reasons.items())
    lines += _some(f"  damaged     {part}: run again with --verify to make it anew" for part in found.damaged)
    lines += _some(f"  problem     {problem}" for problem in found.problems)
    return "\n".join(lines)


def _some(lines: Iterable[str]) -> list[str]:
    return some(lines, " (--json has all)")


def _states(found: Status) -> list[str]:
    if found.live:
        return _some(f"  running     {_at_work(sitting)}" for sitting in found.live)
    if found.state == "running":
        return ["  running     somebody is writing here, and has not said yet who"]
    if found.state == "stopped":
        last = found.log[-1] if found.log else None
        if last is not None and last.outcome == WAITS:
            share = f"shard {last.how['shard']}" if "shard" in last.how else "a shard"
            rest = "the rest is for the other shards, or for one run without --shard"
            return [f"  stopped     {share} is done ({_time(last.ended)}); {rest}"]
        return [f"  stopped     {_broke_off(last)}; the same command goes on from there"]
    return [f"  {found.state}"]


def _at_work(sitting: Sitting) -> str:
    """Who is at work, since when, how far and how fast."""
    since = f"pid {sitting.pid} on {sitting.host}, since {_time(sitting.started)}"
    shard = f", shard {sitting.how['shard']}" if "shard" in sitting.how else ""
    if not sitting.done:
        return f"{since}{shard}, no unit yet"
    pace = f"{sitting.counts.tokens / sitting.seconds():,.0f} tokens/s" if sitting.seconds() else ""
    quiet = age(sitting.last)
    left = sitting.left()
    rest = f"about {duration(max(0.0, left - quiet))} left" if left else ""
    told = [f"{since}{shard}", f"last unit {duration(quiet)} ago", pace, rest]
    return ", ".join(text for text in told if text)


def _broke_off(last: Sitting | None) -> str:
    if last is None:
        return "before its end"
    if last.ended:
        return f"{last.outcome.removeprefix('stopped: ')} ({_time(last.ended)})"
    return f"pid {last.pid} on {last.host} is gone, its last unit at {_time(last.last or last.started)}"


def _origin(found: Status) -> list[str]:
    """From which inputs, with which settings and versions, by whom and when."""
    lines = []
    if found.log:
        last = found.log[-1]
        inputs = last.inputs
        lines.append(
            f"  inputs      {_files(inputs['files'])}, {inputs['bytes']:,} bytes, digest {inputs['digest'][:12]}"
        )
    if found.settings:
        lines.append(f"  settings    {_settings(found.settings)}")
    if found.log:
        first, last = found.log[0], found.log[-1]
        times = f"{_time(first.started)} to {_time(last.ended or last.last or last.started)}"
        sittings = f"{len(found.log):,} sittings, " if len(found.log) > 1 else ""
        users = ", ".join(dict.fromkeys(f"{sitting.user}@{sitting.host}" for sitting in found.log[-3:]))
        lines.append(f"  made by     {users}, {sittings}{times} UTC")
        how = f"{last.how.get('executor')}, workers {last.how.get('workers') or 'as there was room'}"
        versions = ", ".join(f"{name} {version}" for name, version in last.versions.items() if name != "platform")
        lines.append(f"  made with   {versions}; {how}")
    return lines


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


def _settings(settings: Mapping[str, Any]) -> str:
    """Digests are cut short: the manifest and the footers have them whole."""
    told = []
    for name, value in settings.items():
        if isinstance(value, dict):
            told += [f"{key} {each}" for key, each in value.items() if key != "tokenizer"]
        elif name not in ("stage", "schema"):
            told.append(f"{name} {value[:12] if isinstance(value, str) else value}")
    return ", ".join(told)


def _time(text: str) -> str:
    return text[:19].replace("T", " ")


def as_json(path: str, found: Status) -> dict[str, Any]:
    """Everything of a status, by the names of docs/reference/runs.md#status-as-json."""
    return {
        "path": path,
        "state": found.state,
        "complete": found.complete,
        "stage": found.stage,
        "corpus": found.corpus,
        "atlas": found.version,
        "parts": found.parts,
        "units": found.planned,
        "counts": asdict(found.counts),
        "quarantine": found.reasons,
        "damaged": list(found.damaged),
        "problems": list(found.problems),
        "settings": found.settings,
        "live": [_live(sitting) for sitting in found.live],
        "log": [asdict(sitting) for sitting in found.log],
    }


def _live(sitting: Sitting) -> dict[str, Any]:
    seconds = sitting.seconds()
    return {
        "host": sitting.host,
        "pid": sitting.pid,
        "last_unit_s_ago": round(age(sitting.last), 3) if sitting.last else None,
        "tokens_per_s": round(sitting.counts.tokens / seconds, 3) if seconds else None,
        "seconds_left": sitting.left(),
    }
