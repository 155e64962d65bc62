"""Answers to ready questions, in words that fit a screen."""

import re
from collections.abc import Mapping, Sequence

from atlas.cli.query import columns, short
from atlas.products.query.carries import Carried
from atlas.products.query.compare import Comparison, Difference
from atlas.products.query.contamination import Contamination, Match
from atlas.products.query.made_of import Share, Source
from atlas.products.query.profile import Near
from atlas.products.query.scan import Chunk

TEXT = 300  # characters of a chunk that are shown
NAME = 34
FIRST = 5  # concepts in a source's one line


def share(part: float) -> str:
    """A share as a percentage that keeps two digits."""
    percent = 100 * part
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"


def carried(found: Carried) -> str:
    """Chunks with and without some concepts."""
    what = " and ".join(map(repr, found.with_)) or "anything"
    but = f", not {' or '.join(map(repr, found.without))}" if found.without else ""
    lines = [
        f"{found.chunks:,} chunks of {found.documents:,} documents carry {what}{but}: "
        f"{share(found.chunks / max(1, found.of_chunks))} of {found.of_chunks:,} chunks, {found.tokens:,} tokens"
    ]
    if found.sources:
        rows = [[short(name or "(none)", NAME), n, share(n / of)] for name, n, of in found.sources]
        lines += ["", columns(rows, ["source", "chunks", "of its chunks"])]
    if found.beside:
        lines += ["", "besides  " + ", ".join(f"{name} {share(n / found.chunks)}" for _, name, n in found.beside)]
    for example in found.examples:
        score = "" if example["score"] is None else f"{example['score']:.2f}  "
        text = example["text"] if example["text"] is not None else "(the run stores no text)"
        lines += [
            "",
            f"{score}{example['doc_id']} #{example['chunk_id']}",
            f"  {short(', '.join(example['concepts']), 110)}",
        ]
        lines += [f"  “{short(text, TEXT)}”"]
    return "\n".join(lines)


def sources(every: Sequence[Source], whole: Source, shares: Mapping[str, Sequence[Share]], by: str) -> str:
    """All sources, a line each with what is most characteristic of it."""
    rows = []
    for each in every:
        if each.name in shares:
            first = ", ".join(c.name for c in shares[each.name][:FIRST])
            labels = each.labels / max(1, each.chunks)
            name, part = short(each.name or "(none)", NAME), share(each.tokens / max(1, whole.tokens))
            rows.append([name, each.documents, each.chunks, part, f"{labels:.1f}", first])
    head = [by, "documents", "chunks", "tokens", "labels/chunk", "more than the rest" if len(every) > 1 else "most"]
    more = len(every) - len(rows)
    return columns(rows, head) + (f"\n{more:,} more; --top shows more, --source NAME one in full" if more else "")


def source(each: Source, whole: Source, shares: Sequence[Share], top: int) -> str:
    """One source in full: its most characteristic concepts, and those that it lacks."""
    lines = [
        f"{each.name or '(none)'}: {each.documents:,} documents, {each.chunks:,} chunks, {each.tokens:,} tokens "
        f"({share(each.tokens / max(1, whole.tokens))} of the run)",
        "",
    ]

    def rows(some: Sequence[Share]) -> list[list[object]]:
        return [
            [short(c.name, NAME), c.facet, share(c.chunk_share), share(c.token_share)]
            + (
                []
                if c.elsewhere is None
                else [share(c.elsewhere), _times(c.chunk_share, c.elsewhere), round(c.log_likelihood or 0)]
            )
            for c in some
        ]

    head = ["concept", "facet", "chunks", "tokens"]
    if not shares or shares[0].elsewhere is None:
        return "\n".join([*lines, columns(rows(shares[:top]), head)])
    head += ["chunks elsewhere", "times", "G²"]
    lines.append(columns(rows(shares[:top]), head))
    fewer = [c for c in reversed(shares) if (c.log_likelihood or 0) < 0][:top]
    if fewer:
        lines += ["", "less than elsewhere", columns(rows(fewer), head)]
    return "\n".join(lines)


