import asyncio
import logging
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from misbehaving_server import (
    PATIENCE_S,
    Server,
    Step,
    answer,
    cut,
    hang_up,
    raw,
    stall,
    status,
    trickle,
)
from pydantic import ValidationError

from atlas.errors import AtlasError
from atlas.llm.base import Completion, Prompt, Sampling
from atlas.llm.openai import (
    DETAIL_CHARS,
    RETRY_AFTER_MAX_S,
    OpenAIConfig,
    OpenAIEngine,
    jittered_s,
    load,
    retry_after_s,
)

KEY = "sk-test-0123456789abcdef"
SCHEMA = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def engine(server: Server, key: str | None = KEY, **settings: Any) -> OpenAIEngine:
    defaults = {"base_url": server.url, "model": "tiny", "attempts": 3, "backoff_s": 0.001}
    return OpenAIEngine(OpenAIConfig(**{**defaults, **settings}), key)


def ask(server: Server, *texts: str, stop: tuple[str, ...] = (), **settings: Any) -> list[Completion]:
    prompts = [Prompt(static="Tag this.", text=text) for text in texts]
    return engine(server, **settings).complete(prompts, Sampling(max_tokens=16, stop=stop))


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:  # bound but not listening: connecting is refused, and nobody else gets it
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# What is sent


def test_chat_prompt_is_sent_as_system_and_user_message(server: Server) -> None:
    sampling = Sampling(max_tokens=16, temperature=0.5, schema=SCHEMA, banned=("###",))
    engine(server).complete([Prompt("Tag this.", "a"), Prompt("", "b")], sampling)

    first, second = sorted(server.received, key=lambda request: request.prompt)
    assert first.path == "/v1/chat/completions"
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert first.body["messages"] == [
        {"role": "system", "content": "Tag this."},
        {"role": "user", "content": "a"},
    ]
    assert second.body["messages"] == [{"role": "user", "content": "b"}]
    assert (first.body["model"], first.body["max_tokens"], first.body["temperature"]) == ("tiny", 16, 0.5)
    assert first.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "stop" not in first.body


def test_completions_prompt_is_sent_as_one_text(server: Server) -> None:
    [done] = engine(server, api="completions").complete([Prompt("Tag this: ", "a")], Sampling(max_tokens=16))

    [request] = server.received
    assert request.path == "/v1/completions"
    assert request.body["prompt"] == "Tag this: a"
    assert done == Completion("echo Tag this: a", "stop", prompt_tokens=7, completion_tokens=3)


AS_OPENAI = {
    "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
}
BY_SCHEMA = {"schema": SCHEMA}
BY_REGEX = {"regex": "[a-z]+"}


@pytest.mark.parametrize(
    ("structured", "api", "binding", "sent"),
    [
        ("json_schema", "chat", BY_SCHEMA, AS_OPENAI),
        ("json_schema", "completions", BY_SCHEMA, {}),
        ("json_schema", "chat", BY_REGEX, {}),
        ("vllm", "chat", BY_SCHEMA, {"structured_outputs": {"json": SCHEMA}}),
        ("vllm", "completions", BY_SCHEMA, {"structured_outputs": {"json": SCHEMA}}),
        ("vllm", "completions", BY_REGEX, {"structured_outputs": BY_REGEX}),
        ("vllm", "chat", BY_REGEX, {"structured_outputs": BY_REGEX}),
        ("vllm", "chat", {}, {}),
        ("none", "chat", BY_SCHEMA, {}),
        ("none", "completions", BY_REGEX, {}),
    ],
)
def test_output_is_bound_by_the_fields_that_the_server_is_said_to_know(
    server: Server, structured: str, api: str, binding: dict[str, Any], sent: dict[str, Any]
) -> None:
    engine(server, structured=structured, api=api).complete([Prompt("", "a")], Sampling(max_tokens=16, **binding))
    body = server.received[0].body
    assert {name: body[name] for name in ("response_format", "structured_outputs") if name in body} == sent


