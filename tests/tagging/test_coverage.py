"""Coverage: chunks that between them speak of much, within the quotas, and the same on every machine."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.tagging.coverage import COMMON, Candidate, cover, word_weights


def candidate(doc_id: str, *words: int, source: str = "web", tokens: int = 100) -> Candidate:
    return Candidate(doc_id, source, tokens, np.array(sorted(set(words)), dtype=np.int32))


@st.composite
def pools(draw: st.DrawFn) -> list[Candidate]:
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 12), st.sampled_from("ab"), st.lists(st.integers(0, 20)), st.integers(1, 200)),
            max_size=40,
        )
    )
    return [candidate(f"d{doc}{source}", *words, source=source, tokens=tokens) for doc, source, words, tokens in rows]


@settings(deadline=None)
@given(pools(), st.integers(0, 20), st.integers(0, 20), st.integers(1, 3))
def test_choice_keeps_to_quotas_and_documents(pool: list[Candidate], a: int, b: int, per_document: int) -> None:
    chosen = cover(pool, {"a": a, "b": b}, per_document)
    assert len(set(chosen)) == len(chosen)
    for source, quota in (("a", a), ("b", b)):
        sizes = Counter(one.doc_id for one in pool if one.source == source)
        there = sum(min(size, per_document) for size in sizes.values())
        assert sum(pool[place].source == source for place in chosen) == min(quota, there)
    assert max(Counter(pool[place].doc_id for place in chosen).values(), default=0) <= per_document


@settings(deadline=None)
@given(pools(), st.integers(1, 20))
def test_each_choice_is_the_best_there_is(pool: list[Candidate], quota: int) -> None:
    """Lazy evaluation must not change what the plain greedy choice would be."""
    weights, seen, left = word_weights([one.words for one in pool]), Counter[int](), list(range(len(pool)))

    def gain(place: int) -> float:
        worth = sum(weights[word] / (seen[word] + 1) for word in pool[place].words.tolist())
        return worth / (pool[place].tokens + 60)

    for place in cover(pool, {"a": quota, "b": quota}, len(pool)):
        open_ = [other for other in left if pool[other].source == pool[place].source]
        assert gain(place) >= max(gain(other) for other in open_) - 1e-9
        left.remove(place)
        seen.update(pool[place].words.tolist())


def test_every_topic_is_chosen_before_one_is_chosen_again() -> None:
    sizes = {0: 36, 1: 34, 2: 30}
    pool = [candidate(f"{topic}-{n}", 3 * topic, 3 * topic + 1) for topic, size in sizes.items() for n in range(size)]
    chosen = cover(pool, {"web": 3}, 1)
    assert {pool[place].doc_id.split("-")[0] for place in chosen} == {"0", "1", "2"}


def test_words_of_few_chunks_draw_nothing() -> None:
    """A chunk of hashes and typing errors is as good as an empty one."""
    plain = [candidate(f"d{number}", number % 4) for number in range(40)]
    garbage = candidate("garbage", *range(100, 200))
    assert 40 not in cover([*plain, garbage], {"web": 20}, 1)


def test_long_chunk_must_say_more_than_a_short_one() -> None:
    filler = [candidate(f"f{number}", number % 2) for number in range(20)]
    long, short = candidate("long", 0, 1, tokens=200), candidate("short", 0, 1, tokens=50)
    assert cover([*filler, long, short], {"web": 1}, 1) == [21]


def test_weights_are_of_words_that_several_but_not_all_have() -> None:
    chunks = [np.array([0, 1] if number < COMMON else [0], np.int32) for number in range(50)]
    chunks[-1] = np.array([0, 2], np.int32)
    everywhere, some, once = word_weights(chunks)
    assert some > everywhere == once == 0


def test_empty_pool_gives_nothing() -> None:
    assert cover([], {"web": 3}, 1) == []
