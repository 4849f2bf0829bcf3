"""Arrays as PostgreSQL takes them in binary form, made of columns at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_KINDS = {"int2": (21, ">i2"), "int8": (20, ">i8"), "float4": (700, ">f4"), "float8": (701, ">f8")}
_BYTES = 17
_NULL = b"\xff\xff\xff\xff"


class BinaryArray(bytes):
    """An array for a parameter `%b`, which is cast to its type in the statement."""


class BinaryArrayDumper(Dumper):
    """Dumper of what is in binary form already; the server infers the type."""

    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        """The bytes themselves."""
        return bytes(obj)


def numbers(values: Sequence[int | float | None], kind: str) -> BinaryArray:
    """N numbers of a type of PostgreSQL, as "int8"; None is NULL."""
    oid, layout = _KINDS[kind]
    rows = np.empty(len(values), np.dtype([("length", ">i4"), ("value", layout)]))
    rows["length"] = rows.dtype.itemsize - 4
    if None not in values:
        rows["value"] = values
        return _array(oid, len(values), rows.tobytes())
    rows["value"] = [0 if value is None else value for value in values]
    sent = rows.view(f"V{rows.dtype.itemsize}").tolist()
    parts = [_NULL if value is None else row for row, value in zip(sent, values, strict=True)]
    return _array(oid, len(values), b"".join(parts), nulls=True)


def byte_strings(values: Sequence[bytes], oid: int = _BYTES) -> BinaryArray:
    """N values of a type that is sent as these bytes: of bytea, unless `oid` names another."""
    lengths = np.fromiter(map(len, values), ">i4", len(values)).view("V4").tolist()
    parts = [part for pair in zip(lengths, values, strict=True) for part in pair]
    return _array(oid, len(values), b"".join(parts))


def oid_of(connection: psycopg.Connection[tuple[object, ...]], name: str) -> int:
    """Number of an extension's type on a server."""
    return int(connection.adapters.types[name].oid)


def _array(oid: int, count: int, elements: bytes, *, nulls: bool = False) -> BinaryArray:
    # one dimension, whether there is a NULL, type of the elements, their number, the first's place
    return BinaryArray(np.array([1, nulls, oid, count, 1], ">i4").tobytes() + elements)
