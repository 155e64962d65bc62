"""Croissant 1.0 metadata: the dataset's files and columns as JSON-LD.

Source: MLCommons, Croissant Format Specification, version 1.0.
"""

import json
from typing import Any

import pyarrow as pa

from atlas.products.hf_dataset.facts import Config, Facts

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "equivalentProperty": "cr:equivalentProperty",
    "samplingRate": "cr:samplingRate",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
PARQUET = "application/x-parquet"


def croissant(facts: Facts) -> str:
    """The text of croissant.json."""
    value = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.title,
        "description": f"{facts.chunks:,} chunks of text, each with the human-understandable concepts that it carries.",
        "license": facts.license,
        **({"inLanguage": list(facts.language)} if facts.language else {}),
        "keywords": ["concepts", "interpretability"],
        "distribution": [each for config in facts.configs for each in _distribution(config)],
        "recordSet": [_records(config) for config in facts.configs],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _distribution(config: Config) -> list[dict[str, Any]]:
    """Each file with its checksum, and the set of them, which the columns are of.

    The set names no container: it is below the folder of croissant.json, as mlcroissant reads it.
    """
    objects = [
        {
            "@type": "cr:FileObject",
            "@id": file.name,
            "name": file.name,
            "contentUrl": file.name,
            "contentSize": f"{file.size} B",
            "encodingFormat": PARQUET,
            "sha256": file.sha256,
        }
        for file in config.files
    ]
    together = {
        "@type": "cr:FileSet",
        "@id": f"{config.name}-files",
        "name": f"{config.name}-files",
        "description": f"The Parquet files of {config.name}.",
        "encodingFormat": PARQUET,
        "includes": config.pattern,
    }
    return [*objects, together]


def _records(config: Config) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": config.name,
        "name": config.name,
        "description": f"{config.rows:,} rows.",
        **({"key": {"@id": f"{config.name}/concept_id"}} if config.name == "concepts" else {}),
        "field": [_field(config, field) for field in config.schema],
    }


def _field(config: Config, field: pa.Field) -> dict[str, Any]:
    listed = pa.types.is_list(field.type)
    return {
        "@type": "cr:Field",
        "@id": f"{config.name}/{field.name}",
        "name": field.name,
        "description": config.said(field.name),
        "dataType": _data_type(field.type.value_type if listed else field.type),
        **({"repeated": True} if listed else {}),
        "source": {"fileSet": {"@id": f"{config.name}-files"}, "extract": {"column": field.name}},
    }


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "sc:Integer"
    if pa.types.is_floating(kind):
        return "sc:Float"
    return "sc:Boolean" if pa.types.is_boolean(kind) else "sc:Text"
