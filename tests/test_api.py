"""The verbs are functions of the package, and importing it costs next to nothing."""

import subprocess
import sys

import pytest

import atlas

VERBS = "run chunk sample estimate tag retag canonicalize train evaluate annotate report status retry".split()


@pytest.mark.parametrize("verb", VERBS)
def test_package_verb_is_a_function_each_time_it_is_asked_for(verb: str) -> None:
    assert callable(getattr(atlas, verb))
    assert callable(getattr(atlas, verb))


def test_package_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="frobnicate"):
        _ = atlas.frobnicate


def test_import_alone_loads_no_heavy_library() -> None:
    code = "import sys, atlas, atlas.cli.main; print(*(m for m in ('torch', 'ray', 'faiss') if m in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
