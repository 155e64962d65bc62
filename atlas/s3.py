"""S3 and stores that speak its protocol: a filesystem by its URL, and its errors in words.

pyarrow's own ``FileSystem.from_uri`` is not used: it can't set retries, and what it makes would lose them on the way to
a worker process (pyarrow 26.0.1 leaves the retry strategy out when it pickles).
"""

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import pyarrow.fs as pafs

from atlas.errors import AtlasError

PREFIX = "s3://"
MAX_ATTEMPTS = 10  # of one request, about a minute with the waits between; pyarrow's own are 3
CONNECT_SECONDS = 5.0  # the SDK's own second is short where a store is far away or busy
SILENT_SECONDS = 20.0  # without a byte; the SDK's own are 3, which a store that puts a large object together may take

_TRUTH = {"true": True, "false": False}
_OPTIONS: dict[str, Callable[[str], Any]] = {
    "region": str,
    "endpoint_override": str,
    "scheme": str,
    "anonymous": _TRUTH.__getitem__,
    "role_arn": str,
    "session_name": str,
    "external_id": str,
    "connect_timeout": float,
    "request_timeout": float,
    "max_attempts": int,
    "force_virtual_addressing": _TRUTH.__getitem__,
    "tls_ca_file_path": str,
}

RIGHTS = "Use a key that may do this, or mend its rights."
BUCKET = "Make the bucket, or mend its name."
REACH = "The store was asked again and again; see that it can be reached."
_CODE = re.compile(r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d+)\))?")  # answers to HEAD have a status alone
_DENIED = {"ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID"}
_PASSING = {
    "NETWORK_CONNECTION",
    "SLOW_DOWN",
    "THROTTLING",
    "SERVICE_UNAVAILABLE",
    "INTERNAL_FAILURE",
    "REQUEST_TIMEOUT",
}


def filesystem_of(url: str) -> tuple[pafs.FileSystem, str]:
    """Filesystem and path behind ``s3://bucket/key?option=value&…``; docs/reference/object-stores.md has the options.

    What the URL does not say comes from the environment as for the AWS command line: keys, profile and region, the
    endpoint (``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``) and ``AWS_MAX_ATTEMPTS``. A region that nobody names is
    asked of the bucket.

    Raises:
        AtlasError: an option is unknown or has a wrong value, or the URL holds keys.
    """
    address, _, query = url.removeprefix(PREFIX).partition("?")
    bucket, slash, key = address.partition("/")
    if not bucket:
        raise AtlasError(f"{url}: names no bucket; write {PREFIX}BUCKET/FOLDER")
    if "@" in bucket:  # the URL goes into run.json and into messages
        raise AtlasError(
            f"{PREFIX}…@{bucket.rpartition('@')[2]}{slash}{key}: holds keys, which would be seen; put them into "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or into a profile"
        )
    said = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    options = _options(url, query, said)
    return _opened(bucket, tuple(sorted(options.items())), tuple(sorted(said.items()))), bucket + slash + unquote(key)


def _options(url: str, query: str, environment: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "request_timeout": SILENT_SECONDS,
        "max_attempts": MAX_ATTEMPTS,
    }
    named = {
        "endpoint_override": environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL"),
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "max_attempts": environment.get("AWS_MAX_ATTEMPTS"),
    }
    given = {name: value for name, value in named.items() if value} | dict(parse_qsl(query, keep_blank_values=True))
    for name, value in given.items():
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise AtlasError(f"{url}: unknown option {name!r}; there are {known} (a ? in a name is written %3F)")
        try:
            options[name] = _OPTIONS[name](value)
        except (ValueError, KeyError):
            raise AtlasError(f"{url}: option {name} can't be {value!r}") from None
    scheme, separator, host = options.get("endpoint_override", "").partition("://")
    if separator:
        options |= {"scheme": scheme, "endpoint_override": host.rstrip("/")}
    return options


@lru_cache(maxsize=32)
def _opened(bucket: str, options: tuple[tuple[str, Any], ...], _: tuple[tuple[str, str], ...]) -> "S3":
    """One filesystem, and so one pool of connections, for all that is read and written with the same settings."""
    settings = dict(options)
    if not settings.get("region") and not settings.get("endpoint_override"):
        with in_words():
            settings["region"] = pafs.resolve_s3_region(bucket)
    return S3(**settings)


class S3(pafs.S3FileSystem):
    """pyarrow's S3, which takes its retries along when it is pickled, and whose errors say what to do."""

    def __init__(self, *, max_attempts: int, **options: Any) -> None:
        # Delayed open: an object of less than 10 MB takes one request in place of three. Background writes stay on:
        # without them, pyarrow 26.0.1 completes an upload of which a piece failed, and a cut off object appears.
        strategy = pafs.AwsStandardS3RetryStrategy(max_attempts=max_attempts)
        super().__init__(allow_delayed_open=True, background_writes=True, retry_strategy=strategy, **options)
        self._settings = options | {"max_attempts": max_attempts}

    def __reduce__(self) -> Any:
        return _again, (self._settings,)

    def create_dir(self, path: str, *, recursive: bool = True) -> None:
        """Does nothing. A folder is there when an object is in it; pyarrow would write empty objects for it."""

    def get_file_info(self, paths_or_selector: Any) -> Any:
        with in_words():
            return super().get_file_info(paths_or_selector)

    def open_input_file(self, path: str) -> Any:
        with in_words():
            return super().open_input_file(path)

    def open_input_stream(self, path: str, *args: Any, **options: Any) -> Any:
        with in_words():
            return super().open_input_stream(path, *args, **options)

    def delete_file(self, path: str) -> None:
        with in_words():
            super().delete_file(path)


def _again(settings: dict[str, Any]) -> S3:
    return S3(**settings)


@contextmanager
def in_words() -> Iterator[None]:
    """Turns the errors of S3 into those of Python, with what to do about them."""
    try:
        yield
    except OSError as error:
        known = explained(error)
        if known is error:
            raise
        raise known from error


def explained(error: OSError) -> OSError:
    """PermissionError, FileNotFoundError or ConnectionError for what S3 says; other errors as they are."""
    said = str(error).rstrip(".")
    found = _CODE.search(said)
    if found is None or error.errno is not None:
        return error
    code, status = found[1], int(found[2] or 0)
    if code in _DENIED or status in (401, 403):
        return PermissionError(errno.EACCES, f"{said}. {RIGHTS}")
    if code == "NO_SUCH_BUCKET":
        return FileNotFoundError(errno.ENOENT, f"{said}. {BUCKET}")
    if code in _PASSING or status == 429 or status >= 500:
        return ConnectionError(f"{said}. {REACH}")
    return error


def says_what_to_do(error: OSError) -> bool:
    """Whether ``explained`` has put it in words."""
    return str(error).endswith((RIGHTS, BUCKET, REACH))
