"""How results are put in words."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from atlas.cli import costs
from atlas.cli.progress import words
from atlas.cli.progress.tally import Tally
from atlas.llm.costs import Prices
from atlas.pipeline import Outcome
from atlas.runner.part import PROCESSING
from atlas.runner.retry import Retried
from atlas.runner.run import Result

FREE = Prices()


def table(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """Plain columns: text to the left, numbers to the right; ids as they are typed."""
    texts = [[str(v) if is_id(name) else _cell(v) for name, v in zip(head, row, strict=True)] for row in rows]
    widths = [max(len(head[i]), *(len(row[i]) for row in texts)) if texts else len(head[i]) for i in range(len(head))]
    number = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        joined = (c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cells, widths, number, strict=True))
        return "  ".join(joined).rstrip()

    return "\n".join([line(head), line(["─" * w for w in widths]), *(line(row) for row in texts)])


def is_id(column: str) -> bool:
    """Whether a column holds ids, which are no quantities: 2925, not 2,925."""
    return column == "id" or column.endswith("_id")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def balance(result: Result) -> str:
    """The balance of a run in one line."""
    counts = result.counts
    mark = "balanced" if result.balanced else "NOT BALANCED"
    empty = f", of these {counts.empty:,} empty" if counts.empty else ""
    return f"{counts.records_in:,} in = {counts.records_out:,} out{empty} + {counts.quarantined:,} quarantined: {mark}"


def run_result(
    result: Result,
    out: str,
    tally: Tally | None = None,
    reasons: Mapping[str, int] = MappingProxyType({}),
    then: str = "",
) -> str:
    """A stage run's closing lines; they fit one screen, whatever went wrong.

    Args:
        tally: how far this sitting came, for rate and time; what was done before has none.
        reasons: records in quarantine by reason. then: what to do next, where the run is sound.
    """
    counts = result.counts
    done = f" ({result.units_done_before:,} were done before)" if result.units_done_before else ""
    mean = f" ({counts.tokens / counts.rows:.0f} a chunk)" if counts.rows else ""
    lines = [
        f"units     {result.units:,}{done}",
        f"records   {balance(result)}",
        f"rows      {counts.rows:,}   tokens {counts.tokens:,}{mean}",
    ]
    if counts.labels:
        lines.append(f"labels    {counts.labels:,} ({counts.labels / max(1, counts.rows):.1f} a chunk)")
    if tally is not None and tally.done:
        lines.append(f"time      {costs.duration(tally.last - tally.started)} ({words.pace(tally, FREE)})")
    lines.append(f"written   {out}/parts")
    if result.superseded:
        lines.append(f"cleared   what was made of {result.superseded:,} units that inputs have no more")
    if counts.quarantined:
        told = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
        lines.append(f"quarantine {out}/quarantine{f': {told}' if told else ''}")
        lines.append(f"          `atlas status {out} --quarantine` lists the records")
    if reasons.get(PROCESSING):
        lines.append(f"          `atlas retry {out}` takes up those on which the stage failed")
    if result.waiting:
        lines.append(f"waits     for {result.waiting:,} units of other shards; the last to end strikes the balance")
    elif then and result.sound:
        lines.append(f"next      {then}")
    return "\n".join([*lines, *some(result.problems())])


def retried(done: Retried, out: str, reasons: Mapping[str, int]) -> str:
    """What a retry did, what stays in quarantine, by reason, and what to do about it."""
    lines = [f"{done.mended:,} records out of quarantine, {done.left:,} still there"]
    if done.remade:
        lines.append(f"{len(done.remade):,} units made anew, as their input has changed")
    if done.removed:
        lines.append(f"{len(done.removed):,} units removed that their input has no more")
    failing = reasons.get(PROCESSING, 0)
    unread = {reason: number for reason, number in reasons.items() if reason != PROCESSING}
    if unread:
        told = ", ".join(f"{number:,} {reason}" for reason, number in unread.items())
        lines.append(f"{told}: mend the input, then `atlas retry {out}` again")
    if failing:
        lines.append(f"{failing:,} {PROCESSING}: the stage still fails on them; their detail says why")
    if reasons:
        lines.append(f"`atlas status {out} --quarantine` lists the records")
    return "\n".join([*lines, *some(done.problems)])


MOST = 8  # lines of one kind; the rest are counted


def some(lines: Iterable[str], where: str = "") -> list[str]:
    """The first lines, and how many more there are."""
    every = list(lines)
    more = len(every) - MOST
    return [*every[:MOST], f"… and {more:,} more{where}"] if more > 0 else every


SYSTEM_COLUMNS = ("p@1", "p@3", "p@5", "r@5", "r@10", "psp@5", "micro_f1", "macro_f1", "pr_auc", "ece")


def evaluation(result: Mapping[str, Any]) -> str:
    """The evaluation's systems as tables: on held-out documents, and cross-validated where that was done."""
    held = result["heldout"]
    count = f"{held['chunks']:,} held-out chunks of {held['documents']:,} documents, {held['concepts']:,} concepts"
    lines = [count, _systems(result["systems"])]
    crossed = result.get("cross_validation")
    if crossed is not None:
        title = f"cross-validated on all {crossed['chunks']:,} tagged chunks of {crossed['documents']:,} documents"
        lines += ["", title, _systems(crossed["systems"])]
    return "\n".join(lines)


def _systems(systems: Sequence[Mapping[str, Any]]) -> str:
    rows = [[s["system"], *(s.get(column) for column in SYSTEM_COLUMNS)] for s in systems]
    return table(rows, ["system", *SYSTEM_COLUMNS])


def pipeline(outcome: Outcome) -> str:
    """The summary that a pipeline run ends with; fits one screen."""
    places, counts = outcome.places, outcome.annotations.counts
    tags, funnel = outcome.tags.counts, outcome.funnel
    seconds = outcome.seconds
    mean = counts.tokens / max(1, counts.rows)
    took = "  ".join(f"{name} {value:.1f} s" for name, value in seconds.items() if value >= 0.05)
    lines = [
        f"documents          {counts.records_in:,}",
        f"chunks             {counts.rows:,} ({counts.tokens:,} tokens, {mean:.0f} a chunk)",
        f"tags               {funnel['tags']:,} ({funnel['forms']:,} distinct) on {tags.records_out:,} sampled chunks",
        f"concepts           {funnel['concepts']:,} ({funnel['new_concepts']:,} of them new)",
        f"labels per chunk   {counts.labels / max(1, counts.rows):.1f}",
        f"balance            {balance(outcome.annotations)}",
        f"tagging            {costs.spent(outcome.spent)}",
        f"annotating rate    {_rate(counts.rows, seconds['annotate'])}",
        f"time               {sum(seconds.values()):.0f} s ({took})",
        "",
        evaluation(outcome.evaluation),
        "",
        f"library            {places.library}",
        f"annotator          {places.annotator}",
        f"annotated shards   {places.annotations}/parts",
        f"report             {places.report}",
    ]
    return "\n".join(lines)


def _rate(count: int, seconds: float) -> str:
    if seconds < 1.0:
        return "done before"
    return f"{count / seconds:,.1f} chunks/s"
