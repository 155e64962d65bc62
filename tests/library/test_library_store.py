"""A library on disk: what is saved is what is loaded, and a save touches only what changed."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Concept, Counts, Example, Library
from atlas.tables import CONCEPTS, FACETS

SHIPPED = Path(__file__).parents[2] / "concept_library"

SMALL = Library(
    (
        Concept(1, "content", "Tides", "Rise and fall of the sea.", taxonomy="Science/Oceanography"),
        Concept(2, "content", "Rowing", "Moving a boat with oars.", aliases=("oarsmanship",), members={"row": 3}),
        Concept(5, "tone", "Calm", "Says things without haste.", question="Is it said without haste?", locked=True),
        Concept(
            7,
            "entity",
            "Bergen",
            "City in Norway.",
            status="retired",
            replaced_by=9,
            examples=(Example("rain in Bergen: again", "a.jsonl#3"),),
            counts=Counts(tags=4, chunks=3, documents=2),
        ),
        Concept(9, "entity", "Bergen (city)", "City on Norway's west coast."),
    )
)

# Words that YAML would read as something else, or folds, quotes and escapes.
AWKWARD = (
    "no", "on", "null", "~", "12", "1e3", "0x1f", "2020-01-01", "12:30:00", "=", "<<", "- a", "a: b", "a #b", "#a",
    "[a]", "{a}", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`", "'a'", '"a"', "\\n", "a\nb", "a\n\n  b\n", "\ta",
    " a ", "\x85", "a\u2028b", "\u2029", "\ufeff", "\x00\x1b\x7f", "漢字", "😀", "e\u0301", "=======",
    "<<<<<<< HEAD", "? a", ": a", ", a", "word " * 60, "x" * 300, "a\r\nb", "...", "---",
)  # fmt: skip
words = st.text(st.characters(exclude_categories=("Cs",)), max_size=40) | st.sampled_from(AWKWARD)
concepts = st.builds(
    Concept,
    id=st.integers(1, store.MAX_ID),
    facet=st.sampled_from(FACETS),
    name=words.filter(str.strip),
    description=words,
    question=words,
    aliases=st.lists(words, max_size=3).map(tuple),
    taxonomy=st.none() | st.sampled_from(["Science/Physics", "Fine arts", " / odd", "Law"]),
    confidence=st.none() | st.floats(0, 1),
    status=st.sampled_from(["active", "retired"]),
    locked=st.booleans(),
    members=st.dictionaries(words, st.integers(0, 10**9), max_size=3),
    examples=st.lists(st.builds(Example, words, words), max_size=2).map(tuple),
    counts=st.builds(Counts, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
)
libraries = st.lists(concepts, min_size=1, max_size=4, unique_by=lambda concept: concept.id).map(
    lambda found: Library(tuple(sorted(found, key=lambda concept: concept.id)))
)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=100, deadline=None)
@given(library=libraries)
def test_any_library_is_loaded_as_it_was_saved(library: Library) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store.save(library, folder)
        loaded = store.load(folder)
        assert loaded == library
        assert loaded.digest == library.digest
        before = contents(folder)
        assert store.save(loaded, folder) == []
        assert contents(folder) == before


def test_library_is_saved_by_top_level_area_in_id_order(tmp_path: Path) -> None:
    changed = store.save(SMALL, tmp_path)
    assert sorted(path.name for path in changed) == ["content.yaml", "entity.yaml", "science.yaml", "tone.yaml"]
    text = (tmp_path / "entity.yaml").read_text(encoding="utf-8")
    assert text.index("id: 7") < text.index("id: 9")
    assert text.startswith("area: entity\nconcepts:\n  - id: 7\n    facet: entity\n    name: Bergen\n")


def test_saving_again_touches_no_file(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.iterdir()}
    assert store.save(store.load(tmp_path), tmp_path) == []
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.iterdir()}
    assert after == before


def test_edit_of_one_concept_changes_its_lines_alone(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    before = contents(tmp_path)
    edited = [replace(c, description="City and harbour.") if c.id == 7 else c for c in SMALL.concepts]
    assert [path.name for path in store.save(Library(tuple(edited)), tmp_path)] == ["entity.yaml"]
    after = contents(tmp_path)
    old, new = (text["entity.yaml"].splitlines() for text in (before, after))
    assert [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]] == [
        (b"    description: City in Norway.", b"    description: City and harbour.")
    ]
    assert {name: text for name, text in after.items() if name != "entity.yaml"} == {
        name: text for name, text in before.items() if name != "entity.yaml"
    }


def test_comments_at_the_head_of_a_file_stay(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    path = tmp_path / "tone.yaml"
    path.write_text("# Tone: how it is said.\n# Åpen for alle.\n\n" + path.read_text())
    edited = [replace(c, name="Very calm") if c.id == 5 else c for c in SMALL.concepts]
    assert store.save(Library(tuple(edited)), tmp_path) == [path]
    assert path.read_text(encoding="utf-8").startswith("# Tone: how it is said.\n# Åpen for alle.\n\narea: tone\n")


def test_hand_formatted_file_stays_as_it_is_while_its_concepts_do(tmp_path: Path) -> None:
    written = "concepts:\n- {id: 3, facet: tone, name: Dry, description: 'Plain.'}  # see the minutes\n"
    (tmp_path / "tone.yaml").write_text(written)
    assert store.save(store.load(tmp_path), tmp_path) == []
    assert (tmp_path / "tone.yaml").read_text() == written


def test_concept_moved_to_another_area_is_in_one_file_only(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    moved = Library(tuple(replace(c, taxonomy="Nature/Sea") if c.id == 1 else c for c in SMALL.concepts))
    changed = store.save(moved, tmp_path)
    assert sorted(path.name for path in changed) == ["nature.yaml", "science.yaml"]
    assert not (tmp_path / "science.yaml").exists()
    assert store.load(tmp_path) == moved


def test_files_named_otherwise_are_replaced_by_those_of_the_areas(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    (tmp_path / "tone.yaml").rename(tmp_path / "mine.yaml")
    store.save(store.load(tmp_path), tmp_path)
    assert store.load(tmp_path) == SMALL
    assert not (tmp_path / "mine.yaml").exists()


def test_save_that_would_lose_a_concept_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    before = contents(tmp_path)
    without = Library(tuple(c for c in SMALL.concepts if c.id != 5))
    with pytest.raises(AtlasError, match=r"tone\.yaml:3: concept 5 \('Calm'\) is not in the library .* would be lost"):
        store.save(without, tmp_path)
    assert contents(tmp_path) == before


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("About.")
    (tmp_path / "funnel.json").write_text("{}")
    store.save(SMALL, tmp_path)
    assert (tmp_path / "README.md").read_text() == "About."
    assert store.load(tmp_path) == SMALL


def test_windows_line_ends_and_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    store.save(SMALL, tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert store.load(tmp_path) == SMALL


def test_file_without_concepts_is_an_empty_area(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text("area: tone\nconcepts:\n")
    assert store.load(tmp_path) == Library(())


def test_shipped_library_loads_and_is_saved_without_a_change() -> None:
    shipped = store.load(SHIPPED)
    assert len(shipped.active) > 20
    assert store.save(shipped, SHIPPED) == []


def test_table_of_a_library_has_one_row_a_concept() -> None:
    table = SMALL.table()
    assert table.schema == CONCEPTS
    table.validate(full=True)
    assert table.column("concept_id").to_pylist() == [1, 2, 5, 7, 9]
    assert table.column("replaced_by").to_pylist() == [None, None, None, 9, None]
    assert table.column("chunk_count").to_pylist() == [0, 0, 0, 3, 0]
