"""From figures to one HTML string: nothing is fetched, and nothing that was read is trusted."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from atlas.products.report import figures as shapes
from atlas.products.report import numbers
from atlas.products.report.data import UNKNOWN, ConceptRow, Figures
from atlas.products.report.evaluation import LEAST_SUPPORT, Evaluation, judged, less_is_better
from atlas.products.report.examples import ExampleChunk, ExampleDocument
from atlas.products.report.layout import Places
from atlas.tables import FACETS

HERE = Path(__file__).parent
SCRIPTS = ("script.js", "map.js", "list.js")
TOP = 25
SOURCES = 8
CHIPS = 24  # labels shown under a chunk; the rest are counted
LONGEST_DESCRIPTION = 400
PREVALENT = 0.25  # a concept on more than this share of chunks says little about any of them

FACET_WORDS = {
    "content": "what it is about",
    "entity": "whom or what it names",
    "tone": "how it is said",
    "form": "what kind of text it is",
    UNKNOWN: "ids that the library lacks",
}
BASELINES = {
    "baseline-prior": "the most frequent concepts, for every chunk",
    "baseline-knn": "the labels of the most similar tagged chunks",
    "baseline-tfidf": "a linear model over word counts",
    "baseline-name-similarity": "the concepts whose names are nearest to the text",
    "baseline-minilm-linear": "a linear model over sentence embeddings",
}
METRICS = {
    "p@": "share of a chunk's {k} surest labels that are right",
    "r@": "share of a chunk's true labels among its {k} surest",
    "micro_f1": "F1 over all labels: frequent concepts weigh more",
    "macro_f1": "mean F1 of concepts: each weighs the same",
    "pr_auc": "area under the precision-recall curve",
    "ece": "gap between stated and true probability; less is better",
}


def page(
    figures: Figures,
    places: Places | None,
    evaluation: Evaluation | None,
    *,
    title: str,
    facts: Mapping[str, str],
) -> str:
    """The report as HTML. Every value goes through escaping; the data for the script is JSON, escaped too."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": numbers.count,
        "large": numbers.large,
        "percent": numbers.percent,
        "whole": numbers.whole_percent,
        "decimal": numbers.decimal,
        "measure": _measure,
    }
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    html = environment.get_template("template.html").render(
        title=title,
        facts=facts,
        figures=figures,
        evaluation=evaluation,
        places=places,
        by_id={concept.id: concept for concept in figures.concepts},
        chips=_chips,
        specimen=_specimen(figures),
        facet_words=FACET_WORDS,
        baselines=BASELINES,
        explained=_explained,
        less_is_better=less_is_better,
        least_support=LEAST_SUPPORT,
        size=shapes,
        prevalent=PREVALENT,
        coverage_chart=shapes.coverage(figures.concepts),
        rank_chart=shapes.rank_frequency(figures.by_facet),
        labels_chart=shapes.labels_histogram(figures.labels_per_chunk),
        tokens_chart=shapes.tokens_histogram(figures.tokens_per_chunk),
        quality_chart=shapes.quality_by_support(figures.concepts),
        tops=_tops(figures),
        concentration=_concentration(figures),
        sources_shown=SOURCES,
        leads=_leads(evaluation),
        ranked=_ranked(figures, evaluation),
        style=Markup((HERE / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=Markup(script_json(_client_data(figures, places))),
    )
    # What is left of separators that some tools take for line ends is text, where an entity means the same;
    # half surrogate pairs, which YAML can spell, have no bytes.
    html = html.replace("\u2028", "&#8232;").replace("\u2029", "&#8233;")
    return html.encode("utf-8", "replace").decode()


def script_json(value: object) -> str:
    """JSON that can stand in a script element: no tag or comment can open or close in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _client_data(figures: Figures, places: Places | None) -> dict[str, Any]:
    """Columns of all concepts, and the map as rows of those columns with positions in ten-thousandths."""
    concepts = figures.concepts
    row_of = {concept.id: row for row, concept in enumerate(concepts)}
    facets = [*FACETS, UNKNOWN]
    return {
        "facets": facets,
        "chunks": figures.chunks,
        "id": [c.id for c in concepts],
        "name": [c.name for c in concepts],
        "facet": [facets.index(c.facet) for c in concepts],
        "description": [_clipped(c.description) for c in concepts],
        "members": [list(c.members) for c in concepts],
        "retired": [row for row, c in enumerate(concepts) if c.status == "retired"],
        "count": [c.chunks for c in concepts],
        "support": [c.quality.support if c.quality else 0 for c in concepts],
        "precision": [_thousandths(c.quality.precision if c.quality else None) for c in concepts],
        "recall": [_thousandths(c.quality.recall if c.quality else None) for c in concepts],
        "map": None
        if places is None
        else {
            "row": [row_of[id_] for id_ in places.ids],
            "x": [round(10_000 * float(x)) for x, _ in places.xy],
            "y": [round(10_000 * float(y)) for _, y in places.xy],
        },
    }


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_DESCRIPTION else text[: LONGEST_DESCRIPTION - 1].rstrip() + "…"


def _thousandths(rate: float | None) -> int | None:
    return None if rate is None else round(1000 * rate)


def _tops(figures: Figures) -> dict[str, tuple[ConceptRow, ...]]:
    """The most frequent concepts of all facets together and of each."""
    groups = {"all": figures.concepts} | figures.by_facet
    tops = {name: tuple(c for c in rows[:TOP] if c.chunks) for name, rows in groups.items()}
    return {name: rows for name, rows in tops.items() if rows}


def _concentration(figures: Figures) -> dict[str, Any]:
    """How unevenly labels fall: share of the top, concepts that make half, rare and prevalent ones."""
    counts = [c.chunks for c in figures.concepts if c.chunks]
    half, seen = 0, 0
    while half < len(counts) and 2 * seen < figures.labels:
        seen += counts[half]
        half += 1
    return {
        "top_share": sum(counts[:TOP]) / max(1, figures.labels),
        "half": half,
        "rare": sum(number < 10 for number in counts),
        "prevalent": [c for c in figures.concepts if c.chunks > PREVALENT * figures.chunks],
    }


def _ranked(figures: Figures, evaluation: Evaluation | None) -> list[tuple[str, list[ConceptRow]]]:
    """The best, middle and worst concepts of the held-out documents, without repeats."""
    if evaluation is None:
        return []
    by_id = {concept.id: concept for concept in figures.concepts}
    rows = [by_id[id_] for id_, _ in judged(evaluation.concepts) if id_ in by_id]
    each = min(5, len(rows) // 3)
    if not each:
        return [("All concepts", rows)] if rows else []
    middle = (len(rows) - each) // 2
    return [
        ("Best found", rows[:each]),
        ("In the middle", rows[middle : middle + each]),
        ("Worst found", rows[-each:]),
    ]


def _chips(chunk: ExampleChunk, by_id: Mapping[int, ConceptRow]) -> tuple[list[tuple[ConceptRow, float]], int]:
    """The surest labels of a chunk by facet, and how many are left out."""
    order = [*FACETS, UNKNOWN]
    shown = [(by_id[id_], score) for id_, score in chunk.labels[:CHIPS]]
    shown.sort(key=lambda label: order.index(label[0].facet))  # stable: by score within a facet
    return shown, len(chunk.labels) - len(shown)


def _specimen(figures: Figures) -> tuple[ExampleDocument, ExampleChunk] | None:
    """The example chunk that shows most: prose of common length, labels of many facets, not too many."""
    facet = {concept.id: concept.facet for concept in figures.concepts}

    def dullness(chunk: ExampleChunk) -> tuple[bool, bool, int, int]:
        facets = {facet[id_] for id_, _ in chunk.labels}
        text = (chunk.text or "").strip()
        readable = sum(char.isalpha() or char == " " for char in text) > 0.93 * len(text)
        return (
            not (chunk.kind == "prose" and readable),
            len(facets) < 3,
            abs(len(chunk.labels) - 11),
            -len(facets),
        )

    pairs = [(d, c) for d in figures.examples for c in d.shown if c.text and c.text.strip() and c.labels]
    return min(pairs, key=lambda pair: dullness(pair[1]), default=None)


def _leads(evaluation: Evaluation | None) -> list[tuple[str, int]]:
    """On how many measures each system is best; systems that are never best are left out."""
    if evaluation is None:
        return []
    leads = {
        name: sum(value == evaluation.best(metric) for metric, value in row.items()) for name, row in evaluation.systems
    }
    return sorted(((name, number) for name, number in leads.items() if number), key=lambda lead: -lead[1])


def _measure(value: float, name: str) -> str:
    is_rate = 0 <= value <= 1 and not name.endswith(("_s", "_mb"))
    return numbers.percent(value) if is_rate else numbers.decimal(value)


def _explained(metrics: Sequence[str]) -> list[tuple[str, str]]:
    """The measures that need words, in the table's order."""
    families = [(name, family) for name in metrics for family in METRICS if name.startswith(family)]
    first = {family: name for name, family in reversed(families)}
    return [
        ("P@k" if f == "p@" else "R@k" if f == "r@" else n, METRICS[f].format(k="k"))
        for f, n in sorted(first.items(), key=lambda item: metrics.index(item[1]))
    ]
