"""A prompt file that is none is refused with all that is wrong in it."""

from pathlib import Path

import pytest
from pydantic import PositiveInt

from atlas.errors import AtlasError
from atlas.llm import prompt_files
from atlas.llm.prompt_files import PromptPart


class Greeting(PromptPart):
    version: str
    words: PositiveInt


def greeting(name: str) -> Greeting:
    return prompt_files.read(name, "atlas.tagging", Greeting.model_validate)


def test_file_is_read_anew_once_it_is_edited(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    for words in (2, 3):
        file.write_text(f"version: own\nwords: {words}\n")
        assert greeting(str(file)) == Greeting(version="own", words=words)


def test_every_mistake_is_named_in_a_line_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("words: 0\ntone: warm\n")
    with pytest.raises(AtlasError) as caught:
        greeting(str(file))
    assert str(caught.value).splitlines() == [
        f"prompt {file}: not a valid prompt file:",
        "  version: Field required",
        "  words: Input should be greater than 0",
        "  tone: Extra inputs are not permitted",
    ]


@pytest.mark.parametrize("content", [b"", b"words", b"- words", b"words: [", b"\xff", b"words: 2024-13-13"])
def test_what_is_no_mapping_of_keys_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(content)
    with pytest.raises(AtlasError, match=r"own\.yaml: not a valid prompt file: \S"):
        greeting(str(file))


@pytest.mark.parametrize("name", ["json.v9", "../prompts/json.v1", ""])
def test_unknown_name_is_answered_with_those_that_ship(name: str) -> None:
    with pytest.raises(AtlasError, match=r"no such file, and Atlas ships json\.v1, "):
        greeting(name)
