"""Index types of Milvus that vectors may be kept by, and how each is searched.

Milvus Lite takes the name of any type without a word and keeps another, so names are checked here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model.errors import QueryError, shown

METRIC = "IP"


@dataclass(frozen=True)
class MilvusIndex:
    """Index type.

    Attributes:
        name: name, as Milvus knows it.
        exact: whether a search by it compares all vectors.
        building: parameters that it is made with.
        searching: parameters of a search for so many answers.
    """

    name: str
    exact: bool
    building: dict[str, Any]
    searching: Callable[[int], dict[str, Any]]


_NLIST = 1024
TYPES = {
    each.name: each
    for each in (
        MilvusIndex("FLAT", True, {}, lambda depth: {}),
        MilvusIndex("IVF_FLAT", False, {"nlist": _NLIST}, lambda depth: {"nprobe": 128}),
        MilvusIndex("IVF_SQ8", False, {"nlist": _NLIST}, lambda depth: {"nprobe": 128}),
        MilvusIndex(
            "HNSW",
            False,
            {"M": 16, "efConstruction": 200},
            lambda depth: {"ef": max(800, 2 * depth)},
        ),
    )
}
"""Index types that tests have run, by name."""


def milvus_index(name: str) -> MilvusIndex:
    """The index type of a name.

    Raises:
        QueryError: no test has run an index of that type.
    """
    found = TYPES.get(name.upper())
    if found is None:
        raise QueryError(
            f"vectors are not kept by a Milvus index of type {shown(name)[:60]}",
            f"choose one of {', '.join(TYPES)}",
        )
    return found
