"""Thrift's compact protocol, as far as a Parquet footer needs it: values in, the same bytes out.

A struct is a dict of field id → ``(type, value)``; a list is ``(type of its items, values)``. What a field means is
not looked at, so fields that this code does not know come through. Source: the Thrift compact protocol specification,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
Struct = dict[int, tuple[int, Any]]


def read_struct(data: bytes | memoryview, at: int = 0) -> tuple[Struct, int]:
    """The struct that begins at a place, and the place after it.

    Raises:
        ValueError: the bytes are no compact Thrift, or hold a map.
    """
    fields: Struct = {}
    last = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return fields, at
        kind, step = head & 0x0F, head >> 4
        if step:
            last += step
        else:
            number, at = _read_varint(data, at)
            last = _unzigzag(number)
        if kind in (TRUE, FALSE):
            fields[last] = kind, None
        else:
            value, at = _read_value(data, at, kind)
            fields[last] = kind, value


def _read_value(data: bytes | memoryview, at: int, kind: int) -> tuple[Any, int]:
    if kind in (I16, I32, I64):
        number, at = _read_varint(data, at)
        return _unzigzag(number), at
    if kind == BINARY:
        length, at = _read_varint(data, at)
        return bytes(data[at : at + length]), at + length
    if kind == STRUCT:
        return read_struct(data, at)
    if kind in (LIST, SET):
        head = data[at]
        at += 1
        count, item = head >> 4, head & 0x0F
        if count == 15:
            count, at = _read_varint(data, at)
        values = []
        for _ in range(count):
            value, at = _read_value(data, at, item)
            values.append(value)
        return (item, values), at
    if kind in (TRUE, FALSE, BYTE):  # within a list, a truth value takes a byte
        return data[at], at + 1
    if kind == DOUBLE:
        return bytes(data[at : at + 8]), at + 8
    raise ValueError(f"Thrift type {kind} is not expected in a Parquet footer")


def write_struct(fields: Struct) -> bytes:
    """The bytes of a struct."""
    out = bytearray()
    _write_struct(out, fields)
    return bytes(out)


def _write_struct(out: bytearray, fields: Struct) -> None:
    last = 0
    for number, (kind, value) in sorted(fields.items()):
        step = number - last
        if 0 < step < 16:
            out.append(step << 4 | kind)
        else:
            out.append(kind)
            _write_varint(out, _zigzag(number))
        last = number
        if kind not in (TRUE, FALSE):
            _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _write_varint(out, _zigzag(value))
    elif kind == BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind in (LIST, SET):
        item, values = value
        if len(values) < 15:
            out.append(len(values) << 4 | item)
        else:
            out.append(0xF0 | item)
            _write_varint(out, len(values))
        for each in values:
            _write_value(out, item, each)
    elif kind == DOUBLE:
        out += value
    else:
        out.append(value)


def _read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _write_varint(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _unzigzag(number: int) -> int:
    return number >> 1 ^ -(number & 1)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1
