"""The report: right figures, nothing fetched, nothing that was read is trusted."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from hashlib import md5
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from atlas.errors import AtlasError
from atlas.products.report import build
from atlas.products.report.examples import DOCUMENTS, turns
from atlas.products.report.layout import positions
from atlas.products.report.render import script_json
from atlas.tables import FACETS, QUARANTINE, annotations

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"""{SCRIPT}</script><img src=x onerror=alert(2)> "double" 'single' \u2028\u2029 --> <!-- ]]> &amp;"""
SECTIONS = ("overview", "map", "frequency", "chunks", "quality", "examples", "concepts")


@dataclass(frozen=True)
class Run:
    """A small run on disk, with the rows that it holds."""

    annotations: Path
    library: Path
    evaluation: Path
    vectors: tuple[np.ndarray, np.ndarray]
    rows: list[dict[str, Any]]


class Page(HTMLParser):
    """What a browser would make of the page: elements, their attributes, text, scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.texts).replace("\u202f", " "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.texts.append(data)


def make_rows(documents: int = 30, text: str = "Some words") -> list[dict[str, Any]]:
    return [
        {
            "doc_id": f"doc-{document}",
            "chunk_id": chunk,
            "source": f"source-{document % 3}",
            "char_start": 10 * chunk,
            "char_end": 10 * chunk + 10,
            "token_count": 90 + document,
            "kind": "code" if document % 5 == 0 else "prose",
            "status": "ok",
            "concept_ids": [id_ for id_ in range(1, 9) if (document + chunk) % id_ == 0],
            "scores": [1 - id_ / 10 for id_ in range(1, 9) if (document + chunk) % id_ == 0],
            "text": f"{text} {document}.{chunk}",
        }
        for document in range(documents)
        for chunk in range(15 if document == 0 else 2)
    ]


def make_run(root: Path, rows: list[dict[str, Any]], *, name: str = "Concept", keep_text: bool = True) -> Run:
    """Two parts, one quarantined record, ten concepts of which eight can be used, and an evaluation."""
    run = root / "run"
    (run / "parts").mkdir(parents=True)
    (run / "quarantine").mkdir()
    table = pa.Table.from_pylist(rows, schema=annotations(text=True)).select(annotations(text=keep_text).names)
    cut = next((at for at, row in enumerate(rows) if row["doc_id"] == "doc-7"), len(rows))
    for number, part in enumerate((table.slice(0, cut), table.slice(cut))):
        pq.write_table(part, run / "parts" / f"{number:05d}.parquet")
    refused = {"unit": "u", "row": 3, "location": "file, row 3", "reason": "not text", "detail": HOSTILE}
    pq.write_table(pa.Table.from_pylist([refused], schema=QUARANTINE), run / "quarantine" / "00000.parquet")
    documents = len({row["doc_id"] for row in rows})
    counts = {
        "records_in": documents + 1,
        "records_out": documents,
        "quarantined": 1,
        "rows": len(rows),
        "empty": 0,
        "tokens": sum(row["token_count"] for row in rows),
        "labels": sum(len(row["concept_ids"]) for row in rows),
    }
    summary = {"counts": counts, "units": 2, "balanced": True, "problems": []}
    (run / "summary.json").write_text(json.dumps(summary))
    concepts = [
        {
            "id": id_,
            "facet": FACETS[id_ % 4],
            "name": f"{name} {id_}",
            "description": f"About {name}.",
            "members": {f"{name} tag": 3},
        }
        for id_ in range(1, 11)
    ]
    (root / "library").mkdir()
    (root / "library" / "all.yaml").write_text(yaml.safe_dump({"area": "all", "concepts": concepts}))
    quality = [
        {
            "concept_id": id_,
            "support": 3 * id_,
            "precision": id_ / 10,
            "recall": 0.5,
            "f1": id_ / 12,
            "pr_auc": None,
        }
        for id_ in range(1, 9)
    ]
    systems = [
        {"system": "atlas-fast", "p@1": 0.714, "ece": 0.03},
        {"system": "baseline-prior", "p@1": 0.412, "ece": None, "oddity": 12.5},
        {"system": f"baseline-{name}", "p@1": 0.5, "ece": 0.02},
    ]
    heldout = {"chunks": 4321, "documents": 60, "concepts": 8}
    evaluation = root / "evaluation.json"
    evaluation.write_text(json.dumps({"heldout": heldout, "systems": systems, "concepts": quality}))
    matrix = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
    return Run(run, root / "library", evaluation, (np.arange(1, 11, dtype=np.int32), matrix), rows)


def make_page(run: Run, out: Path, *, bare: bool = False, title: str = "A run", fact: str = "sha256:12") -> str:
    build(
        run.annotations,
        run.library,
        out,
        evaluation=None if bare else run.evaluation,
        vectors=None if bare else run.vectors,
        title=title,
        facts={"Annotator": fact},
    )
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("run"), make_rows())


