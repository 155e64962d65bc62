"""Spreadsheets that people wrote, files that other tools edited, and libraries that meet."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.errors import AtlasError
from atlas.library.concept import Concept, Library
from atlas.library.exchange import files
from atlas.library.exchange.merge import merge
from atlas.library.exchange.records import Entry, Source

TIDES = Concept(1, "content", "Tides", "Rise and fall of the sea.", aliases=("ebb",), members={"tide": 3, "flow": 1})
ROWING = Concept(2, "content", "Rowing", "Moving a boat with oars.", replaced_by=1, status="retired")
BASE = Library((TIDES, ROWING))


def entries(library: Library) -> list[Entry]:
    return [Entry(concept) for concept in library.concepts]


def test_a_spreadsheet_needs_only_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeffname,aliases,locked\nTides,ebb | flow,yes\n\nRowing,,\n", encoding="utf-8")
    merged = merge(Library(()), {}, files.read(tmp_path / "a.csv", facet="entity").entries)
    assert merged.library.concepts == (
        Concept(1, "entity", "Tides", "", aliases=("ebb", "flow"), locked=True),
        Concept(2, "entity", "Rowing", ""),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,colour\n", ":1: unknown column 'colour'; the columns of a concept are id, facet, name"),
        ("id\n", ":1: no column 'name'"),
        ("", ":1: no column 'name'"),
        ("name,id\nTides,x\n", ":2: id must be a whole number, not 'x'"),
        ("name,id\nTides,-1\n", ":2: id must be from 1 to 2147483647, not -1"),
        ("name,id\n ,1\n", ":2: has no name"),
        ("name,facet\nTides,sea\n", ":2: facet must be one of content, entity, tone, form, not 'sea'"),
        ("name,status\nTides,gone\n", ":2: status must be active or retired, not 'gone'"),
        ("name,locked\nTides,maybe\n", ":2: locked must be true or false, not 'maybe'"),
        ("name,members\nTides,tide\n", ":2: members is not valid JSON"),
        ('name,members\nTides,"{""a"": -1}"\n', ":2: members map a tag to the number of its chunks"),
        ("name,members\nTides,3\n", ":2: members must be a mapping"),
        ('name,examples\nTides,"[{""quote"": ""a""}]"\n', ":2: an example has exactly the keys quote and doc_id"),
        ("name,aliases\nTides,[1]\n", ":2: aliases must be a list of text"),
        ("name,tags\nTides,-1\n", ":2: tags must be a whole number from 0 on, not -1"),
        ("name\nTides,1\n", ":2: has more cells than the header has columns"),
        ('name\n"Tides"x\n', ":2: not valid CSV"),
    ],
)
def test_a_bad_row_is_named_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(AtlasError) as raised:
        files.read(tmp_path / "a.csv")
    assert str(raised.value).startswith(f"{tmp_path / 'a.csv'}{said}")


def test_other_encodings_and_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("name\nFjärd\n".encode("latin-1"))
    with pytest.raises(AtlasError, match=r"a\.csv: is not UTF-8 \(byte 7\)"):
        files.read(tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_text("name")
    with pytest.raises(AtlasError, match="not a Parquet file"):
        files.read(tmp_path / "a.parquet")


def test_parquet_of_another_hand_needs_only_names(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["Tides", None], "tags": [3, 1]}), tmp_path / "a.parquet")
    with pytest.raises(AtlasError, match=r"a\.parquet, row 1: has no name"):
        files.read(tmp_path / "a.parquet")
    pq.write_table(pa.table({"name": ["Tides"], "aliases": [["ebb"]]}), tmp_path / "a.parquet")
    assert [e.concept for e in files.read(tmp_path / "a.parquet").entries] == [
        Concept(0, "content", "Tides", "", aliases=("ebb",))
    ]


def test_labels_edited_in_another_tool_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    files.write(BASE, {}, path)
    edited = path.read_text().replace('skos:altLabel "ebb"@en', 'skos:altLabel "spring tides"@en')
    path.write_text(edited.replace('skos:hiddenLabel "flow"@en , "tide"@en', 'skos:hiddenLabel "tide"@en , "surge"@en'))
    assert files.read(path).entries[0].concept == replace(
        TIDES, aliases=("spring tides",), members={"tide": 3, "surge": 0}
    )


def test_an_edited_export_changes_the_library_but_for_locked_concepts() -> None:
    base = Library((TIDES, replace(ROWING, locked=True)))
    edited = Library((replace(TIDES, name="Ebb and flow", aliases=("Tides",)), replace(ROWING, description="Oars.")))
    merged = merge(base, {}, entries(edited))
    assert merged.library == Library((edited.concepts[0], base.concepts[1]))
    assert merged.became == {"changed": 1, "locked, kept as it is": 1}


def test_an_id_never_comes_to_mean_something_else() -> None:
    other = Library((Concept(1, "content", "Chess", "A game."),))
    with pytest.raises(AtlasError, match=r"id 1 is 'Tides' \(content\) in the library, but 'Chess' .* give --new-ids"):
        merge(BASE, {}, entries(other))


def test_another_librarys_concepts_get_new_ids_and_keep_their_heirs() -> None:
    other = Library(
        (
            Concept(1, "content", "Chess", "A game."),
            Concept(2, "content", "Tide", "Of the sea.", aliases=("spring tide",)),
            Concept(9, "content", "Schach", "A game.", status="retired", replaced_by=1),
        )
    )
    merged = merge(BASE, {}, entries(other), new_ids=True)
    assert merged.library.by_id[3] == replace(other.concepts[0], id=3)
    assert merged.library.by_id[4] == replace(other.concepts[2], id=4, replaced_by=3)
    assert merged.library.by_id[1] == replace(TIDES, aliases=("ebb", "spring tide"))


def test_an_id_that_a_concept_once_had_is_not_given_again() -> None:
    fresh = [Entry(Concept(0, "content", "Chess", "A game."))]
    assert merge(BASE, {}, fresh, next_id=9).library.by_id[9].name == "Chess"
    gone = {"http://t/7": (7, Source("http://t/7"))}
    assert merge(BASE, gone, fresh).library.by_id[8].name == "Chess"


def test_a_heir_that_is_nowhere_is_refused() -> None:
    with pytest.raises(AtlasError, match="is replaced by 1, which neither the file nor the library has"):
        merge(Library(()), {}, [Entry(ROWING)])
