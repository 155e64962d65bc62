"""Complete prompts on any server that speaks OpenAI's HTTP API: vLLM, llama.cpp, Ollama, hosted ones."""

import asyncio
import json
import logging
import os
import random
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from atlas.errors import AtlasError, Unavailable
from atlas.llm.base import Completion, Finish, Prompt, Sampling
from atlas.llm.costs import EngineCosts, Prices
from atlas.llm.plain_text import marks_broken, until_stop

if TYPE_CHECKING:
    import httpx  # takes a tenth of a second, which a command that asks no server need not wait

RETRY_AFTER_MAX_S = 120.0  # rate windows last a minute; a quota that resets in hours should fail, not hang
CONNECT_MAX_S = 10.0  # so that a host which drops packets is reported after a minute or so
STOPS_MAX = 4  # what OpenAI's API accepts
DETAIL_CHARS = 300
TRANSIENT = frozenset({408, 409, 429})  # and every 5xx
FINISHES: dict[str | None, Finish] = {"stop": "stop", "length": "length", "content_filter": "refused"}
PATHS = {"chat": "/chat/completions", "completions": "/completions"}
JSON = {"Content-Type": "application/json"}
# Statuses that no prompt escapes, and what to mend.
ADVICE = {
    401: "check the key: environment variable {variable} {held}",
    402: "the account has no credit left",
    403: "check that the key (environment variable {variable} {held}) may use model {model!r}",
    404: "check base_url (it usually ends in /v1) and model {model!r}",
}

log = logging.getLogger(__name__)


