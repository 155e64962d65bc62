"""A library comes back from SKOS, CSV and Parquet as it went out."""

import dataclasses
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.library.exchange import files
from atlas.library.exchange.merge import merge
from atlas.library.exchange.records import COLUMNS, Source, record
from atlas.library.exchange.sources import addresses
from atlas.tables import FACETS

SHIPPED = Path(__file__).parents[2] / "concept_library"
ENDINGS = (".ttl", ".rdf", ".csv", ".parquet")

SMALL = Library(
    (
        Concept(1, "content", "Tides", "Rise and fall of the sea.", taxonomy="Science / Oceanography"),
        Concept(
            2,
            "content",
            "Rowing",
            "Moving a boat with oars.",
            aliases=("sculling", "oarsmanship", "Rowing"),
            members={"row": 3, "sculling": 2, "Rowing": 9},
        ),
        Concept(5, "tone", "Calm", "Says things\nwithout haste.", question="Is it said without haste?", locked=True),
        Concept(
            7,
            "entity",
            "Bergen",
            "",
            status="retired",
            replaced_by=9,
            examples=(Example("rain in Bergen: again", "b#3"), Example("rain in Bergen: again", "a.jsonl#3")),
            counts=Counts(tags=4, chunks=3, documents=2),
        ),
        Concept(9, "entity", "Bergen (city)", "City on Norway's west coast."),
    )
)


def returned(library: Library, ending: str, sources: dict[str, tuple[int, Source]] | None = None) -> Library:
    """The library that an empty folder would have after export and import; sources have to come back too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"library{ending}"
        files.write(library, sources or {}, path)
        merged = merge(Library(()), {}, files.read(path).entries)
    assert addresses(merged.sources) == addresses(sources or {})
    return merged.library


def test_a_record_has_every_field_of_a_concept() -> None:
    """A field that is added to Concept must be added to the exchange formats, or exports would lose it."""
    fields = {field.name for field in dataclasses.fields(Concept)} - {"counts"}
    counts = {field.name for field in dataclasses.fields(Counts)}
    assert fields | counts | {"uri"} == set(COLUMNS) == set(record(SMALL.concepts[0]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_library_comes_back_equal(ending: str) -> None:
    assert returned(SMALL, ending) == SMALL
    assert returned(store.load(SHIPPED), ending) == store.load(SHIPPED)


@pytest.mark.parametrize("ending", ENDINGS)
def test_sources_come_back(ending: str) -> None:
    uri = "http://example.org/vocabulary#c_7"
    assert returned(SMALL, ending, {uri: (9, Source(uri))}) == SMALL


_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_awkward = st.sampled_from(
    [
        "a | b",
        "[a]",
        '["a"]',
        " a",
        "a ",
        "a\r\nb",
        "\ra",
        "=1+1",
        '"',
        "''",
        "\\",
        "a\tb",
        "<a>&amp;",
        "]]>",
        "@en",
        "é",
    ]
)
_words = _text | _awkward
_some_name = _words.filter(str.strip)
_tags = _some_name | st.sampled_from(["Tides", "tide", "a"])


@st.composite
def _libraries(draw: st.DrawFn, words: st.SearchStrategy[str], names: st.SearchStrategy[str]) -> Library:
    ids = draw(st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=4, unique=True))
    names = names | st.sampled_from(["Tides", "tide", "a"])
    concepts = [
        Concept(
            id=number,
            facet=draw(st.sampled_from(FACETS)),
            name=draw(names),
            description=draw(words),
            question=draw(words),
            aliases=tuple(draw(st.lists(names, max_size=4))),
            taxonomy=draw(words) or None,
            confidence=draw(st.none() | st.floats(0, 1)),
            status=draw(st.sampled_from(["active", "retired"])),
            replaced_by=draw(st.none() | st.sampled_from(ids)),
            locked=draw(st.booleans()),
            members=draw(st.dictionaries(names, st.integers(0, 2**40), max_size=4)),
            examples=tuple(Example(*pair) for pair in draw(st.lists(st.tuples(words, words), max_size=3))),
            counts=Counts(*draw(st.tuples(*[st.integers(0, 2**40)] * 3))),
        )
        for number in sorted(ids)
    ]
    return Library(tuple(concepts))


@settings(max_examples=60, deadline=None)
@given(library=_libraries(_words, _some_name), ending=st.sampled_from((".ttl", ".csv", ".parquet")))
def test_any_library_comes_back_equal(library: Library, ending: str) -> None:
    assert returned(library, ending) == library


_XML = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")


@settings(max_examples=40, deadline=None)
@given(
    library=_libraries(st.text(_XML, max_size=12) | _awkward, (st.text(_XML, min_size=1) | _awkward).filter(str.strip))
)
def test_any_library_that_xml_can_hold_comes_back_equal(library: Library) -> None:
    assert returned(library, ".rdf") == library


def test_what_xml_cannot_hold_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    bad = Library((Concept(3, "content", "Bell \x07", "Rings."),))
    with pytest.raises(AtlasError, match=r"concept 3 .* which RDF/XML can't hold; take it out, or export as Turtle"):
        files.write(bad, {}, tmp_path / "bell.rdf")
    assert list(tmp_path.iterdir()) == []


def test_an_ending_of_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"no ending to write; name it \.ttl"):
        files.write(SMALL, {}, tmp_path / "library.xlsx")
    with pytest.raises(AtlasError, match="no such file"):
        files.read(tmp_path / "library.csv")


def test_exports_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for ending in ENDINGS:
        for name in ("a", "b"):
            files.write(SMALL, {}, tmp_path / f"{name}{ending}")
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
