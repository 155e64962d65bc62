"""Every mistake of every file is told at once, one line each, with what to write instead."""

from pathlib import Path

import pytest

from atlas.errors import AtlasError
from atlas.library import store
from atlas.library.read import SHOWN, LibraryError

GOOD = "  - id: {0}\n    facet: tone\n    name: Calm {0}\n    description: Without haste.\n"


def mistakes(folder: Path, **files: str) -> list[str]:
    """What is said of a folder of these files, line by line, without the folder."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    with pytest.raises(LibraryError) as raised:
        store.load(folder)
    assert len(raised.value.mistakes) >= str(raised.value).count("\n")
    return str(raised.value).replace(f"{folder}/", "").splitlines()


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    tone = (
        "concepts:\n  - id: '1'\n    facet: mood\n    name: on\n    description: Calm.\n    colour: red\n"
        "  - id: 2\n    facet: tone\n    aliases: kind\n"
    )
    said = mistakes(tmp_path, tone=tone, form="area: form\nconcepts:\n  - id: 0\n    facet: form\n    name: Ode\n")
    places = [line.split(": ")[0] for line in said]
    assert places == ["form.yaml:3", *(f"tone.yaml:{n}" for n in (2, 3, 4, 6, 7, 9))]
    assert said[1] == "tone.yaml:2: id must be a whole number, not '1'; take the quotes off"
    assert said[3].endswith("put it in quotes")


def test_mistake_in_one_entry_does_not_hide_those_of_others(tmp_path: Path) -> None:
    text = (
        "concepts:\n" + GOOD.format(1) + "  - id: 2\n    facet: tone\n    name: 'open\n    description: Calm.\n"
        "  - id: 3\n    facet: mood\n    name: Sad\n    description: Low.\n"
        "  - id: 4\n    facet: tone\n    name: Mad: very\n    description: High.\n" + GOOD.format(5)
    )
    said = mistakes(tmp_path, tone=text)
    assert [line.split(":")[1] for line in said] == ["8", "11", "16"]
    assert (
        said[0]
        == "tone.yaml:8: not valid YAML: found unexpected end of stream; a quote that opens here is never closed"
    )
    assert "text with ': ' in it goes in quotes" in said[2]


def test_mistake_outside_of_the_entries_is_told_too(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, tone="area: a: b\nconcepts:\n" + GOOD.format(1))
    assert said.startswith("tone.yaml:1: not valid YAML: mapping values are not allowed in this context; text with ")


def test_many_mistakes_are_counted(tmp_path: Path) -> None:
    text = "concepts:\n" + "".join(GOOD.format(n).replace("tone", "mood") for n in range(1, 1001))
    said = mistakes(tmp_path, tone=text)
    assert len(said) == SHOWN + 1
    assert said[-1] == "and 950 mistakes more; mend these first"


def test_key_that_is_nearly_right_is_suggested(tmp_path: Path) -> None:
    said = mistakes(tmp_path, tone="concepts:\n" + GOOD.format(1) + "    replacedby: 3\n")
    assert said[0].endswith("; did you mean replaced_by?")


def test_each_merge_conflict_is_one_mistake(tmp_path: Path) -> None:
    conflict = f"<<<<<<< HEAD\n{GOOD.format(1)}=======\n{GOOD.format(2)}>>>>>>> theirs\n"
    said = mistakes(tmp_path, tone="concepts:\n" + conflict + GOOD.format(3) + conflict)
    assert [line.split(": ")[0] for line in said] == ["tone.yaml:2", "tone.yaml:17"]
    assert "merge conflict marker; resolve the conflict first" in said[0]


def test_two_versions_of_one_concept_are_told_apart_from_a_shared_id(tmp_path: Path) -> None:
    other = GOOD.format(1).replace("haste", "hurry")
    (said,) = mistakes(tmp_path, one="concepts:\n" + GOOD.format(1), two="concepts:\n" + other)
    assert said == (
        "two.yaml:2: id 1 is taken by 'Calm 1' (one.yaml:2), with another description; make one entry of the two"
    )
    (said,) = mistakes(tmp_path, two="concepts:\n" + GOOD.format(1))
    assert said.endswith("in the same words; take one of the two out")


def test_merges_in_opposite_directions_are_told_with_both_places(tmp_path: Path) -> None:
    retired = GOOD + "    status: retired\n    replaced_by: {1}\n"
    (said,) = mistakes(tmp_path, one="concepts:\n" + retired.format(1, 2), two="concepts:\n" + retired.format(2, 1))
    assert said == (
        "one.yaml:2: replaced_by leads in a circle: 1 ('Calm 1', one.yaml:2) by 2, 2 ('Calm 2', two.yaml:2) by 1; "
        "decide which one stays, and take replaced_by out there"
    )


def test_heir_with_a_mistake_of_its_own_is_not_told_as_missing(tmp_path: Path) -> None:
    heir = GOOD.format(2).replace("tone", "mood")
    said = mistakes(tmp_path, tone="concepts:\n" + GOOD.format(1) + "    replaced_by: 2\n" + heir)
    assert [line.split(": ")[0] for line in said] == ["tone.yaml:8"]


def test_yaml_bomb_is_refused_without_being_opened(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )
    assert "tone.yaml:1: anchors and aliases are not used here" in mistakes(tmp_path, tone=bomb)[0]


def test_tab_is_named(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, tone="concepts:\n" + GOOD.format(1) + "\tquestion: Is it?\n")
    assert said == "tone.yaml:6: not valid YAML: a tab stands in the indentation; indent with spaces"


def test_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "tone.yaml").open("wb") as file:
        file.truncate(200 << 20)
    assert mistakes(tmp_path) == ["tone.yaml: is larger than 64 MiB; split it by area"]


@pytest.mark.parametrize("word", ["<<", "="])
def test_words_with_a_meaning_in_yaml_are_to_be_quoted(word: str, tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, tone="concepts:\n" + GOOD.format(1) + f"    question: {word}\n")
    assert said == f"tone.yaml:6: '{word}' has a meaning of its own in YAML; put it in quotes"


def test_survey_gives_what_can_be_read_beside_the_mistakes(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text("concepts:\n" + GOOD.format(1) + GOOD.format(2).replace("tone", "mood"))
    reading = store.survey(tmp_path)
    assert [concept.id for concept in reading.library.concepts] == [1]
    assert [mistake.line for mistake in reading.mistakes] == [7]


def test_reading_says_where_concepts_stand(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text("# Head.\nconcepts:\n" + GOOD.format(1) + "\n# second\n" + GOOD.format(2))
    assert store.read(tmp_path).where == {1: (tmp_path / "tone.yaml", 3), 2: (tmp_path / "tone.yaml", 9)}


def test_broken_library_is_not_saved_over(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text("concepts:\n" + GOOD.format("one"))
    with pytest.raises(AtlasError, match="id must be a whole number"):
        store.save(store.survey(tmp_path).library, tmp_path)
