"""Compiled code depends on its own file alone, as numba's cache looks only there for changes."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import atlas

ROOT = Path(atlas.__path__[0])
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in ROOT.rglob("*.py")
    if "@njit" in path.read_text(encoding="utf-8")
)


def test_there_is_compiled_code() -> None:
    annotator = {f"atlas.annotator.{name}" for name in ("company", "features", "kernels", "linear", "ranker")}
    assert annotator | {"atlas.chunking.pieces"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_compiled_functions_use_what_stands_in_their_own_file(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(inspect.getsource(module))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("atlas")
        for alias in node.names
    }
    compiled = [
        function
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and any("njit" in ast.unparse(d) for d in function.decorator_list)
    ]
    assert compiled
    for function in compiled:
        used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        assert not used & imported, function.name
