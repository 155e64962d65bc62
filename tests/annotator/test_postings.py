"""Postings: a weight in a byte is as near as a byte can be, whatever the shape of the matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from unpacked import unpacked

from atlas.annotator.postings import column_type, near, postings


def matrix(seed: int, rows: int, columns: int, density: float) -> sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    made = sparse.random(rows, columns, density, "csr", np.float32, rng)
    made.data *= np.exp(rng.normal(0, 3, made.nnz)).astype(np.float32)
    return made


SHAPES = {"seed": st.integers(0, 99), "rows": st.integers(0, 40), "columns": st.integers(1, 90)}


@settings(deadline=None)
@given(**SHAPES, density=st.floats(0, 1), signed=st.booleans())
def test_a_weight_is_off_by_half_a_step_at_most(
    seed: int, rows: int, columns: int, density: float, signed: bool
) -> None:
    wanted = matrix(seed, rows, columns, density)
    if signed:
        wanted.data *= np.random.default_rng(seed).choice([-1, 1], wanted.nnz).astype(np.float32)
    dense = wanted.toarray()
    step = np.abs(dense).max(axis=1, initial=0) / (127 if signed else 255)
    assert (np.abs(unpacked(postings(wanted, signed)) - dense) <= 0.5001 * step[:, None]).all()


def test_rows_of_many_entries_are_kept_whole_and_those_of_few_as_lists() -> None:
    wanted = np.zeros((3, 64), dtype=np.float32)
    wanted[0, :50], wanted[1, 7] = 1, 1
    made = postings(sparse.csr_matrix(wanted), signed=False)
    assert made.rows.tolist() == [[0, -1], [0, 1], [1, 0]]
    assert made.dense.shape == (1, 64)
    assert made.columns.tolist() == [7]


def test_no_column_is_no_weight() -> None:
    made = postings(sparse.csr_matrix((5, 0), dtype=np.float32), signed=True)
    assert unpacked(made).shape == (5, 0)
    assert made.rows[:, 1].tolist() == [0] * 5


@settings(deadline=None)
@given(**SHAPES)
def test_near_keeps_every_cosine_to_half_a_step(seed: int, rows: int, columns: int) -> None:
    wanted = sparse.random(rows, columns, 0.2, "csr", np.float32, np.random.default_rng(seed))
    made = near(wanted)
    found = np.zeros((rows, columns))
    np.add.at(found, (np.arange(rows)[:, None], made.columns), made.values / 255)
    assert found == pytest.approx(wanted.toarray(), abs=0.5001 / 255)


@pytest.mark.parametrize(("columns", "kind"), [(1, np.uint16), (1 << 16, np.uint16), ((1 << 16) + 1, np.uint32)])
def test_columns_are_numbered_by_the_narrowest_type(columns: int, kind: type) -> None:
    assert column_type(columns) is kind
    assert np.iinfo(kind).max >= columns - 1
