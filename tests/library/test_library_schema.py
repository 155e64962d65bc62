"""The JSON Schema says what the store says: same keys, same values, and the shipped library passes."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from test_library_store import libraries
from typer.testing import CliRunner

from atlas.cli.library.app import app
from atlas.library import check, render, schema
from atlas.library.concept import Library

ROOT = Path(__file__).parents[2]
CHECK = jsonschema.Draft7Validator(schema.schema())
GOOD = {"id": 1, "facet": "tone", "name": "Calm", "description": "Without haste."}


def refused(**changes: object) -> list[str]:
    entry = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    return [error.message for error in CHECK.iter_errors({"area": "tone", "concepts": [entry]})]


def test_schema_is_one_of_json_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema.schema())


def test_published_schema_is_this_one() -> None:
    assert (ROOT / "docs" / "reference" / "library.schema.json").read_text() == schema.TEXT
    assert json.loads(CliRunner().invoke(app, ["schema"]).output) == schema.schema()


def test_every_key_of_the_store_is_in_the_schema_and_the_reference() -> None:
    assert set(schema.KEYS) == set(check.READERS)
    reference = (ROOT / "docs" / "reference" / "library-yaml.md").read_text()
    assert all(f"| `{key}` |" in reference for key in schema.KEYS)


def test_shipped_library_passes() -> None:
    for path in (ROOT / "concept_library").glob("*.yaml"):
        assert [error.message for error in CHECK.iter_errors(yaml.safe_load(path.read_text()))] == []


@settings(max_examples=60, deadline=None)
@given(library=libraries)
def test_whatever_the_store_writes_passes(library: Library) -> None:
    CHECK.validate({"area": "any", "concepts": [render.entry(concept) for concept in library.concepts]})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "1"}, {"id": 0}, {"id": 2**31}, {"id": ...}, {"facet": "mood"}, {"name": " "}, {"name": 7},
        {"description": ...}, {"colour": "red"}, {"aliases": "kind"}, {"aliases": [1]}, {"status": "deleted"},
        {"replaced_by": "2"}, {"locked": "yes"}, {"members": ["a"]}, {"members": {"a": -1}},
        {"examples": [{"quote": "a"}]}, {"counts": {"chunk": 1}},
    ],
)  # fmt: skip
def test_what_the_store_refuses_is_refused(changes: dict[str, object]) -> None:
    assert refused() == []
    assert refused(**changes) != []


def test_keys_with_nothing_behind_them_are_fine_as_in_the_store() -> None:
    assert refused(aliases=None, question=None, members=None, status=None) == []
    assert refused(name=None) != []
