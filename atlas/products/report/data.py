"""The figures of a run, gathered from its files; text is never read but for the example documents."""

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset as ds

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.products.report import examples
from atlas.products.report.evaluation import Evaluation, Quality
from atlas.products.report.examples import ExampleDocument
from atlas.storage import TEMPORARY
from atlas.tables import ANNOTATION_COLUMNS, FACETS, annotations

MEMORY = "1GB"  # what DuckDB may hold before it spills to disk
MEMBERS = 8
UNKNOWN = "unknown"  # facet of an id that the run carries and the library lacks


@dataclass(frozen=True, slots=True)
class Balance:
    """What the run says of itself, and every reason not to believe it."""

    records_in: int
    records_out: int
    quarantined: int
    units: int
    problems: tuple[str, ...]
    reasons: tuple[tuple[str, int], ...]

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What one source brought."""

    name: str
    documents: int
    chunks: int
    tokens: int
    labels: int


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """A concept with the number of chunks that carry it."""

    id: int
    name: str
    facet: str
    description: str
    members: tuple[str, ...]
    status: str
    chunks: int
    quality: Quality | None


@dataclass(frozen=True)
class Figures:
    """All that the page shows, but for the map. ``concepts`` are most frequent first."""

    balance: Balance
    sources: tuple[SourceCounts, ...]
    kinds: tuple[tuple[str, int], ...]
    labels_per_chunk: tuple[tuple[int, int], ...]
    tokens_per_chunk: tuple[tuple[int, int], ...]
    concepts: tuple[ConceptRow, ...]
    examples: tuple[ExampleDocument, ...]

    @cached_property
    def documents(self) -> int:
        return sum(source.documents for source in self.sources)

    @cached_property
    def chunks(self) -> int:
        return sum(source.chunks for source in self.sources)

    @cached_property
    def tokens(self) -> int:
        return sum(source.tokens for source in self.sources)

    @cached_property
    def labels(self) -> int:
        return sum(source.labels for source in self.sources)

    @cached_property
    def active(self) -> int:
        return sum(concept.status == "active" for concept in self.concepts)

    @cached_property
    def used(self) -> int:
        """Active concepts that at least one chunk carries."""
        return sum(concept.status == "active" and concept.chunks > 0 for concept in self.concepts)

    @cached_property
    def chunks_by_concept(self) -> dict[int, int]:
        return {concept.id: concept.chunks for concept in self.concepts}

    @cached_property
    def by_facet(self) -> dict[str, tuple[ConceptRow, ...]]:
        """Concepts of each facet; ``unknown`` is there only where the run needs it."""
        facets = [*FACETS, *([UNKNOWN] if any(c.facet == UNKNOWN for c in self.concepts) else [])]
        return {facet: tuple(c for c in self.concepts if c.facet == facet) for facet in facets}


def gather(run: Path, library: Library, evaluation: Evaluation | None) -> Figures:
    """Count what a run's parts hold, and check it against the run's own summary.

    Raises:
        AtlasError: the run has no summary, or a part is not an annotated one.
    """
    parts = _files(run / "parts")
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute("set temp_directory = $folder", {"folder": spill})
        connection.register("chunks", _dataset(parts))

        def rows(query: str) -> list[Any]:
            return connection.execute(query).fetchall()

        sources = tuple(SourceCounts(*row) for row in rows(_SOURCES))
        per_concept: dict[int, int] = dict(rows(_CONCEPTS))
        kinds = tuple(rows("select kind, count(*) from chunks group by kind order by count(*) desc, kind"))
        labels = tuple(rows("select len(concept_ids) as n, count(*) from chunks group by n order by n"))
        tokens = tuple(rows("select token_count // 10 * 10 as n, count(*) from chunks group by n order by n"))
        chosen = examples.turns(
            (source, [(pair["hash"], pair["doc_id"]) for pair in pairs]) for source, pairs in rows(_EXAMPLES)
        )
    quality = evaluation.concepts if evaluation is not None else {}
    return Figures(
        balance=_balance(run, sources),
        sources=sources,
        kinds=kinds,
        labels_per_chunk=labels,
        tokens_per_chunk=tokens,
        concepts=_concepts(library, per_concept, quality),
        examples=examples.read(parts, chosen),
    )


_SOURCES = """
    select coalesce(source, ''), count(*) filter (chunk_id = 0), count(*),
           sum(token_count)::bigint, sum(len(concept_ids))::bigint
    from chunks group by 1 order by 3 desc, 1