def test_stop_strings_do_not_cut_json_that_a_schema_binds(server: Server) -> None:
    server.script["a"] = [answer('{\n\n"tags": []}')]
    sampling = Sampling(max_tokens=16, stop=("\n\n",), schema=SCHEMA)
    bound, free = (
        engine(server, structured=how).complete([Prompt("", "a")], sampling) for how in ("json_schema", "none")
    )
    assert (bound[0].text, free[0].text) == ('{\n\n"tags": []}', "{")
    assert ["stop" in request.body for request in server.received] == [False, True]


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_special_tokens_in_a_text_are_broken_and_those_of_the_static_piece_stay(server: Server, api: str) -> None:
    prompt = Prompt("<|im_start|>user\n", "one<|im_end|> </s> [/INST] <y|x> List<s> a < b")
    engine(server, api=api).complete([prompt], Sampling(max_tokens=1))
    text = "one< |im_end|> < /s> [ /INST] <y|x> List< s> a < b"
    body = server.received[0].body
    if api == "completions":
        assert body["prompt"] == prompt.static + text
    else:
        assert [message["content"] for message in body["messages"]] == [prompt.static, text]


def test_engine_without_key_sends_no_authorization(server: Server) -> None:
    ask(server, "a", key=None)
    assert "Authorization" not in server.received[0].headers


def test_load_takes_the_key_from_the_named_variable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGGER_KEY", KEY + "\n")
    config = OpenAIConfig(base_url=server.url, model="tiny", key_variable="TAGGER_KEY")
    load(config).complete([Prompt("", "a")], Sampling(max_tokens=1))
    assert server.received[0].headers["Authorization"] == f"Bearer {KEY}"


def test_more_than_four_stops_are_sent_in_part_and_kept_in_full(server: Server) -> None:
    server.script["a"] = [answer("one two END three", finish="length")]
    [done] = ask(server, "a", stop=("1", "2", "3", "4", " END"))
    assert server.received[0].body["stop"] == ["1", "2", "3", "4"]
    assert (done.text, done.finish) == ("one two", "stop")


def test_prompt_with_lone_surrogate_is_sent(server: Server) -> None:
    server.script["a\ud83d"] = [answer("fine")]
    [done] = ask(server, "a\ud83d")
    assert done.text == "fine"


# What comes back


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (answer("x", "stop", tokens=(11, 5)), Completion("x", "stop", 11, 5)),
        (answer("x", "length"), Completion("x", "length", 7, 3)),
        (answer("", "content_filter"), Completion("", "refused", 7, 3, "finish_reason 'content_filter'")),
        (answer(None, "stop", refusal="I cannot."), Completion("", "refused", 7, 3, "I cannot.")),
        (answer("x", "abort"), Completion("x", "error", 7, 3, "finish_reason 'abort'")),
        (raw(b'{"choices": [{"text": "x", "finish_reason": "stop"}]}'), Completion("x", "stop")),
    ],
)
def test_reply_is_mapped_to_its_completion(server: Server, step: Step, expected: Completion) -> None:
    server.script["a"] = [step]
    assert ask(server, "a") == [expected]


def test_no_prompts_give_no_completions_and_no_request(server: Server) -> None:
    assert ask(server) == []
    assert server.received == []


def test_completions_keep_the_order_of_prompts_answered_in_reverse(server: Server) -> None:
    texts = [str(index) for index in range(8)]
    answered = {text: threading.Event() for text in texts}
    finished: list[str] = []

    def after_the_next(text: str) -> None:
        following = answered.get(str(int(text) + 1))
        assert following is None or following.wait(PATIENCE_S)
        finished.append(text)
        answered[text].set()

    server.gate = after_the_next
    done = ask(server, *texts)
    assert finished == texts[::-1]
    assert [completion.text for completion in done] == [f"echo {text}" for text in texts]


def test_concurrency_is_reached_and_never_exceeded(server: Server) -> None:
    together = threading.Barrier(3)
    server.gate = lambda _: together.wait(PATIENCE_S)
    done = ask(server, *map(str, range(12)), concurrency=3)
    assert server.most_in_flight == 3
    assert {completion.finish for completion in done} == {"stop"}


def test_call_under_a_running_event_loop_completes(server: Server) -> None:
    async def inside() -> list[Completion]:
        return ask(server, "a", "b")

    assert [completion.text for completion in asyncio.run(inside())] == ["echo a", "echo b"]


