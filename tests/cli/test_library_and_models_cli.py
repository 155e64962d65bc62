"""atlas library and atlas models, as a curator types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "concept_library"


def atlas(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "atlas.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_help_names_every_verb() -> None:
    text = atlas("--help").stdout
    verbs = "run chunk tag canonicalize train evaluate annotate status retry library models report"
    assert all(f" {verb} " in text for verb in verbs.split())


def test_shipped_library_is_lint_clean() -> None:
    done = atlas("library", "lint", str(LIBRARY))
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 errors" in done.stdout


def test_lint_twin_names_both_concepts_and_exits_with_one(tmp_path: Path) -> None:
    text = (LIBRARY / "tone.yaml").read_text()
    (tmp_path / "tone.yaml").write_text(text.replace("name: Formal", "name: technicals"))
    done = atlas("library", "lint", str(tmp_path), "--json")
    assert done.returncode == 1
    assert {json.loads(line)["rule"] for line in done.stdout.splitlines()} >= {"twin"}


def test_lint_of_broken_yaml_names_file_and_line_and_exits_with_one(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text("area: tone\nconcepts:\n  - id: one\n")
    done = atlas("library", "lint", str(tmp_path))
    assert done.returncode == 1
    assert "tone.yaml:3: error: id must be a whole number, not 'one' [schema]" in done.stdout


def test_stats_counts_the_shipped_concepts() -> None:
    out = atlas("library", "stats", str(LIBRARY)).stdout
    assert "2,608 active, 314 retired" in out


def test_search_by_alias_finds_the_concept_first() -> None:
    out = atlas("library", "search", "walkthrough", "--library", str(LIBRARY), "--no-meaning").stdout
    assert "Tutorial" in out.splitlines()[2]


@pytest.mark.parametrize("words", ["", "  "])
def test_search_for_no_words_is_refused(words: str) -> None:
    done = atlas("library", "search", words, "--library", str(LIBRARY))
    assert done.returncode == 2
    assert "no words to look for" in done.stderr


@pytest.mark.parametrize("asked", ["1", "Tutorial", "tutorials"])
def test_show_by_id_or_name_prints_the_entry(asked: str) -> None:
    out = atlas("library", "show", asked, "--library", str(LIBRARY)).stdout
    assert "name: Tutorial" in out


def test_show_with_an_evaluation_says_how_well_the_concept_is_found(tmp_path: Path) -> None:
    card = {"concept_id": 1, "examples": 12, "support": 3, "precision": 0.5, "recall": None, "roc_auc": 0.9}
    measured = {"heldout": {}, "systems": [], "concepts": [card | {"threshold": 0.2, "confused_with": [2, 999_999]}]}
    (tmp_path / "evaluation.json").write_text(json.dumps(measured))
    asked = ("library", "show", "1", "--library", str(LIBRARY), "--evaluation", str(tmp_path / "evaluation.json"))
    out = atlas(*asked).stdout
    assert "# found: 12 training chunks; on 3 held-out chunks: precision 0.50, AUC 0.90, given from 0.20" in out
    assert "given in its place: 2 '" in out
    assert "999" not in out


def test_show_unknown_concept_says_where_to_look() -> None:
    done = atlas("library", "show", "no such thing", "--library", str(LIBRARY))
    assert done.returncode == 2
    assert "atlas library search" in done.stderr


def test_models_list_names_licences() -> None:
    out = atlas("models", "list").stdout
    assert "smollm2-135m-instruct" in out
    assert all("Apache-2.0" in line for line in out.splitlines()[2:])


def test_models_fetch_unknown_name_lists_the_known(tmp_path: Path) -> None:
    done = atlas("models", "fetch", "no-such-model")
    assert done.returncode == 2
    assert "smollm2-135m-instruct" in done.stderr