@pytest.fixture(scope="module")
def html(run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_page(run, tmp_path_factory.mktemp("out") / "deep" / "report.html")


def data_of(page: Page) -> dict[str, Any]:
    return json.loads(page.scripts[0])


def test_every_section_is_there_and_linked(html: str) -> None:
    page = Page(html)
    for section in SECTIONS:
        assert ("id", section) in page.attributes
        assert ("href", f"#{section}") in page.attributes


def test_figures_are_those_of_the_rows(run: Run, html: str) -> None:
    rows, page = run.rows, Page(html)
    labels = Counter(id_ for row in rows for id_ in row["concept_ids"])
    data = data_of(page)
    assert dict(zip(data["id"], data["count"], strict=True)) == {id_: labels[id_] for id_ in range(1, 11)}
    assert data["count"] == sorted(data["count"], reverse=True)
    assert data["chunks"] == len(rows)
    for figure, words in (
        ("30", "documents"),
        (f"{len(rows):,}", "chunks"),
        (f"{sum(row['token_count'] for row in rows):,}", "tokens"),
        ("10", "concepts in the library"),
        (str(len(labels)), "concepts used"),
        (f"{labels.total() / len(rows):.1f}", "labels a chunk"),
    ):
        assert f"<b>{figure}</b><span>{words}</span>" in html
    for number, facet in enumerate(FACETS):
        share = sum(labels[id_] for id_ in labels if id_ % 4 == number) / labels.total()
        assert f'title="{facet}: {100 * share:.1f}\u202f%"' in html
    for size, number in Counter(len(row["concept_ids"]) for row in rows).items():
        assert f"{number} chunks with {size} labels" in html


def test_a_run_in_balance_says_so(html: str) -> None:
    text = Page(html).text
    assert "In balance" in text and "31 documents in = 30 out + 1 quarantined" in text
    assert "1 × not text" in text


def test_a_summary_that_disagrees_with_the_parts_is_shown_as_a_problem(tmp_path: Path) -> None:
    run = make_run(tmp_path, make_rows())
    path = run.annotations / "summary.json"
    summary = json.loads(path.read_text())
    summary["counts"]["rows"] += 5
    summary["counts"]["records_in"] += 2
    summary["problems"] = [HOSTILE]
    path.write_text(json.dumps(summary))
    page = Page(make_page(run, tmp_path / "report.html"))
    assert "Not in balance" in page.text and "the parts hold 73" in page.text
    assert "33 documents in ≠ 30 out + 1 quarantined" in page.text
    assert SCRIPT in page.text and page.tags["script"] == 2


def test_hostile_strings_stay_text(tmp_path: Path) -> None:
    rows = [row | {"doc_id": f"{HOSTILE} {row['doc_id']}", "source": HOSTILE} for row in make_rows(3, HOSTILE)]
    run = make_run(tmp_path, rows, name=HOSTILE)
    html = make_page(run, tmp_path / "report.html", title=HOSTILE, fact=HOSTILE)
    assert SCRIPT not in html and "<img" not in html and "\u2028" not in html and "\u2029" not in html
    page = Page(html)
    assert page.tags["script"] == 2 and page.tags["img"] == 0
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert data_of(page)["name"][0].startswith(HOSTILE)
    assert page.text.count(SCRIPT) > 20


def test_json_can_not_leave_its_script_element() -> None:
    value = {HOSTILE: [HOSTILE, "<!--<script>", None, 1.5]}
    text = script_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_nothing_is_fetched(html: str) -> None:
    page = Page(html)
    for name, value in page.attributes:
        if name in ("src", "href", "action", "srcset", "poster", "data"):
            assert value is not None and value.startswith(("#", "data:,"))
    assert "url(" not in html and "@import" not in html
    assert "default-src 'none'" in html


def test_only_our_script_may_run(html: str) -> None:
    import base64
    import hashlib

    allowed = re.findall(r"script-src 'sha256-([^']+)'", html)
    script = html.split("<script>")[1].split("</script>")[0]
    assert allowed == [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()]


def test_scripts_never_turn_data_into_markup() -> None:
    folder = Path(build.__code__.co_filename).parent
    for script in folder.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", script.read_text())


def test_quality_table_has_all_measures_and_marks_the_best(html: str) -> None:
    page = Page(html)
    assert "4,321 chunks of 60 documents" in page.text and "what the language model itself tagged" in page.text
    assert 'best">71.4\u202f%' in html and 'best">2.0\u202f%' in html
    assert "oddity" in page.text and "12.5" in page.text


def test_examples_take_turns_over_the_sources_in_order_of_hash(run: Run, html: str) -> None:
    queues: dict[str, list[str]] = {}
    for doc_id, source in sorted(
        {(row["doc_id"], row["source"]) for row in run.rows},
        key=lambda pair: md5(pair[0].encode()).hexdigest(),
    ):
        queues.setdefault(source, []).append(doc_id)
    shown = re.findall(r'<summary><bdi class="id">([^<]+)', html)
    assert len(shown) == DOCUMENTS
    expected = [{queue[turn] for queue in queues.values()} for turn in range(DOCUMENTS // 3)]
    assert [set(shown[3 * turn : 3 * turn + 3]) for turn in range(DOCUMENTS // 3)] == expected


def test_turns_stop_at_the_limit_and_pass_over_spent_sources() -> None:
    pairs = [("a", [("1", "a1")]), ("b", [(f"{n:02d}", f"b{n}") for n in range(40)])]
    chosen = turns(pairs)
    assert len(chosen) == DOCUMENTS
    assert set(chosen[:2]) == {"a1", "b0"} and chosen[2:4] == ["b1", "b2"]


def test_long_documents_say_how_many_chunks_are_left_out(tmp_path: Path) -> None:
    page = Page(make_page(make_run(tmp_path, make_rows(1)), tmp_path / "report.html"))
    assert "… and 3 more chunks." in page.text and "Some words 0.11" in page.text and "Some words 0.12" not in page.text


def test_without_evaluation_and_vectors_the_page_says_so(run: Run, tmp_path: Path) -> None:
    page = Page(make_page(run, tmp_path / "report.html", bare=True))
    assert "without concept vectors" in page.text and "No evaluation came with this run" in page.text
    assert data_of(page)["map"] is None


def test_without_text_the_examples_give_offsets(tmp_path: Path) -> None:
    run = make_run(tmp_path, make_rows(), keep_text=False)
    page = Page(make_page(run, tmp_path / "report.html"))
    assert "Characters 0 to 10 of the document; this run keeps no text." in page.text
    assert "Some words" not in page.text


@pytest.mark.parametrize("rows", [[], [row | {"concept_ids": [], "scores": []} for row in make_rows(4)]])
def test_a_run_without_labels_renders(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    page = Page(make_page(make_run(tmp_path, rows), tmp_path / "report.html"))
    assert "This run has no labels" in page.text and "In balance" in page.text


def test_a_run_without_parts_renders(tmp_path: Path) -> None:
    run = make_run(tmp_path, [])
    for part in (run.annotations / "parts").iterdir():
        part.unlink()
    assert "This run has no chunks" in make_page(run, tmp_path / "report.html")


def test_ids_that_the_library_lacks_are_shown_as_unknown(tmp_path: Path) -> None:
    rows = [row | {"concept_ids": [77], "scores": [0.5]} for row in make_rows(2)]
    page = Page(make_page(make_run(tmp_path, rows), tmp_path / "report.html"))
    assert "Concept 77" in page.text and "ids that the library lacks" in page.text


def test_the_same_run_gives_the_same_bytes(run: Run, html: str, tmp_path: Path) -> None:
    assert make_page(run, tmp_path / "report.html") == html


def test_a_run_that_has_not_ended_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path, make_rows())
    (run.annotations / "summary.json").unlink()
    with pytest.raises(AtlasError, match="has not ended"):
        make_page(run, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("text", ["", "[1]", '{"systems": [{"p@1": 1}]}', '{"concepts": [{"concept_id": "x"}]}'])
def test_a_file_that_is_no_evaluation_is_refused(run: Run, text: str, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(text)
    with pytest.raises(AtlasError, match="is no evaluation"):
        build(
            run.annotations,
            run.library,
            tmp_path / "o.html",
            evaluation=path,
            vectors=None,
            title="",
            facts={},
        )


@pytest.mark.parametrize("number", [0, 1, 2, 4, 5, 6, 40])
def test_any_number_of_concepts_has_places_inside_the_map(number: int) -> None:
    ids = np.arange(number, dtype=np.int32)
    matrix = np.random.default_rng(1).normal(size=(number, 3)).astype(np.float32)
    places = positions(ids, matrix, dict.fromkeys(range(number), 1))
    assert places.xy.shape == (number, 2) and np.all((places.xy >= 0) & (places.xy <= 1))
    assert len(np.unique(places.xy, axis=0)) == number


@pytest.mark.parametrize("matrix", [np.zeros((9, 4)), np.ones((9, 4)), np.full((9, 4), np.nan), np.ones((9, 1))])
def test_vectors_without_directions_still_have_places(matrix: np.ndarray) -> None:
    places = positions(np.arange(9, dtype=np.int32), matrix.astype(np.float32), dict.fromkeys(range(9), 1))
    assert np.all(np.isfinite(places.xy))


def test_near_vectors_have_near_places_and_the_frequent_come_first() -> None:
    generator = np.random.default_rng(2)
    centres = np.eye(8)[np.repeat([0, 1], 20)]
    matrix = (centres + generator.normal(0, 0.05, centres.shape)).astype(np.float32)
    places = positions(np.arange(40, dtype=np.int32), matrix, {id_: id_ for id_ in range(40)})
    assert places.ids == tuple(range(39, -1, -1))
    first, second = places.xy[20:].mean(axis=0), places.xy[:20].mean(axis=0)
    spread = np.linalg.norm(places.xy[:20] - second, axis=1).mean()
    assert np.linalg.norm(first - second) > 2 * spread


def test_ids_and_vectors_must_match() -> None:
    with pytest.raises(AtlasError, match="one row for each concept id"):
        positions(np.arange(3, dtype=np.int32), np.zeros((2, 4), np.float32), {})
