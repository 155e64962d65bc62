"""The JSON Schema of library files, for editors and for other programs."""

import json
from typing import Any

from atlas.library.check import COUNTS, MAX_ID, REQUIRED, STATUSES
from atlas.tables import FACETS

_ID = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
_NUMBER = {"type": "integer", "minimum": 0}
_EMPTY = {"type": "null"}  # a key with nothing behind it is as good as none

KEYS: dict[str, dict[str, Any]] = {
    "id": {**_ID, "description": "Permanent; unique in the whole folder; never used again."},
    "facet": {"enum": list(FACETS), "description": "Topic, name, tone, or kind of text."},
    "name": {"type": "string", "pattern": r"\S", "description": "What people see; sentence case."},
    "description": {"type": "string", "description": "One sentence."},
    "question": {
        "type": "string",
        "description": "The yes-or-no question that decides whether a passage has the concept.",
    },
    "aliases": {"type": "array", "items": {"type": "string"}, "description": "Other names, given by people."},
    "taxonomy": {"type": "string", "description": "Path in a classification, / between steps."},
    "confidence": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "Probability that the taxonomy's first step is right; none where a person wrote it.",
    },
    "status": {
        "enum": list(STATUSES),
        "description": "active where not given. Retired concepts stay and are never given to a chunk.",
    },
    "replaced_by": {**_ID, "description": "For retired concepts: id of the one that takes over."},
    "locked": {"type": "boolean", "description": "A rebuild writes only members and counts."},
    "members": {
        "type": "object",
        "additionalProperties": _NUMBER,
        "description": "Raw tags that the build put here, with the number of chunks each is on.",
    },
    "examples": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"quote": {"type": "string"}, "doc_id": {"type": "string"}},
            "required": ["quote", "doc_id"],
            "additionalProperties": False,
        },
        "description": "Quotes that show the concept.",
    },
    "counts": {
        "type": "object",
        "properties": dict.fromkeys(COUNTS, _NUMBER),
        "additionalProperties": False,
        "description": "How often it was seen when the library was last built.",
    },
}


def schema() -> dict[str, Any]:
    """The schema of one file of a library."""
    optional = {key: _or_empty(value) for key, value in KEYS.items() if key not in REQUIRED}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Atlas concept library",
        "description": "One file of a concept library: an area and its concepts.",
        "type": "object",
        "properties": {
            "area": {"type": ["string", "null"], "description": "The file's name, without .yaml."},
            "concepts": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "properties": {key: KEYS[key] for key in REQUIRED} | optional,
                    "required": list(REQUIRED),
                    "additionalProperties": False,
                },
            },
        },
        "required": ["concepts"],
        "additionalProperties": False,
    }


def _or_empty(value: dict[str, Any]) -> dict[str, Any]:
    about = {"description": value["description"]}
    return about | {"anyOf": [{key: part for key, part in value.items() if key != "description"}, _EMPTY]}


TEXT = json.dumps(schema(), indent=2) + "\n"