class OpenAIConfig(EngineCosts):
    """Where the server is and how hard to press it. The key is named here, never held."""

    # Input stays out of validation errors, and names are capitals: a key pasted here is refused unprinted.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["openai"] = Field(default="openai", description="Which engine this configures.")
    base_url: str = Field(pattern=r"^https?://[^\s@?#]+$", description="Such as http://127.0.0.1:8000/v1.")
    model: str = Field(min_length=1, description="Model name as the server knows it.")
    api: Literal["chat", "completions"] = Field(default="chat", description="Messages, or one text.")
    structured: Literal["json_schema", "vllm", "none"] = Field(
        default="json_schema",
        description="How output is bound: by OpenAI's response_format (a schema, in chat alone), by vLLM's "
        "structured_outputs (a schema or a regular expression, in both), or not at all.",
    )
    key_variable: str = Field(
        default="OPENAI_API_KEY",
        pattern="^[A-Z_][A-Z0-9_]*$",
        description="NAME of the variable with the key.",
    )
    concurrency: int = Field(default=32, ge=1, description="Requests in flight at once, per call.")
    timeout_s: float = Field(default=60, gt=0, description="Seconds one request may take as a whole.")
    attempts: int = Field(default=6, ge=1, le=100, description="Tries per prompt, the first one included.")
    backoff_s: float = Field(default=0.5, ge=0, description="Longest wait after try one; doubles each try.")
    backoff_max_s: float = Field(default=30, ge=0, description="Where that doubling ends.")
    price_per_million_input: float = Field(default=0, ge=0, description="Price of 1e6 prompt tokens.")
    price_per_million_output: float = Field(default=0, ge=0, description="Price of 1e6 generated tokens.")

    runs_here: ClassVar[bool] = False

    @property
    def prices(self) -> Prices:
        return Prices(self.price_per_hour, self.price_per_million_input, self.price_per_million_output)

    @property
    def probe_chunks(self) -> int:
        return self.concurrency  # fewer in flight would show a lower rate


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message | None = None  # the chat API
    text: str | None = None  # the completions API
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Reply(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    """A try that may go better next time, and the seconds the server asked us to wait."""

    reason: str
    asked_s: float = 0.0


class OpenAIEngine:
    """Completes prompts over HTTP, ``config.concurrency`` at a time, in order.

    Lost connections, timeouts, broken replies, 408, 409, 429 and 5xx are tried again; what still fails
    after ``config.attempts`` is that prompt's ``error``. Holds nothing open between calls, can be pickled,
    and may be called from a thread whose event loop is running.
    """

    name = "openai"

    def __init__(self, config: OpenAIConfig, key: str | None) -> None:
        # The HTTP library's own error would quote the whole header.
        if key and not (key.isascii() and key.isprintable()):
            raise AtlasError(f"{config.key_variable} has characters no HTTP header can carry: set it again")
        self.config = config
        self.model = config.model
        self.url = config.base_url.rstrip("/") + PATHS[config.api]
        self._key = SecretStr(key or "")

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """One completion per prompt, in order.

        Raises:
            AtlasError: nothing listens at the address, or the server refuses the key, the path or the model.
        """
        return _run(self._complete_all(prompts, sampling)) if prompts else []

    def close(self) -> None:
        """Nothing to release: connections live as long as one call."""

    async def _complete_all(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        done: dict[int, Completion] = {}
        waiting = iter(enumerate(prompts))  # shared: each worker takes the next prompt when it is free
        reached = asyncio.Event()  # has the server ever accepted a connection?

        async def work(client: "httpx.AsyncClient") -> None:
            for index, prompt in waiting:
                done[index] = await self._complete_one(client, prompt, sampling, reached)

        try:
            async with self._client() as client, asyncio.TaskGroup() as workers:
                for _ in range(min(self.config.concurrency, len(prompts))):
                    workers.create_task(work(client))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return [done[index] for index in range(len(prompts))]

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        key, width = self._key.get_secret_value(), self.config.concurrency
        return httpx.AsyncClient(
            headers=JSON | ({"Authorization": f"Bearer {key}"} if key else {}),
            # httpx bounds each read, which a trickle of bytes passes for ever; _try bounds the whole.
            timeout=httpx.Timeout(None, connect=CONNECT_MAX_S),
            limits=httpx.Limits(max_connections=width, max_keepalive_connections=width),
        )

    async def _complete_one(
        self, client: "httpx.AsyncClient", prompt: Prompt, sampling: Sampling, reached: asyncio.Event
    ) -> Completion:
        body = json.dumps(request_body(self.config, prompt, sampling))  # escaped, so any Python string can go
        reason = ""
        for attempt in range(1, self.config.attempts + 1):
            outcome = await self._try(client, body, _stops(self.config, sampling), reached)
            if isinstance(outcome, Completion):
                return outcome
            reason = f"{outcome.reason} (try {attempt} of {self.config.attempts})"
            log.info("%s: %s", self.url, reason)
            if attempt < self.config.attempts:
                await asyncio.sleep(outcome.asked_s + jittered_s(self.config, attempt))
        if not reached.is_set():
            raise Unavailable(f"Cannot connect to {self.url}: {reason}; is the server running? Check base_url")
        return Completion("", "error", detail=reason)

    async def _try(
        self, client: "httpx.AsyncClient", body: str, stop: tuple[str, ...], reached: asyncio.Event
    ) -> Completion | _Failure:
        import httpx

        async def trace(event: str, _: dict[str, Any]) -> None:
            if event.endswith("send_request_headers.started"):  # connected, TLS included
                reached.set()

        try:
            async with asyncio.timeout(self.config.timeout_s):
                response = await client.post(self.url, content=body, extensions={"trace": trace})
            return self._judge(response, stop)
        except TimeoutError:
            return _Failure(f"no reply within timeout_s = {self.config.timeout_s:g}")
        except (httpx.RequestError, httpx.InvalidURL) as error:
            return _Failure(self._shown(f"{type(error).__name__}: {error}"))
        except ValidationError as error:  # half-written, not JSON, or not a completion
            return _Failure(f"broken reply: {error.errors()[0]['msg']}")

    def _judge(self, response: "httpx.Response", stop: tuple[str, ...]) -> Completion | _Failure:
        if response.is_success:
            return completion(_Reply.model_validate_json(response.content), stop)
        status = response.status_code
        told = self._shown(f"HTTP {status}: {_server_message(response)}")
        if status in TRANSIENT or status >= 500:
            return _Failure(told, retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC)))
        advice = ADVICE.get(404 if response.is_redirect else status)
        if advice is None:
            return Completion("", "error", detail=told)  # this prompt's own fault
        held = "is set" if self._key else "is not set"
        mend = advice.format(variable=self.config.key_variable, held=held, model=self.model)
        raise Unavailable(f"{self.url}: {told}: {mend}")

    def _shown(self, text: str) -> str:
        """``text`` shortened, without the key (taken out first: a cut must not leave half of it)."""
        key = self._key.get_secret_value()
        return _short(text.replace(key, "***") if key else text)


