"""Ready questions against what a loop over the rows says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from labelled_run import LIBRARY, Labels, labelled_run

from atlas import verbs
from atlas.errors import AtlasError
from atlas.library import edit, store
from atlas.products.query import made_of
from atlas.products.query.asked import Asked, asked
from atlas.products.query.carries import carries
from atlas.products.query.compare import compare, sides
from atlas.products.query.connection import connected
from atlas.products.query.named import refuse_unknown_ids

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("questions")
    labelled_run(made)
    store.save(LIBRARY, made / "library")
    return made


@pytest.fixture
def run(folder: Path) -> Asked:
    return asked(str(folder / "run"))


@pytest.fixture
def connection(run: Asked) -> Iterator[Any]:
    with connected([run]) as made:
        yield made


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    found: Rows = pq.read_table(folder / "run" / "parts").to_pylist()
    return found


def test_chunks_with_some_and_without_others(run: Asked, connection: Any, rows: Rows) -> None:
    found = carries(connection, run, ["tides", "3"], ["Rope"], examples=4)
    wanted = [row for row in rows if {1, 3} <= set(row["concept_ids"]) and 4 not in row["concept_ids"]]
    assert (found.with_, found.without) == (("Tides", "Boats"), ("Rope",))
    assert (found.chunks, found.of_chunks) == (len(wanted), len(rows))
    assert found.documents == len({row["doc_id"] for row in wanted})
    assert {name: n for name, n, _ in found.sources} == {
        source: len([row for row in wanted if row["source"] == source]) for source in {row["source"] for row in wanted}
    }
    assert len({example["doc_id"] for example in found.examples}) == 4
    best = max(dict(zip(row["concept_ids"], row["scores"], strict=True))[1] for row in wanted)
    assert found.examples[0]["score"] == pytest.approx(best)
    assert all("Tides" in each["concepts"] and each["text"] for each in found.examples)
    assert 1 not in {id_ for id_, _, _ in found.beside}


def test_a_least_score_counts_for_what_is_carried(run: Asked, connection: Any, rows: Rows) -> None:
    scores = [dict(zip(row["concept_ids"], row["scores"], strict=True)).get(2, 0) for row in rows]
    assert carries(connection, run, ["High water"], least=0.7).chunks == sum(score >= 0.7 for score in scores) > 0


def test_without_alone_and_within_a_source(run: Asked, connection: Any, rows: Rows) -> None:
    found = carries(connection, run, [], ["Lamps"], source="1.jsonl")
    own = [row for row in rows if row["source"] == "1.jsonl"]
    assert (found.chunks, found.of_chunks) == (sum(5 not in row["concept_ids"] for row in own), len(own))
    assert [name for name, _, _ in found.sources] == ["1.jsonl"]


@pytest.mark.parametrize(
    ("with_", "source", "said"),
    [
        (["Tiedes"], None, "did you mean 1 .'Tides'"),
        (["77"], None, "'77': no concept"),
        ([], None, "--with CONCEPT"),
        (["Tides"], "1.json", "did you mean '1.jsonl'"),
        (["Tides"], "nothing like it", "there are '"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    run: Asked, connection: Any, with_: list[str], source: str | None, said: str
) -> None:
    with pytest.raises(AtlasError, match=said):
        carries(connection, run, with_, source=source)


def test_a_merged_name_means_its_heir_and_a_retired_one_is_refused(folder: Path) -> None:
    edited = edit.retire(edit.merge(LIBRARY, ["Tides", "High water"]).library, "Rope").library
    store.save(edited, folder / "edited")
    run = asked(str(folder / "run"), folder / "edited")
    with connected([run]) as connection:
        assert carries(connection, run, ["2"]).with_ == ("Tides",)
        with pytest.raises(AtlasError, match="retired"):
            carries(connection, run, ["Rope"])


def test_what_a_source_is_made_of(run: Asked, connection: Any, rows: Rows) -> None:
    every = made_of.sources(connection, run)
    whole = made_of.whole(every)
    assert (whole.chunks, whole.documents) == (len(rows), len(rows) / 2)
    one = next(each for each in every if each.name == "0.jsonl")
    shares = made_of.shares(connection, run, "0.jsonl", one, whole)
    assert [each.log_likelihood for each in shares] == sorted((each.log_likelihood for each in shares), reverse=True)
    for each in shares:
        here = sum(each.concept_id in row["concept_ids"] for row in rows if row["source"] == "0.jsonl")
        rest = sum(each.concept_id in row["concept_ids"] for row in rows if row["source"] != "0.jsonl")
        assert (each.chunk_share, each.elsewhere) == (here / one.chunks, rest / (whole.chunks - one.chunks))
        assert each.token_share == pytest.approx(each.chunk_share)  # all chunks of this run have five tokens
    with pytest.raises(AtlasError, match="can't be divided by 'scores'; it has doc_id, source, kind, status"):
        made_of.sources(connection, run, "scores")


def test_sources_of_one_kind_do_not_differ_and_lengths_are_counted(run: Asked, connection: Any, rows: Rows) -> None:
    found = compare(connection, *sides(connection, [run], values=["0.jsonl", "1.jsonl"]))
    assert (found.documents, found.chunks, found.tested) == ((40, 40), (80, 80), 5)
    assert all(each.q > 0.05 for each in found.differences)
    for each in found.differences:
        own = [row for row in rows if row["source"] == "0.jsonl"]
        assert each.share_a == sum(each.concept_id in row["concept_ids"] for row in own) / 80
        assert each.low <= each.difference <= each.high


def test_a_source_and_the_rest_are_the_whole(run: Asked, connection: Any) -> None:
    found = compare(connection, *sides(connection, [run], values=["2.jsonl"]))
    assert (found.b, found.documents) == ("the rest", (40, 80))
    assert compare(connection, *sides(connection, [run], values=["2.jsonl"]), documents=10_000).too_rare == 5


def test_two_runs_that_differ_in_one_concept(folder: Path, tmp_path: Path) -> None:
    """In the second run no chunk is of Lamps."""
    labelled_run(tmp_path, Labels())
    for part in (tmp_path / "run" / "parts").iterdir():
        table, metadata = pq.read_table(part), pq.read_metadata(part).metadata
        changed = [
            {**row, "concept_ids": [i for i in row["concept_ids"] if i != 5]}
            | {"scores": [s for i, s in zip(row["concept_ids"], row["scores"], strict=True) if i != 5]}
            for row in table.to_pylist()
        ]
        rewritten = table.from_pylist(changed, schema=table.schema.with_metadata({b"atlas": metadata[b"atlas"]}))
        pq.write_table(rewritten, part)
    runs = [asked(str(folder / "run"), name="a"), asked(str(tmp_path / "run"), folder / "library", name="b")]
    with connected(runs) as connection:
        found = compare(connection, *sides(connection, runs))
    assert [each.name for each in found.differences if each.q < 0.05] == ["Lamps"]
    assert (found.differences[0].share_b, found.differences[0].documents_b, found.in_both) == (0, 0, 120)


@pytest.mark.parametrize("values", [[], ["0.jsonl"] * 2, ["0.jsonl", "1.jsonl", "2.jsonl"]])
def test_sides_that_are_none(run: Asked, connection: Any, values: list[str]) -> None:
    with pytest.raises(AtlasError, match="compare two runs"):
        sides(connection, [run], values=values)


def test_runs_of_two_libraries_are_not_compared(folder: Path, tmp_path: Path) -> None:
    other = edit.retire(LIBRARY, "Rope").library
    labelled_run(tmp_path, Labels(library=other.digest))
    store.save(other, tmp_path / "library")
    runs = [asked(str(folder / "run"), name="a"), asked(str(tmp_path / "run"), name="b")]
    with connected(runs) as connection, pytest.raises(AtlasError, match="of different libraries"):
        sides(connection, runs)


def test_ids_that_the_library_lacks_are_refused(folder: Path, tmp_path: Path) -> None:
    store.save(type(LIBRARY)(LIBRARY.concepts[:3]), tmp_path / "small")
    run = asked(str(folder / "run"), tmp_path / "small")
    with connected([run]) as connection, pytest.raises(AtlasError, match=r"2 concepts that the library lacks \(4, 5\)"):
        refuse_unknown_ids(connection, run)


def test_verbs_answer_as_the_questions_do(folder: Path, run: Asked, connection: Any) -> None:
    assert verbs.carries(folder / "run", ["tides"], ["Rope"]) == carries(connection, run, ["tides"], ["Rope"])
    every = made_of.sources(connection, run)
    whole = made_of.whole(every)
    found = verbs.source(folder / "run")
    assert list(found) == every
    assert all(found[each] == made_of.shares(connection, run, each.name, each, whole) for each in every)
    one = every[0].name
    assert list(verbs.source(folder / "run", [one])) == [every[0]]
    assert verbs.compare(folder / "run", [one]) == compare(connection, *sides(connection, [run], values=[one]))
    assert verbs.compare([folder / "run", folder / "run"]).differences


def test_verbs_refuse_a_facet_that_is_none(folder: Path) -> None:
    with pytest.raises(AtlasError, match="colour"):
        verbs.source(folder / "run", facet="colour")
