"""Whatever is wrong with a library file, one message says in which file and line."""

from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.concept import Concept, Library

HEAD = "area: tone\nconcepts:\n"
GOOD = "  - id: 1\n    facet: tone\n    name: Calm\n    description: Without haste.\n"  # lines 3 to 6


def refusal(folder: Path, text: str | bytes) -> str:
    """What is said of a folder with one file, ``tone.yaml``, of this text; from the file's name on."""
    (folder / "tone.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AtlasError) as raised:
        store.load(folder)
    said = str(raised.value)
    assert "\n" not in said
    assert said.startswith(f"{folder}/")
    return said.removeprefix(f"{folder}/")


def test_good_file_loads(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(HEAD + GOOD)
    assert store.load(tmp_path) == Library((Concept(1, "tone", "Calm", "Without haste."),))


def test_folder_that_is_not_there_or_holds_no_library_is_named(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="nowhere: no such library folder; give a folder of YAML files"):
        store.load(tmp_path / "nowhere")
    with pytest.raises(AtlasError, match=r"holds no \*\.yaml file, so it is no concept library"):
        store.load(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("colour: red", "7: unknown key 'colour'; a concept has id, facet, name, "),
        ("members:\n      Calm: 1\n      nested:\n        - 1", "9: members map a tag"),
        ("colours:\n      - red", "7: unknown key 'colours'"),
        ("1: one", "7: unknown key 1"),
        ("question: 12", "7: question must be text, not 12"),
        ("question: yes", "7: question must be text, not True"),
        ("taxonomy: [a, b]", "7: taxonomy must be text, not ['a', 'b']"),
        ("confidence: 1.01", "7: confidence must be a number from 0 to 1, not 1.01"),
        ("confidence: .nan", "7: confidence must be a number from 0 to 1, not nan"),
        ("confidence: true", "7: confidence must be a number from 0 to 1, not True"),
        ("aliases: serene", "7: aliases must be a list, not 'serene'"),
        ("aliases:\n      - serene\n      - no", "9: alias False is not text; YAML reads yes, no, "),
        ("aliases: [2020-01-01]", "7: alias datetime.date(2020, 1, 1) is not text"),
        ("status: deleted", "7: status must be active or retired, not 'deleted'"),
        ("locked: 1", "7: locked must be true or false, not 1"),
        ("replaced_by: one", "7: replaced_by must be a whole number, not 'one'"),
        ("replaced_by: true", "7: replaced_by must be a whole number, not True"),
        ("members: [calm]", "7: members must be a mapping, not ['calm']"),
        ("members:\n      calm: many", "8: members map a tag (text, quoted if need be) to a count"),
        ("members:\n      calm: true", "8: members map a tag"),
        ("members:\n      calm: -1", "8: members map a tag"),
        ("members:\n      no: 1", "8: members map a tag"),
        ("examples: [quote]", "7: an example has exactly the keys quote and doc_id"),
        ("examples:\n      - quote: a", "8: an example has exactly the keys quote and doc_id"),
        ("examples:\n      - quote: a\n        doc_id: 7", "8: quote and doc_id are text; put them in quotes"),
        ("counts:\n      chunk: 1", "7: counts has the keys tags, chunks, documents"),
        ("counts:\n      chunks: many", "7: counts has the keys tags, chunks, documents, each a whole number"),
        ("counts:\n      chunks: 1.5", "7: counts has the keys"),
        ("name: Twice", "7: key 'name' is here twice; keep one"),
        ("members:\n      calm: 1\n      calm: 2", "9: key 'calm' is here twice; keep one"),
        ("question: 2021-99-99", "7: '2021-99-99': month must be in 1..12; put it in quotes"),
        ("question: &a text", "7: anchors and aliases are not used here; write it out"),
        ("question: *a", "7: anchors and aliases are not used here; write it out"),
        ("question: !!python/name:os.system", "7: tags (tag:yaml.org,2002:python/name:os.system) are not used here"),
        ("members: !!set {a, b}", "7: tags (tag:yaml.org,2002:set) are not used here"),
        ("question: !mine x", "7: tags (!mine) are not used here"),
        ("? [a]\n    : b", "7: a key must be a plain word"),
        ("\tquestion: why", "7: not valid YAML: "),
        ("question: 'open", "7: not valid YAML: found unexpected end of stream; a quote that opens here is never"),
        ("question: a: b", "7: not valid YAML: "),
        ("question: \x07", r"7: holds the control character '\x07'; take it out, or escape it"),
        ("question: " + "[" * 200, "7: is nested deeper than 100 levels"),
    ],
)
def test_wrong_line_of_a_concept_is_named(line: str, said: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, f"{HEAD}{GOOD}    {line}\n").startswith(f"tone.yaml:{said}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: 1", "id: '1'", "3: id must be a whole number, not '1'"),
        ("id: 1", "id: true", "3: id must be a whole number, not True"),
        ("id: 1", "id: 1.0", "3: id must be a whole number, not 1.0"),
        ("id: 1", "id:", "3: id must be a whole number, not None"),
        ("id: 1", "id: 0", "3: id must be from 1 to 2147483647, not 0"),
        ("id: 1", "id: -4", "3: id must be from 1 to 2147483647, not -4"),
        ("id: 1", "id: 2147483648", "3: id must be from 1 to 2147483647, not 2147483648"),
        ("facet: tone", "facet: mood", "4: facet must be one of content, entity, tone, form, not 'mood'"),
        ("facet: tone", "facet: Tone", "4: facet must be one of"),
        ("name: Calm", "name: 7", "5: name must be text, not 7"),
        ("name: Calm", "name: ' '", "5: the name is empty"),
        ("name: Calm", "name: ~", "5: name must be text, not None"),
        ("    name: Calm\n", "", "3: this concept has no name"),
        ("    facet: tone\n", "", "3: this concept has no facet"),
        ("    description: Without haste.\n", "", "3: this concept has no description"),
        ("id: 1\n    ", "", "3: this concept has no id"),
        ("name: Calm", "name: Calm\n<<<<<<< HEAD", "6: merge conflict marker; resolve the conflict first"),
        ("name: Calm", "name: Calm\n=======", "6: merge conflict marker"),
        ("name: Calm", "name: Calm\n>>>>>>> theirs", "6: merge conflict marker"),
        (GOOD, "  - Calm\n", "3: a concept must be a mapping with id, facet, name and description"),
        (GOOD, GOOD + GOOD, "7: id 1 is taken by 'Calm' ("),
        (GOOD, GOOD + "    replaced_by: 2\n", "3: replaced_by names id 2, which no concept has"),
        (HEAD, "area: tone\nconcept:\n", "1: expected the keys 'area' and 'concepts'"),
        (HEAD, "area: tone\nowner:\n  - me\nconcepts:\n", "2: unknown key 'owner'; a file has 'area' and 'concepts'"),
        (HEAD, "area: tone\n---\nconcepts:\n", "2: not valid YAML: "),
        (HEAD + GOOD, "area: tone\nconcepts: many\n", "2: 'concepts' must be a list"),
        (HEAD + GOOD, "- id: 1\n", "1: expected the keys 'area' and 'concepts'"),
        (HEAD + GOOD, "", "1: expected the keys 'area' and 'concepts'"),
        (HEAD + GOOD, "just text", "1: expected the keys 'area' and 'concepts'"),
    ],
)
def test_wrong_value_is_named_with_its_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in HEAD + GOOD
    assert refusal(tmp_path, (HEAD + GOOD).replace(old, new, 1)).startswith(f"tone.yaml:{said}")


def test_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    said = refusal(tmp_path, (HEAD + GOOD).replace("haste", "Eile, größte").encode("latin-1"))
    assert said.startswith("tone.yaml:6: is not UTF-8 (byte ")
    assert said.endswith("); save it as UTF-8")


def test_id_taken_in_another_file_names_both_places(tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_text("area: form\nconcepts:\n" + GOOD.replace("tone", "form"))
    said = refusal(tmp_path, HEAD + GOOD)
    assert said.startswith("tone.yaml:3: id 1 is taken by 'Calm' (")
    assert "form.yaml:3); ids are never shared: give this concept a new one" in said


def test_line_separators_inside_text_do_not_shift_the_line_that_is_named(tmp_path: Path) -> None:
    text = GOOD.replace("haste", "a\u2028b\u2029c\x85d") + "=======\n"
    assert refusal(tmp_path, HEAD + text).startswith("tone.yaml:7: merge conflict marker")


def test_deeply_nested_file_is_refused_in_words(tmp_path: Path) -> None:
    assert "is nested deeper than 100 levels" in refusal(tmp_path, "[" * 100_000)
