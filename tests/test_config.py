"""Pipeline files: what loads, and where a mistake is said to be."""

from dataclasses import fields
from pathlib import Path

import pytest

from atlas.canonical.build import Funnel
from atlas.canonical.config import CanonicalizeConfig, WordsConfig
from atlas.config import AnnotateConfig, load
from atlas.errors import AtlasError

ROOT = Path(__file__).parents[1]
GOOD = "name: Test\nout: runs/test\ncorpus:\n  path: corpus.parquet\n"  # lines 1 to 4


def refusal(folder: Path, text: str | bytes) -> list[str]:
    """The lines of what is said of a file ``p.yaml`` with this text, without its folder."""
    path = folder / "p.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AtlasError) as raised:
        load(path)
    said = str(raised.value).splitlines()
    assert all(line.startswith(f"{folder}/p.yaml:") for line in said)
    return [line.removeprefix(f"{folder}/") for line in said]


def test_shortest_pipeline_loads_with_every_default(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    config = load(tmp_path / "p.yaml")
    assert (config.name, config.out, config.corpus.path) == ("Test", "runs/test", "corpus.parquet")
    assert (config.chunk.target_tokens, config.annotate.executor) == (100, "local")


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_pipeline_loads(path: Path) -> None:
    assert load(path).name


def test_quickstart_reads_the_example_corpus() -> None:
    config = load(ROOT / "pipelines" / "quickstart.yaml")
    assert config.corpus.path == "examples/corpus/*.parquet"
    assert len(list(ROOT.glob(config.corpus.path))) == 3
    assert config.canonicalize.base == "concept_library"


def test_values_of_every_stage_are_taken_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        f"{GOOD}  carry: [url, lang]\nchunk:\n  max_tokens: 150\ntag:\n  sample:\n    chunks: 9\n"
        "canonicalize:\n  similarity:\n    tone: 0.5\ntrain:\n  seed: 4\nannotate:\n  text: false\n"
        "  rejected: true\n  evidence: true\n"
    )
    config = load(tmp_path / "p.yaml")
    assert config.corpus.carry == ("url", "lang")
    assert (config.chunk.max_tokens, config.tag.sample.chunks, config.train.seed) == (150, 9, 4)
    assert (config.canonicalize.similarity.tone, config.annotate.text) == (0.5, False)
    assert (config.annotate.rejected, config.annotate.evidence) == (True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{GOOD}chunks:\n  max_tokens: 3\n", "p.yaml:5: chunks: Extra inputs are not permitted"),
        (f"{GOOD}chunk:\n  max_token: 150\n", "p.yaml:6: chunk.max_token: Extra inputs are not permitted"),
        (f"{GOOD}tag:\n  sample:\n    chunk: 1\n", "p.yaml:7: tag.sample.chunk: Extra inputs are not permitted"),
        (
            f"{GOOD}tag:\n  engine:\n    kind: openai\n    model: m\n    base_url: http://h\n    url: u\n",
            "p.yaml:10: tag.engine.url: Extra",
        ),
        (f"{GOOD}tag:\n  engine:\n    kind: zork\n", "p.yaml:6: tag.engine: Input tag 'zork' found"),
        (f"{GOOD}canonicalize:\n  take: [tones]\n", "p.yaml:6: canonicalize.take: Value error, 'tones' is no facet"),
        (f"{GOOD}tag:\n  samples:\n    chunk: 1\n", "p.yaml:6: tag.samples: Extra inputs are not permitted"),
        (f"{GOOD}1: one\n", "p.yaml:5: 1"),
        (f"{GOOD}chunk:\n  yes: 1\n", "p.yaml:6: chunk.1: Keys should be strings"),
        (f"{GOOD}chunk:\n  max_tokens: many\n", "p.yaml:6: chunk.max_tokens: Input should be a valid integer"),
        (f"{GOOD}chunk:\n  max_tokens: 3\n", "p.yaml:6: chunk.max_tokens: Input should be greater than or equal to 16"),
        (f"{GOOD}chunk: 100\n", "p.yaml:5: chunk: Input should be a valid dictionary"),
        (f"{GOOD}chunk:\n  - 100\n", "p.yaml:5: chunk: Input should be a valid dictionary"),
        (f"{GOOD}chunk:\n  target_tokens: 300\n", "p.yaml:5: chunk: Value error, max_tokens (200) is below target_"),
        (f"{GOOD}  carry:\n    - url\n    - [a]\n", "p.yaml:7: corpus.carry.1: Input should be a valid string"),
        (f"{GOOD}  carry: [status]\n", "p.yaml:5: corpus.carry: Value error, column 'status' would take the place"),
        (f"{GOOD}annotate:\n  executor: cloud\n", "p.yaml:6: annotate.executor: Input should be 'local' or 'ray'"),
        (f"{GOOD}annotate:\n  workers: 0\n", "p.yaml:6: annotate.workers: Input should be greater than or equal to 1"),
        (GOOD.replace("Test", "[a, b]"), "p.yaml:1: name: Input should be a valid string"),
        (GOOD.replace("Test", "2020-01-01"), "p.yaml:1: name: Input should be a valid string"),
        (GOOD.replace("name: Test\n", ""), "p.yaml:1: name: Field required"),
        ("name: a\nout: b\n", "p.yaml:1: corpus: Field required"),
        (f"{GOOD}name: again\n", "p.yaml:5: key 'name' is here twice; keep one"),
        (f"{GOOD}chunk: &a\n  max_tokens: 150\n", "p.yaml:5: anchors and aliases are not used here"),
        (f"{GOOD}chunk:\n\tmax_tokens: 150\n", "p.yaml:6: not valid YAML: "),
        (f"{GOOD}chunk: {{\n", "p.yaml:6: not valid YAML: "),
        (f"{GOOD}<<<<<<< HEAD\n", "p.yaml:5: merge conflict marker"),
        (f"{GOOD}chunk: \0\n", r"p.yaml:5: holds the control character '\x00'"),
        ("- name: a\n", "p.yaml:1: a pipeline file is a mapping with name, out and corpus"),
        ("just text", "p.yaml:1: a pipeline file is a mapping with name, out and corpus"),
        ("", "p.yaml:1: a pipeline file is a mapping with name, out and corpus"),
        ("# comment\n", "p.yaml:1: a pipeline file is a mapping with name, out and corpus"),
    ],
)
def test_mistake_is_named_with_line_and_key(text: str, said: str, tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, text)
    assert line.startswith(said)