def test_engine_pickled_and_back_completes(server: Server) -> None:
    copy = pickle.loads(pickle.dumps(engine(server)))
    copy.complete([Prompt("", "a")], Sampling(max_tokens=1))
    assert server.received[0].headers["Authorization"] == f"Bearer {KEY}"


# What is tried again


@pytest.mark.parametrize(
    "trouble",
    [
        *(pytest.param(status(code), id=str(code)) for code in (408, 409, 429, 500, 503)),
        pytest.param(status(429, headers={"Retry-After": "0"}), id="429-now"),
        pytest.param(status(503, headers={"Retry-After": "soon"}), id="503-bad-header"),
        pytest.param(cut, id="cut"),
        pytest.param(hang_up, id="hang-up"),
        pytest.param(raw(b'{"choices": [{"message": {"content": "ha'), id="half-json"),
        pytest.param(raw(b"<html>busy</html>"), id="html"),
        pytest.param(raw(b'{"choices": []}'), id="no-choice"),
        pytest.param(raw(b"\xff\xfe"), id="not-utf8"),
    ],
)
def test_trouble_that_passes_is_tried_again(server: Server, trouble: Step) -> None:
    server.script["a"] = [trouble, trouble, answer("fine")]
    fine, other = ask(server, "a", "b")
    assert (fine.text, fine.finish, fine.detail) == ("fine", "stop", "")
    assert other.text == "echo b"
    assert (server.tries("a"), server.tries("b")) == (3, 1)


@pytest.mark.parametrize("slow", [stall, trickle])
def test_reply_slower_than_the_timeout_is_tried_again(server: Server, slow: Step) -> None:
    server.script["a"] = [slow, answer("fine")]
    assert ask(server, "a", timeout_s=0.25)[0].text == "fine"
    assert server.tries("a") == 2


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (status(500, "out of memory"), "HTTP 500: out of memory (try 3 of 3)"),
        (hang_up, "RemoteProtocolError"),
        (raw(b"{"), "broken reply: Invalid JSON"),
    ],
)
def test_trouble_that_lasts_is_that_prompts_error(server: Server, trouble: Step, told: str) -> None:
    server.script["a"] = [trouble]
    failed, other = ask(server, "a", "b")
    assert (failed.text, failed.finish) == ("", "error")
    assert told in failed.detail
    assert server.tries("a") == 3
    assert other.finish == "stop"


def test_slow_server_is_an_error_and_not_taken_for_an_absent_one(server: Server) -> None:
    server.script["a"] = [stall]
    [failed] = ask(server, "a", timeout_s=0.1, attempts=1)
    assert (failed.finish, failed.detail) == ("error", "no reply within timeout_s = 0.1 (try 1 of 1)")


@pytest.mark.parametrize("code", [400, 413, 422])
def test_prompt_the_server_rejects_is_an_error_after_one_try(server: Server, code: int) -> None:
    server.script["a"] = [status(code, "prompt is too long " + "x" * 1000)]
    failed, other = ask(server, "a", "b")
    assert failed.finish == "error"
    assert failed.detail.startswith(f"HTTP {code}: prompt is too long")
    assert len(failed.detail) == DETAIL_CHARS
    assert server.tries("a") == 1
    assert other.finish == "stop"


def test_error_body_of_another_form_is_shown_as_it_is(server: Server) -> None:
    server.script["a"] = [lambda handler: handler.put(400, b'{"error": "no such option"}')]
    server.script["b"] = [lambda handler: handler.put(400, b"plain\n words")]
    assert [failed.detail for failed in ask(server, "a", "b")] == [
        "HTTP 400: no such option",
        "HTTP 400: plain words",
    ]


# What no prompt can escape


@pytest.mark.parametrize(
    ("step", "code", "mend"),
    [
        (status(401, "bad key"), "401: bad key", "OPENAI_API_KEY is set"),
        (status(402, "pay"), "402: pay", "no credit"),
        (status(403, "no"), "403: no", "'tiny'"),
        (status(404, "no model"), "404: no model", "base_url"),
        (status(308, "moved", headers={"Location": "/v2"}), "308: moved", "base_url"),
    ],
)
def test_wrong_settings_raise_and_say_what_to_mend(server: Server, step: Step, code: str, mend: str) -> None:
    server.script["a"] = [step]
    with pytest.raises(AtlasError) as caught:
        ask(server, "a", "b")
    assert f"{server.url}/chat/completions: HTTP {code}" in str(caught.value)
    assert mend in str(caught.value)
    assert server.tries("a") == 1


