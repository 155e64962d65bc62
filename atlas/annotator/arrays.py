"""Values made of named arrays, and of such values: taken apart for a file and put together again."""

from typing import Any, get_type_hints

import numpy as np


def flat(value: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a nested named tuple, by their path: ``tables.centroids.values``."""
    found: dict[str, np.ndarray] = {}
    for name, part in value._asdict().items():
        path = f"{prefix}{name}"
        found |= {path: np.ascontiguousarray(part)} if isinstance(part, np.ndarray) else flat(part, f"{path}.")
    return found


def nested(kind: type, arrays: dict[str, np.ndarray], prefix: str = "") -> Any:
    """A nested named tuple of its arrays.

    Raises:
        KeyError: one is missing.
    """
    parts = {}
    for name, part in get_type_hints(kind).items():
        path = f"{prefix}{name}"
        parts[name] = arrays[path] if part is np.ndarray else nested(part, arrays, f"{path}.")
    return kind(**parts)


def frozen(value: Any) -> Any:
    """The same, with arrays that cannot be written to; what is compiled for these serves files mapped into memory."""
    parts = {}
    for name, part in value._asdict().items():
        if isinstance(part, np.ndarray):
            part = np.ascontiguousarray(part).view()
            part.flags.writeable = False
            parts[name] = part
        else:
            parts[name] = frozen(part)
    return type(value)(**parts)