def load(config: OpenAIConfig) -> OpenAIEngine:
    """The engine of ``config``, with the key from the environment; local servers need none."""
    return OpenAIEngine(config, os.environ.get(config.key_variable, "").strip() or None)


def request_body(config: OpenAIConfig, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
    """The JSON of one request. ``sampling.banned`` has no counterpart here and is left to the parser.

    The server tokenizes, so what looks like a special token in the prompt's text is broken by a space.
    """
    body: dict[str, Any] = {
        "model": config.model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
    }
    if stop := _stops(config, sampling):
        body["stop"] = stop[:STOPS_MAX]
    body |= _bound(config, sampling)
    text = marks_broken(prompt.text)
    if config.api == "completions":
        return body | {"prompt": prompt.static + text}
    system = [{"role": "system", "content": prompt.static}] if prompt.static else []
    return body | {"messages": [*system, {"role": "user", "content": text}]}


def _bound(config: OpenAIConfig, sampling: Sampling) -> dict[str, Any]:
    """The fields that bind the output. Servers may refuse a field they don't know, so only those that are asked for."""
    if config.structured == "vllm":  # vLLM 0.12 took guided_json and guided_regex out for this
        if sampling.schema is not None:
            return {"structured_outputs": {"json": sampling.schema}}
        return {} if sampling.regex is None else {"structured_outputs": {"regex": sampling.regex}}
    if config.structured == "json_schema" and config.api == "chat" and sampling.schema is not None:
        answer = {"name": "answer", "schema": sampling.schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": answer}}
    return {}


def _stops(config: OpenAIConfig, sampling: Sampling) -> tuple[str, ...]:
    """The stop strings that count: bound JSON ends by itself, and may hold an empty line before."""
    return () if sampling.schema is not None and _bound(config, sampling) else sampling.stop


def completion(reply: _Reply, stop: tuple[str, ...]) -> Completion:
    """What the reply's first choice says, cut before any of ``stop`` (the server saw the first four only)."""
    choice, usage = reply.choices[0], reply.usage or _Usage()
    message = choice.message or _Message(content=choice.text)
    finish = "refused" if message.refusal else FINISHES.get(choice.finish_reason, "error")
    text = message.content or ""
    if finish in ("stop", "length"):
        text, stopped = until_stop(text, stop)
        finish = "stop" if stopped else finish
    detail = ""
    if finish in ("refused", "error"):
        detail = _short(message.refusal or f"finish_reason {choice.finish_reason!r}")
    return Completion(text, finish, usage.prompt_tokens or 0, usage.completion_tokens or 0, detail)


def jittered_s(config: OpenAIConfig, attempt: int) -> float:
    """Seconds to wait after try ``attempt`` (from 1): "full jitter", AWS Architecture Blog, 2015."""
    bound = min(config.backoff_max_s, config.backoff_s * 2.0 ** (attempt - 1))
    return random.Random().uniform(0, bound)  # seeded by the system: workers seeded alike come back in step


def retry_after_s(header: str, now: datetime) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number or a date), 0 if neither."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - now).total_seconds()
        except (ValueError, TypeError):  # not a date; a date without a zone
            return 0.0
    return min(max(0.0, seconds), RETRY_AFTER_MAX_S)


def _server_message(response: "httpx.Response") -> str:
    try:
        error = response.json()["error"]
        return error if isinstance(error, str) else str(error["message"])  # Ollama; OpenAI, vLLM, llama.cpp
    except (ValueError, KeyError, TypeError):
        return response.text


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= DETAIL_CHARS else line[: DETAIL_CHARS - 1] + "…"


def _run(work: Coroutine[Any, Any, list[Completion]]) -> list[Completion]:
    """Run to the end, in another thread where this one's event loop is taken (notebooks, async actors)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
