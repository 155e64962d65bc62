"""The dataset card: README.md with what the hub and ``datasets`` read in front, and what people read below."""

from typing import Any

import pyarrow as pa
import yaml

from atlas.products.hf_dataset.facts import Config, Facts

TASKS = ["text-classification", "text-retrieval", "feature-extraction"]


def card(facts: Facts) -> str:
    """The text of README.md."""
    front = yaml.safe_dump(_front(facts), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{front}---\n\n{_body(facts)}"


def _front(facts: Facts) -> dict[str, Any]:
    front: dict[str, Any] = {
        "pretty_name": facts.title,
        "license": facts.license,
        **({"language": list(facts.language)} if facts.language else {}),
        "annotations_creators": ["machine-generated"],
        "task_categories": TASKS,
        "size_categories": [facts.size_category],
        "tags": ["concepts", "interpretability", "croissant"],
        "configs": [
            {
                "config_name": config.name,
                **({"default": True} if number == 0 else {}),
                "data_files": [{"split": "train", "path": config.pattern}],
            }
            for number, config in enumerate(facts.configs)
        ],
    }
    return front | {"dataset_info": [_info(config) for config in facts.configs]}


def _info(config: Config) -> dict[str, Any]:
    size, memory = sum(file.size for file in config.files), sum(file.memory for file in config.files)
    return {
        "config_name": config.name,
        "features": [_feature(field) for field in config.schema],
        "splits": [{"name": "train", "num_bytes": memory, "num_examples": config.rows}],
        "download_size": size,
        "dataset_size": memory,
    }


def _feature(field: pa.Field) -> dict[str, str]:
    """A column in the card's words. Lists are called ``sequence``, which every version of ``datasets`` reads."""
    if pa.types.is_list(field.type):
        return {"name": field.name, "sequence": _word(field.type.value_type)}
    return {"name": field.name, "dtype": _word(field.type)}


def _word(kind: pa.DataType) -> str:
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))


def _body(facts: Facts) -> str:
    facets = ", ".join(f"{count:,} {facet}" for facet, count in facts.facets.items())
    top = "\n".join(f"| {_cell(name)} | {facet} | {chunks:,} |" for name, facet, chunks in facts.top)
    tables = "\n".join(_columns(config) for config in facts.configs)
    per_chunk = facts.labels / facts.chunks
    return f"""# {facts.title}

Text in chunks, each with the human-understandable concepts that it carries.

| | |
|---|---|
| documents | {facts.documents:,} |
| chunks | {facts.chunks:,} |
| tokens | {facts.tokens:,} (tokenizer `{facts.footer.get("tokenizer", "unknown")}`) |
| labels | {facts.labels:,} ({per_chunk:.1f} a chunk) |
| concepts | {sum(facts.facets.values()):,} ({facets}) |

```python
from datasets import load_dataset

chunks = load_dataset("PATH_OR_NAME", "chunks", split="train")
concepts = load_dataset("PATH_OR_NAME", "concepts", split="train")
name = dict(zip(concepts["concept_id"], concepts["name"]))
print([name[concept] for concept in chunks[0]["concept_ids"]])
```

{tables}
## Most frequent concepts

| concept | facet | chunks |
|---|---|---|
{top}

## How it was made

Chunked and labelled by a trained annotator (the Python package `atlas-concepts`); no person has looked at the single
labels. The library of concepts has the digest `{facts.footer.get("library", "unknown")}`, the annotator
`{facts.footer.get("annotator", "unknown")}`; every Parquet file says so in its footer too, under the key `atlas`.

## What to know before use

- A score is the estimated probability that the language model which tagged the training sample would give the concept.
- A concept that is not listed is unknown, not false{_rejected(facts)}.
- The chunks of a document resemble each other: split by `doc_id`, not by chunk.
- Concept ids are permanent, and mean something only together with the table `concepts`.

## Licence

`{facts.license}`{_licence(facts)} It covers the texts as far as their owners gave it; see the sources of the corpus.
"""


def _rejected(facts: Facts) -> str:
    there = "rejected_ids" in facts.configs[0].schema.names
    return "; those in `rejected_ids` were considered and not given" if there else ""


def _licence(facts: Facts) -> str:
    return ": none was named when this was exported." if facts.license == "unknown" else "."


def _columns(config: Config) -> str:
    rows = "\n".join(f"| `{field.name}` | {field.type} | {config.said(field.name)} |" for field in config.schema)
    return f"## {config.name}\n\n{config.rows:,} rows.\n\n| column | type | meaning |\n|---|---|---|\n{rows}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
