"""The verb that builds the concept library."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa

from atlas.canonical.config import CanonicalizeConfig
from atlas.digest import of_json
from atlas.library import history, store
from atlas.library.concept import Library
from atlas.runner.folder import RunFolder
from atlas.storage import write_text
from atlas.verbs.hooks import QUIET, Hooks
from atlas.verbs.tag_run import digest_of, read_tags

FUNNEL = "build.json"


def canonicalize(
    tags: Path, config: CanonicalizeConfig, out: Path, hooks: Hooks = QUIET
) -> tuple[Library, dict[str, int]]:
    """Build the concept library from tags, or bring the one in ``out`` up to date.

    Nothing is changed where tags, settings and library are those of the last build.
    """
    from atlas.canonical.build import build
    from atlas.canonical.subjects import placed, places
    from atlas.canonical.words import reworded
    from atlas.models.int8 import quick_encoder
    from atlas.models.static import static_encoder

    table = read_tags(tags)
    base_folder = out if any(out.glob("*.yaml")) else Path(config.base) if config.base else None
    base = store.load(base_folder) if base_folder else Library(())
    lender = _lender(config, base, base_folder)
    if base_folder != out:
        base = Library(tuple(concept for concept in base.concepts if concept.facet in config.take))
    noted = out / FUNNEL
    key = _key(tags, table, config)
    if noted.is_file() and base_folder == out:
        before = json.loads(noted.read_text())
        if before.get("key") == key and before.get("library") == base.digest:
            return base, before["funnel"]
    hooks.say(f"building the library from {table.num_rows:,} tagged chunks")
    model = quick_encoder(config.encoder)
    entries = history.read(base_folder) if base_folder else []
    library, funnel = build(
        table,
        base,
        config,
        model.encode,
        quick=lambda texts: static_encoder(config.encoder).encode(texts),
        first_id=max(history.next_id(base, entries), lender.next_id),
        lender=lender,
    )
    counted, notes = asdict(funnel), {}
    if config.words:
        written = reworded(library, base.by_id.keys() | lender.by_id.keys(), table, config.words, out, hooks.say)
        library, counted, notes = written.library, written.counted(counted), {"words": written.notes}
        key = key if written.is_whole else ""
    if config.place:
        library = placed(library, places(library, model))
    store.save(replace(library, origin=base.origin) if base_folder == out else library, out)
    write_text(noted, json.dumps({"key": key, "library": library.digest, "funnel": counted} | notes, indent=2) + "\n")
    return library, counted


def _lender(config: CanonicalizeConfig, base: Library, base_folder: Path | None) -> Library:
    """What new concepts may take words from: the configured base, as long as it is there."""
    folder = Path(config.base) if config.base else None
    if folder is None or folder == base_folder:
        return base if folder else Library(())
    return store.load(folder) if any(folder.glob("*.yaml")) else Library(())


def _key(tags: Path, table: pa.Table, config: CanonicalizeConfig) -> str:
    """What a library that is built from these tags depends on, beside the one it was built upon."""
    from atlas.canonical.words import identity

    parts = [path.rsplit("/", 1)[-1] for path in RunFolder.at(tags).parts()]
    settings = config.model_dump(exclude={"words"})
    words = {"words": identity(config.words)} if config.words else {}
    return of_json({"tags": parts, "rows": digest_of(table), "config": settings} | words)