def test_every_mistake_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, f"{GOOD}chunk:\n  max_token: 150\n  target_tokens: few\nseed: 3\n")
    assert sorted(line.split(": ")[0:2] for line in said) == [
        ["p.yaml:6", "chunk.max_token"],
        ["p.yaml:7", "chunk.target_tokens"],
        ["p.yaml:8", "seed"],
    ]


def test_mistake_does_not_repeat_what_was_written_as_it_may_be_a_secret(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, f"{GOOD}tokens: hunter2\n")
    assert "hunter2" not in line


def test_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, GOOD.replace("runs/test", "løp").encode("latin-1"))
    assert line.startswith("p.yaml:2: is not UTF-8 (byte ")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"nowhere\.yaml: no such pipeline file"):
        load(tmp_path / "nowhere.yaml")


def test_every_key_of_canonicalize_is_in_the_reference_with_its_default() -> None:
    text = (ROOT / "docs" / "reference" / "pipeline-file.md").read_text(encoding="utf-8")
    section = text.split("\n## canonicalize\n")[1].split("\n## ")[0]
    rows = {line.split("`")[1]: line for line in section.splitlines() if line.startswith("| `")}
    assert set(CanonicalizeConfig.model_fields) | set(WordsConfig.model_fields) == {k for k in rows if "." not in k}
    for name, info in CanonicalizeConfig.model_fields.items():
        if isinstance(info.default, float | int) and not isinstance(info.default, bool):
            assert f"| {info.default} |" in rows[name]


def test_every_key_of_annotate_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "pipeline-file.md").read_text(encoding="utf-8")
    section = text.split("\n## annotate\n")[1].split("\n## ")[0]
    assert set(AnnotateConfig.model_fields) == {
        line.split("`")[1] for line in section.splitlines() if line[:3] == "| `"
    }


def test_every_step_of_the_funnel_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "runs.md").read_text(encoding="utf-8").split("| key of `funnel` |")[1]
    told = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert {field.name for field in fields(Funnel)} | {"worded", "kept"} == told