def _times(one: float, other: float) -> str:
    if not other:
        return "only here"
    return f"{one / other:.1f}" if one >= other else f"{one / other:.2g}"


def compared(found: Comparison, fdr: float, top: int) -> str:
    """Two sides: what one has more of, then the other, by the size of the difference, as far as it is no chance."""
    significant = [each for each in found.differences if each.q <= fdr]
    lines = [
        f"A  {found.a}: {found.documents[0]:,} documents, {found.chunks[0]:,} chunks",
        f"B  {found.b}: {found.documents[1]:,} documents, {found.chunks[1]:,} chunks",
        f"{len(significant):,} of {found.tested:,} concepts differ at a false discovery rate of {fdr:g} "
        f"({found.too_rare:,} are on too few documents to test)",
    ]
    lines += [f"note: {note}" for note in found.notes]
    if found.in_both:
        lines.append(f"note: {found.in_both:,} documents are on both sides, so the sides are not independent")
    more = [each for each in significant if each.difference > 0][:top]
    fewer = [each for each in significant if each.difference < 0][:top]
    for title, some in (("more in A", more), ("more in B", fewer)):
        if some:
            lines += ["", columns([_difference(each) for each in some], [title, "facet", "A", "B", *_HEAD])]
    return "\n".join(lines)


_HEAD = ["A - B, points", "95 % interval", "q"]


def _difference(each: Difference) -> list[str]:
    points = [f"{100 * value:+.2f}" for value in (each.difference, each.low, each.high)]
    q = f"{each.q:.1g}" if each.q >= 1e-99 else "<1e-99"
    return [
        short(each.name, NAME),
        each.facet,
        share(each.share_a),
        share(each.share_b),
        points[0],
        f"{points[1]} … {points[2]}",
        q,
    ]


def contaminated(found: Contamination, texts: Mapping[Chunk, str], near: Sequence[Near] | None, top: int) -> str:
    """How much of a benchmark is in a run, the items most so with the chunks, and what is about the same."""
    told = max(1, found.told)
    lines = [
        f"{found.items:,} items, {found.told:,} of them long enough to tell"
        + (f"; {found.refused:,} rows could not be read" if found.refused else ""),
        f"{len(found.matches):,} ({share(len(found.matches) / told)}) have {found.ngram} words in a row in the run",
        f"{found.mostly:,} ({share(found.mostly / told)}) are in it for the most part: 80 % of their words or more",
    ]
    for match in found.matches[:top]:
        lines += ["", *_match(match, texts)]
    if len(found.matches) > top:
        lines += ["", f"{len(found.matches) - top:,} items more; --json has them all"]
    if near is not None:
        rows = [
            [short(each.item, NAME), f"{value:.2f}", doc_id]
            for each in sorted(near, key=lambda each: -max([0.0, *(v for _, v in each.documents)]))[:top]
            for doc_id, value in each.documents[:1]
        ]
        lines += [
            "",
            f"about the same by concepts ({found.items - len(near):,} items carry too few); read before you judge",
        ]
        lines += [columns(rows, ["item", "similarity", "document"])]
    return "\n".join(lines)


def _match(match: Match, texts: Mapping[Chunk, str]) -> list[str]:
    doc_id, chunk_id = match.chunks[0]
    more = f" and {len(match.chunks) - 1} more" if len(match.chunks) > 1 else ""
    return [
        f"{match.item}: {share(match.covered)} of {match.words} words, {match.longest} in a row: "
        f"“{short(match.run, 160)}”",
        f"  {doc_id} #{chunk_id}{more}: “{short(around(texts.get(match.chunks[0], ''), match.run), TEXT)}”",
    ]


def around(text: str, run: str) -> str:
    """A chunk's text from a little before the words that match, where they can be found in it."""
    first = run.split(" ")[:3]
    found = re.search(r"[\W_]+".join(map(re.escape, first)), text, re.IGNORECASE) if first else None
    start = max(0, found.start() - 40) if found else 0
    return ("…" if start else "") + text[start:]