"""
_CONCEPTS = "select id, count(*) from (select unnest(concept_ids) as id from chunks) group by id"
_EXAMPLES = f"""
    select coalesce(source, '') as name,
           min_by({{'hash': md5(doc_id), 'doc_id': doc_id}}, md5(doc_id), {examples.DOCUMENTS})
    from chunks where chunk_id = 0 and status <> 'empty' group by name order by name
"""


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith(TEMPORARY))


def _dataset(parts: list[Path]) -> Any:
    if not parts:
        return annotations(text=False).empty_table()
    dataset = ds.dataset([str(path) for path in parts], format="parquet")
    missing = [name for name in ANNOTATION_COLUMNS.names if name not in dataset.schema.names]
    if missing:
        raise AtlasError(
            f"{parts[0]}: has no column {missing[0]}, so it is no annotated part; give a run of `atlas annotate`"
        )
    return dataset


def _balance(run: Path, sources: tuple[SourceCounts, ...]) -> Balance:
    path = run / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        counts: dict[str, int] = summary["counts"]
        claimed = {key: int(counts[key]) for key in ("records_in", "records_out", "quarantined", "rows", "labels")}
    except FileNotFoundError as error:
        raise AtlasError(f"{path}: is missing, so the run has not ended; run it again to the end") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AtlasError(f"{path}: is no run's summary ({type(error).__name__}: {error}); run it again") from error
    problems = [str(problem) for problem in summary.get("problems", ())]
    if claimed["records_in"] != claimed["records_out"] + claimed["quarantined"]:
        problems.append(
            f"{claimed['records_in']:,} records in, but {claimed['records_out']:,} out "
            f"and {claimed['quarantined']:,} quarantined"
        )
    if not summary.get("balanced", True) and not problems:
        problems.append("the run's summary says that it does not balance, without a reason")
    held = {
        "records_out": ("documents", sum(source.documents for source in sources)),
        "rows": ("chunks", sum(source.chunks for source in sources)),
        "labels": ("labels", sum(source.labels for source in sources)),
    }
    problems += [
        f"the summary says {claimed[key]:,} {word}, the parts hold {number:,}"
        for key, (word, number) in held.items()
        if claimed[key] != number
    ]
    return Balance(
        claimed["records_in"],
        claimed["records_out"],
        claimed["quarantined"],
        int(summary.get("units", 0)),
        tuple(problems),
        _reasons(_files(run / "quarantine")),
    )


def _reasons(files: list[Path]) -> tuple[tuple[str, int], ...]:
    reasons: Counter[str] = Counter()
    for file in files:
        for batch in ds.dataset(file, format="parquet").to_batches(columns=["reason"]):
            reasons.update(batch.column("reason").to_pylist())
    return tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _concepts(library: Library, chunks: Mapping[int, int], quality: Mapping[int, Quality]) -> tuple[ConceptRow, ...]:
    """Active concepts, and any other id that the run carries."""
    rows = [_row(c, chunks, quality) for c in library.concepts if c.active or c.id in chunks]
    rows += [
        ConceptRow(id_, f"Concept {id_}", UNKNOWN, "Not in the library.", (), UNKNOWN, number, quality.get(id_))
        for id_, number in chunks.items()
        if id_ not in library.by_id
    ]
    return tuple(sorted(rows, key=lambda row: (-row.chunks, row.id)))


def _row(concept: Concept, chunks: Mapping[int, int], quality: Mapping[int, Quality]) -> ConceptRow:
    members = sorted(concept.members, key=lambda tag: (-concept.members[tag], tag))[:MEMBERS]
    return ConceptRow(
        concept.id,
        concept.name,
        concept.facet,
        concept.description,
        tuple(members),
        concept.status,
        chunks.get(concept.id, 0),
        quality.get(concept.id),
    )
