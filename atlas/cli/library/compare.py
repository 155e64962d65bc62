"""atlas library diff, preview, remap: what an edit means for data that is labelled already."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.flags import NONE
from atlas.cli.library.app import DEFAULT, AsJson, CountedRun, JsonLines, app

if TYPE_CHECKING:
    from atlas.library.concept import Library
    from atlas.library.diff import Change
    from atlas.library.revisions import Version
    from atlas.products.preview import Preview
    from atlas.products.remap.needs import Need

Run = Annotated[str, typer.Argument(help="Folder of an annotated run.")]
Edited = Annotated[str, typer.Option("--library", help="The edited library: FOLDER, or REVISION:FOLDER in git.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="The library of the run, FOLDER or REVISION:FOLDER; the run is held against it.",
        show_default=NONE,
    ),
]


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="The older library: FOLDER, or REVISION:FOLDER in git.")] = str(DEFAULT),
    new: Annotated[
        str | None,
        typer.Argument(help="The newer one, likewise.", show_default="OLD as it is now, against OLD in --rev"),
    ] = None,
    rev: Annotated[str, typer.Option("--rev", help="Git revision that a single folder is compared with.")] = "HEAD",
    run: CountedRun = None,
    as_json: JsonLines = False,
) -> None:
    """Say what differs between two libraries, hand edits too, in a curator's words."""
    from atlas.library.diff import diff as compare
    from atlas.library.history import splits
    from atlas.library.revisions import version

    older, newer = (version(old), version(new)) if new is not None else (version(f"{rev}:{old}"), version(old))
    told = splits([entry for entry in newer.entries if entry not in older.entries])
    changes = compare(older.library, newer.library, told)
    counts, where = _counts(older.library, run)
    if as_json:
        from atlas.cli.library.words import as_json as plain

        for change in changes:
            print(json.dumps(plain(change, older.library, newer.library, _chunks(change, counts)), ensure_ascii=False))
        return
    _print_changes(changes, older.library, newer.library, counts, where)


def _counts(library: "Library", run: str | None) -> tuple[Mapping[int, int], str]:
    """Chunks of each concept and where they were counted."""
    if run is None:
        return {concept.id: concept.counts.chunks for concept in library.concepts}, "tagged chunks"
    from atlas.products.preview import covered
    from atlas.products.remap.source import annotated_run

    return covered(annotated_run(run, ended=False)).per_concept, f"chunks of {run}"


def _chunks(change: "Change", counts: Mapping[int, int]) -> int:
    """Labels that a change is about, over all its concepts."""
    return sum(counts.get(id_, 0) for id_ in change.ids)


def _print_changes(
    changes: "Sequence[Change]", old: "Library", new: "Library", counts: Mapping[int, int], where: str
) -> None:
    from atlas.cli.library.words import sentence

    if not changes:
        print("no difference in what concepts mean")
        return
    texts = [sentence(change, old, new) for change in changes]
    for text, change in zip(texts, changes, strict=True):
        number = _chunks(change, counts)
        most = "at most " if len(change.ids) > 1 else ""  # a chunk may have several of them
        print(f"{text}  [{most}{number:,} {where}]" if number else text)
    kinds = Counter(change.kind for change in changes)  # in the order of the lines
    of_each = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
    print(f"{len(changes):,} changes: {of_each}; digest {old.digest[:12]} → {new.digest[:12]}")


@app.command()
def preview(
    run: Run,
    library: Edited = str(DEFAULT),
    old: From = None,
    as_json: AsJson = False,
) -> None:
    """Say which chunks of an annotated run an edited library would change, with quotes; write nothing."""
    from atlas.library.revisions import version
    from atlas.products.preview import preview as look
    from atlas.products.remap.needs import known, needs
    from atlas.products.remap.source import annotated_run

    edited = version(library)
    before = version(old).library if old is not None else None
    source = annotated_run(run, before, ended=False)
    _note_other(run, edited, before)
    found = look(source, edited.library)
    needed = needs(edited.library, known(source, before), edited.entries)
    if as_json:
        print(json.dumps({**asdict(found), "needs": [asdict(need) for need in needed]}, ensure_ascii=False))
        return
    print("\n".join(_previewed(found, edited.library)))
    _print_needs(needed)


def _note_other(run: str, edited: "Version", old: "Library | None") -> None:
    """Say so where nothing shows that the edited library came from the run's: ids mean nothing in another library."""
    from atlas.products.remap.source import annotated_run

    digest = annotated_run(run, old, ended=False).library
    known = {edited.library.digest, *(digest for entry in edited.entries for digest in entry.library)}
    if old is None and digest and digest not in known:
        print(
            f"note: the history of {edited.name} does not know the run's library ({digest[:12]}); give it with --from "
            "to be sure that the ids mean the same",
            file=sys.stderr,
        )


def _previewed(found: "Preview", library: "Library") -> Iterator[str]:
    share = found.changed / max(1, found.chunks)
    yield f"{found.changed:,} of {found.chunks:,} chunks would change ({share:.2%})"
    for effect in found.effects:
        name = f"{effect.concept_id} {library.by_id[effect.concept_id].name!r}"
        if effect.heir is None:
            yield f"\n{name}: {_chunks_word(effect.lose)} lose it"
        else:
            heir = f"{effect.heir} {library.by_id[effect.heir].name!r}"
            had = effect.lose - effect.gain
            yield f"\n{name} → {heir}: {_chunks_word(effect.gain)} gain it, {had:,} have it already"
        for quote in effect.quotes:
            yield f"  {quote.doc_id}#{quote.chunk_id}  {quote.text}".rstrip()


def _chunks_word(number: int) -> str:
    return f"{number:,} chunk{'s' * (number != 1)}"


def _print_needs(needed: "Sequence[Need]") -> None:
    if not needed:
        return
    print("\nneeds re-annotation (train an annotator with the edited library, and annotate again):")
    for need in needed:
        print(f"  {need.concept_id} {need.name!r} ({need.facet}): {need.why}")


@app.command()
def remap(
    run: Run,
    out: Annotated[str, typer.Option("--out", help="Folder or URL of the new run.")],
    library: Edited = str(DEFAULT),
    old: From = None,
    workers: Annotated[int, typer.Option(min=1, help="Parts written at a time.")] = 2,
) -> None:
    """Carry an annotated run to an edited library: merged concepts' labels go to the heir, retired ones' go.

    No model is asked and texts are copied as they are. After a stop, the same command does what is missing.
    """
    from atlas.cli import show
    from atlas.library.revisions import version
    from atlas.products.remap import remap as carry
    from atlas.products.remap.run import NEEDS

    edited = version(library)
    before = version(old).library if old is not None else None
    _note_other(run, edited, before)
    done = carry(run, edited.library, out, old=before, history=edited.entries, workers=workers)
    print(show.run_result(done.result, out))
    print(f"before    {done.labels_before:,} labels")
    _print_needs(done.needs)
    if done.needs:
        print(f"  also in {out}/{NEEDS}")
    if not done.result.balanced:
        raise typer.Exit(1)
