"""Budgets and estimates: the limit that is reached first decides, and what is not known is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.llm.costs import Prices
from atlas.tagging.budget import Budget, ChunkCost, Probed, affordable, cost_of
from atlas.tagging.config import SampleConfig
from atlas.tagging.estimate import estimate

COST = ChunkCost(prompt_tokens=300, completion_tokens=100, seconds=0.5, money=0.002, basis="tried")


@pytest.mark.parametrize(
    ("limits", "chunks", "by"),
    [
        ({}, 1000, "chunks"),
        ({"chunks": 50}, 50, "chunks"),
        ({"tokens": 40_000}, 100, "tokens"),
        ({"minutes": 10}, 1200, "minutes"),
        ({"money": 3}, 1500, "money"),
        ({"money": 3, "minutes": 10}, 1200, "minutes"),
        ({"money": 3, "minutes": 10, "tokens": 40_000, "chunks": 20}, 20, "chunks"),
        ({"tokens": 1}, 1, "tokens"),
    ],
)
def test_limit_reached_first_decides(limits: dict[str, int], chunks: int, by: str) -> None:
    assert affordable(SampleConfig.model_validate(limits), COST) == Budget(chunks, by)  # type: ignore[arg-type]


@given(st.integers(1, 10**9), st.floats(1, 5000), st.floats(0, 5000))
def test_chunks_paid_for_keep_to_the_tokens(tokens: int, prompt: float, completion: float) -> None:
    chunks = affordable(SampleConfig(tokens=tokens), ChunkCost(prompt, completion)).chunks
    assert chunks == 1 or chunks * (prompt + completion) <= tokens * (1 + 1e-6) + prompt + completion


@pytest.mark.parametrize(
    ("limits", "advice"),
    [
        ({"tokens": 10}, "use chunks"),
        ({"minutes": 10}, r"set engine\.chunks_per_s"),
        ({"money": 10}, r"set engine\.price_per_hour"),
    ],
)
def test_limit_in_something_unknown_says_what_to_do(limits: dict[str, int], advice: str) -> None:
    with pytest.raises(AtlasError, match=advice):
        affordable(SampleConfig.model_validate(limits), ChunkCost(basis="the model is to be fetched first"))


def test_cost_is_the_mean_of_the_probe() -> None:
    cost = cost_of(Probed(chunks=10, prompt_tokens=2000, completion_tokens=500, seconds=20), Prices(per_hour=3.6))
    assert (cost.prompt_tokens, cost.completion_tokens, cost.seconds) == (200, 50, 2)
    assert cost.money == pytest.approx(0.002)


def test_rate_of_the_settings_stands_for_the_probed_one() -> None:
    cost = cost_of(Probed(10, 2000, 500, 20.0), Prices(per_hour=3.6), chunks_per_s=100)
    assert cost.seconds == 0.01
    assert cost.money == pytest.approx(0.00001)


def test_without_a_price_there_is_no_money() -> None:
    assert cost_of(Probed(10, 2000, 500, 20.0), Prices()).money is None


def test_prices_of_tokens_and_hours_add_up() -> None:
    prices = Prices(per_hour=2, per_million_input=1, per_million_output=4)
    assert prices.of(500_000, 250_000, 1800) == pytest.approx(0.5 + 1.0 + 1.0)


def test_estimate_multiplies_the_cost_of_a_chunk() -> None:
    found = estimate(SampleConfig(chunks=700), 5000, COST)
    assert (found.chunks, found.decided_by) == (700, "chunks")
    assert (found.prompt_tokens, found.completion_tokens) == (210_000, 70_000)
    assert (found.seconds, found.money) == (350, pytest.approx(1.4))


def test_estimate_of_a_small_corpus_is_of_what_it_has() -> None:
    found = estimate(SampleConfig(), 40, COST)
    assert (found.chunks, found.decided_by) == (40, "corpus")


def test_estimate_leaves_open_what_is_not_known() -> None:
    found = estimate(SampleConfig(), 5000, ChunkCost(seconds=0.4, basis="the documented rate"))
    assert (found.prompt_tokens, found.money, found.basis) == (None, None, "the documented rate")
    assert found.seconds == pytest.approx(400)
