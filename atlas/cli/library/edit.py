"""atlas library add, rename, merge, split, retire: edits as a person would make them; and history."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.flags import NONE, with_flags
from atlas.cli.library.app import DEFAULT, Concept, DryRun, Folder, JsonLines, app

if TYPE_CHECKING:
    from atlas.library.apply import Make
    from atlas.library.history import Entry

Apply = Callable[["Make"], None]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.", show_default=NONE)]
Who = Annotated[str | None, typer.Option("--who", help="Who edits.", show_default="git's user.name, else the login")]


def _apply(library: Folder = DEFAULT, why: Why = "", who: Who = None, dry_run: DryRun = False) -> Apply:
    """How an edit is made and told of, from the flags that every edit has."""
    from atlas.library.apply import apply
    from atlas.library.history import author

    def made(edit: "Make") -> None:
        done = apply(library, edit, who=who or author(library), why=why, dry_run=dry_run)
        print(done.edit.what)
        if dry_run:
            print(f"\n{done.lines}nothing was written")

    return made


@app.command()
@with_flags("apply", _apply)
def merge(
    concepts: Annotated[list[str], typer.Argument(metavar="CONCEPT…", help="Ids, names or aliases; two or more.")],
    into: Annotated[str | None, typer.Option("--into", help="The one that stays.", show_default="the first")] = None,
    *,
    apply: Apply,
) -> None:
    """Merge concepts of one facet: one stays and takes over names and tags, the others are retired in its favour."""
    from atlas.library import edit

    apply(lambda before, _: edit.merge(before, concepts, into))


@app.command()
@with_flags("apply", _apply)
def split(
    concept: Concept,
    into: Annotated[
        list[str], typer.Option("--into", metavar="'NAME: TAG, TAG'", help="A part and what it takes; '*': the rest.")
    ],
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep", metavar="NAME", help="The part that means what the concept always meant.", show_default=NONE
        ),
    ] = None,
    describe: Annotated[
        list[str] | None,
        typer.Option("--describe", metavar="'NAME: TEXT'", help="A part's description.", show_default=NONE),
    ] = None,
    *,
    apply: Apply,
) -> None:
    """Divide a concept's aliases and tags between parts with new ids; the old id is retired, or kept for one part."""
    from atlas.errors import AtlasError
    from atlas.library import split as splitting
    from atlas.library.names import normal_form

    unread = [text for text in describe or () if ":" not in text]
    if unread:
        raise AtlasError(f"--describe {unread[0]!r}: write it as 'NAME: TEXT'")
    words = dict(text.split(":", 1) for text in describe or ())
    if len(words) < len(describe or ()):
        raise AtlasError("--describe: give it once for each part")
    texts = {normal_form(name): " ".join(text.split()) for name, text in words.items()}
    parts = [splitting.parse(text, texts) for text in into]
    known = {normal_form(part.name): part.name for part in parts}
    strangers = [name.strip() for name in words if normal_form(name) not in known]
    if strangers:
        raise AtlasError(f"--describe {strangers[0]!r} is none of the parts; they are {', '.join(known.values())}")
    apply(lambda before, new: splitting.split(before, concept, parts, new, keep))


@app.command()
@with_flags("apply", _apply)
def rename(
    concept: Concept,
    name: Annotated[str, typer.Argument(help="The new name.")],
    *,
    apply: Apply,
) -> None:
    """Give a concept another name; the old one becomes an alias."""
    from atlas.library import edit

    apply(lambda before, _: edit.rename(before, concept, name))


@app.command()
@with_flags("apply", _apply)
def retire(
    concept: Concept,
    replaced_by: Annotated[
        str | None,
        typer.Option("--replaced-by", metavar="CONCEPT", help="Who takes over its chunks.", show_default=NONE),
    ] = None,
    *,
    apply: Apply,
) -> None:
    """Retire a concept: it stays as a tombstone, and is given to no chunk any more."""
    from atlas.library import edit

    apply(lambda before, _: edit.retire(before, concept, replaced_by))


@app.command()
@with_flags("apply", _apply)
def add(
    facet: Annotated[str, typer.Option("--facet", help="content, entity, tone or form.")],
    name: Annotated[str, typer.Option("--name", help="What people see.")],
    description: Annotated[str, typer.Option("--description", help="One sentence: which passages it is on.")],
    alias: Annotated[
        list[str] | None, typer.Option("--alias", help="Another name; repeat it for more.", show_default=NONE)
    ] = None,
    question: Annotated[
        str, typer.Option("--question", help="Yes-or-no question that decides.", show_default=NONE)
    ] = "",
    taxonomy: Annotated[
        str | None, typer.Option("--taxonomy", help="Path in a classification.", show_default=NONE)
    ] = None,
    *,
    apply: Apply,
) -> None:
    """Add a concept, under an id that no concept ever had. A rebuild will leave its words alone (locked)."""
    from atlas.library import edit

    apply(
        lambda before, new: edit.add(
            before, new, facet, name, description, aliases=alias or (), question=question, taxonomy=taxonomy
        )
    )


@app.command()
def history(
    concept: Annotated[str | None, typer.Argument(help="Id, name or alias.", show_default="all")] = None,
    library: Folder = DEFAULT,
    as_json: JsonLines = False,
) -> None:
    """Print who edited what, when and why, newest first; and what was edited by hand since."""
    from atlas.library import history as past
    from atlas.library import store
    from atlas.library.search import the

    loaded = store.load(library)
    entries = past.read(library)
    since = past.edited_since(loaded, entries)
    if concept is not None:
        gone = concept.isdigit() and int(concept) in since  # its entry was deleted by hand, its history is here
        id_ = int(concept) if gone else the(loaded, concept).id
        entries = past.of_concept(entries, id_)
        since = {id_: since[id_]} if id_ in since else {}
    for entry in reversed(entries):
        print(json.dumps(asdict(entry), ensure_ascii=False) if as_json else line(entry))
    if as_json:
        return
    for id_, keys in since.items():
        print(f"{id_}: {', '.join(keys)} by hand since, in the YAML")
    if not entries:
        print("no edit by command yet; `atlas library diff` compares with a git revision")


def line(entry: "Entry") -> str:
    """An entry of the history in one line."""
    why = f" ({entry.why})" if entry.why else ""
    return f"{entry.when}  {entry.who}  {entry.what}{why}"