def test_missing_key_is_named_as_not_set(server: Server) -> None:
    server.script["a"] = [status(401)]
    with pytest.raises(AtlasError, match="OPENAI_API_KEY is not set"):
        ask(server, "a", key=None)


def test_absent_server_raises_and_names_the_address(server: Server, closed_port: int) -> None:
    with pytest.raises(AtlasError, match=rf"127\.0\.0\.1:{closed_port}.*is the server running\?"):
        ask(server, "a", "b", "c", base_url=f"http://127.0.0.1:{closed_port}/v1", concurrency=2)


# How long to wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("1.5", 1.5),
        ("-3", 0),
        ("nan", 0),
        ("86400", RETRY_AFTER_MAX_S),
        ("inf", RETRY_AFTER_MAX_S),
        ("soon", 0),
        ("Thu, 01 Jan 2026 12:00:30", 0),
        (format_datetime(NOON + timedelta(seconds=30), usegmt=True), 30),
        (format_datetime(NOON - timedelta(seconds=30), usegmt=True), 0),
        (format_datetime(NOON + timedelta(days=1), usegmt=True), RETRY_AFTER_MAX_S),
    ],
)
def test_retry_after_is_read_as_number_or_date_and_bounded(header: str, seconds: float) -> None:
    assert retry_after_s(header, NOON) == seconds


def test_retry_after_is_waited_for(server: Server) -> None:
    times: list[float] = []
    server.gate = lambda _: times.append(time.monotonic())
    server.script["a"] = [status(429, headers={"Retry-After": "0.3"}), answer("fine")]
    assert ask(server, "a")[0].text == "fine"
    assert times[1] - times[0] >= 0.3


def test_backoff_is_spread_and_its_bound_doubles_up_to_the_longest() -> None:
    config = OpenAIConfig(base_url="http://h/v1", model="m", backoff_s=1, backoff_max_s=5)
    for attempt, bound in [(1, 1), (2, 2), (3, 4), (4, 5), (100, 5)]:
        waits = [jittered_s(config, attempt) for _ in range(200)]
        assert all(0 <= wait <= bound for wait in waits)
        assert min(waits) < bound / 2 < max(waits)


# Where the key must not be


def test_key_the_server_echoes_is_in_no_detail_error_or_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.script["rejected"] = [status(400, f"key {KEY} " * 20)]
    server.script["failing"] = [status(500, "x" * (DETAIL_CHARS - 20) + KEY)]
    details = [completion.detail for completion in ask(server, "rejected", "failing")]
    server.script["refused"] = [status(401, f"Incorrect API key provided: {KEY}")]
    with pytest.raises(AtlasError) as caught:
        ask(server, "refused")

    assert all(detail.startswith("HTTP") for detail in details)
    assert "HTTP 500" in caplog.text
    for text in [*details, str(caught.value), caplog.text]:
        assert KEY[:8] not in text


def test_key_is_not_in_the_engines_representation_or_attributes(server: Server) -> None:
    made = engine(server)
    assert KEY not in f"{made!r} {made} {vars(made)} {made.config!r} {made.config.model_dump_json()}"


@pytest.mark.parametrize("key", [KEY + "\n", "“" + KEY])
def test_key_no_header_can_carry_is_refused_without_showing_it(server: Server, key: str) -> None:
    with pytest.raises(AtlasError, match="OPENAI_API_KEY") as caught:
        engine(server, key=key)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"key": KEY},
        {"key_variable": KEY},
        {"base_url": f"http://user:{KEY}@localhost/v1"},
        {"base_url": f"http://localhost/v1?key={KEY}"},
        {"base_url": "localhost:8000/v1"},
        {"concurrency": 0},
    ],
)
def test_config_with_wrong_or_secret_value_is_refused_without_showing_it(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        OpenAIConfig(**{"base_url": "http://localhost/v1", "model": "tiny", **settings})
    assert KEY not in str(caught.value)
