"""The verbs are functions of the package, and importing it costs next to nothing."""

import subprocess
import sys

import pytest

import atlas

VERBS = (
    "run chunk sample estimate tag retag canonicalize train evaluate annotate report status retry "
    "token_stream query carries source compare contamination open_corpus read_windows"
).split()
EXPORTS = "fineweb field_guide cooccurrence lift hf_dataset".split()


@pytest.mark.parametrize("verb", VERBS)
def test_package_verb_is_a_function_each_time_it_is_asked_for(verb: str) -> None:
    assert callable(getattr(atlas, verb))
    assert callable(getattr(atlas, verb))


@pytest.mark.parametrize("product", EXPORTS)
def test_package_exports_are_functions_of_export(product: str) -> None:
    assert callable(getattr(atlas.export, product))


def test_package_names_are_all_there() -> None:
    assert [name for name in atlas.__all__ if not hasattr(atlas, name)] == []


def test_package_reader_needs_neither_verbs_nor_torch() -> None:
    code = (
        "import sys, atlas; atlas.read_windows; "
        "print(*(m for m in ('torch', 'ray', 'duckdb', 'numba', 'atlas.verbs') if m in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_package_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="frobnicate"):
        _ = atlas.frobnicate


def test_import_alone_loads_no_heavy_library() -> None:
    code = "import sys, atlas, atlas.cli.main; print(*(m for m in ('torch', 'ray', 'faiss') if m in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
