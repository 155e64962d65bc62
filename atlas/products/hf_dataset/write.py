"""The export as a Hugging Face dataset."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from atlas.library.concept import Library
from atlas.products.export import concepts
from atlas.products.export.concepts import Counted
from atlas.products.export.output import Exported, Output, Watch, output, silent
from atlas.products.export.source import Part, Source, source_of
from atlas.products.export.threads import in_threads
from atlas.products.hf_dataset.card import card
from atlas.products.hf_dataset.copy import copied, described
from atlas.products.hf_dataset.croissant import croissant
from atlas.products.hf_dataset.facts import Config, DataFile, Facts
from atlas.tables import FACETS

PRODUCT = "hf-dataset"
CONCEPTS_FILE = "data/concepts/train-00000-of-00001.parquet"
UNKNOWN = "unknown"
TOP = 20
WORKERS = 2


def hf_dataset(
    run: str | Path,
    library: Library,
    out: str | Path,
    *,
    title: str | None = None,
    license: str = UNKNOWN,  # noqa: A002 (the flag is --license)
    language: Sequence[str] = (),
    workers: int = WORKERS,
    watch: Watch = silent,
) -> Exported:
    """Write a folder that ``datasets.load_dataset`` reads: chunks and concepts, card, Croissant metadata.

    The run's parts are copied byte for byte. Each worker holds some mebibytes, whatever the size of the run.

    Args:
        title: of the card; by default the name of the run's folder.
        license: as the hub writes it, such as ``odc-by``. language: codes such as ``en``.
        watch: told of every file that is finished.

    Raises:
        AtlasError: wrong input.
    """
    source = source_of(run, library)
    named = title or source.folder.root.rsplit("/", 1)[-1]
    settings = {"title": named, "license": license, "languages": list(language)}
    with output(PRODUCT, source, out, settings, watch) as made:
        if (before := made.done()) is not None:
            return before
        parts = [part for part in source.parts if part.rows]
        names = [f"data/chunks/train-{n:05}-of-{len(parts):05}.parquet" for n in range(len(parts))]
        made.plan([*names, CONCEPTS_FILE, "README.md", "croissant.json"])

        def copy(job: tuple[Part, str]) -> DataFile:
            file = copied(source, job[0], made.folder, job[1])
            watch(f"{file.name}  {file.rows:,} rows")
            return file

        chunks = list(in_threads(copy, list(zip(parts, names, strict=True)), workers))
        made.files.update({file.name: {"rows": file.rows, "sha256": file.sha256} for file in chunks})
        found = concepts.counted(source)
        made.parquet(CONCEPTS_FILE, concepts.CONCEPTS, [concepts.table(source, found)])
        configs = (
            Config("chunks", source.schema.remove_metadata(), chunks),
            Config("concepts", concepts.CONCEPTS, [described(made.folder, CONCEPTS_FILE)]),
        )
        _describe(made, _facts(source, found, configs, named, license, language))
        return made.finish()


def _describe(made: Output, facts: Facts) -> None:
    made.text("README.md", card(facts))
    made.text("croissant.json", croissant(facts))


def _facts(
    source: Source,
    found: Counted,
    configs: Sequence[Config],
    title: str,
    license: str,  # noqa: A002
    language: Sequence[str],
) -> Facts:
    there = concepts.shown(source, found)
    facets = Counter(concept.facet for concept, _, _ in there)
    ranked = sorted(there, key=lambda row: (-row[1], row[0].id))[:TOP]
    return Facts(
        title,
        license,
        language,
        configs,
        source.documents,
        source.labels,
        sum(footer["counts"]["tokens"] for footer in source.footers),
        {facet: facets[facet] for facet in FACETS if facets[facet]},
        [(concept.name, concept.facet, chunks) for concept, chunks, _ in ranked],
        source.footers[0],
    )
