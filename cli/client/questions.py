"""Questions to a server, as its API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from cli.answer import Answer
from cli.client.connection import Connection
from cli.options import numbers, pointed_at
from cli.search_options import SearchOptions


def question(options: SearchOptions, **more: Any) -> dict[str, Any]:
    """A question with these options, and other fields of one; what is not given is left out."""
    conditions = {
        "path_glob": options.in_,
        "after": options.after and options.after.isoformat(" "),
        "before": options.before and options.before.isoformat(" "),
        "camera": options.camera,
        "min_area": options.min_area or None,
        "max_area": None if options.max_area == 1 else options.max_area,
        "near": options.neighbourhood(),
        "places": options.place,
    }
    fields = options.plain_counts() | {"negatives": options.weighted(), "where": _told(conditions)}
    return _told({**fields, **more})


def example_question(
    options: SearchOptions,
    line: Connection,
    photo: str | None,
    at: str | None,
    box: str | None,
    segment: int | None,
    **more: Any,
) -> Answer:
    """The answer of a server to what is like a segment, a photo, or a place in one.

    A photo whose content the server's index holds is told by that; another one is sent.

    Raises:
        SegsearchError: nothing can be asked by it, or the server does not answer.
    """
    from model.errors import NotFound
    from model.photos.files import read_once
    from model.photos.images import content_hash

    places = [each for each in (at, box, segment) if each is not None]
    if len(places) > 1 or (photo is None and segment is None):
        pointed_at(photo, at, box, segment)  # which tells what is wrong

    def asked(**thing: Any) -> Answer:
        return answer(line, question(options, example=thing, **more))

    if segment is not None:
        return asked(segment=segment)
    photo = cast(str, photo)
    place: dict[str, Any] = {"name": photo}
    if at is not None:
        place["point"] = numbers(at, 2, "a point X,Y")
    if box is not None:
        place["box"] = numbers(box, 4, "a box X,Y,W,H")
    source = read_once(photo)
    digest = content_hash(source)
    try:
        return asked(content=digest.hex(), **place)
    except NotFound:
        return asked(upload=line.upload(_bytes_of(source))["id"], **place)


def answer(line: Connection, asked: Mapping[str, Any]) -> Answer:
    """The answer of a server to a question.

    Raises:
        SegsearchError: the question makes no sense, or the server does not answer.
    """
    return answer_of(line.post("/answers", asked))


def answer_of(record: Mapping[str, Any]) -> Answer:
    """The answer in a record of the API."""
    return Answer(record["document"], record["notes"], record["reading"])


def _bytes_of(source: str | BytesIO) -> bytes:
    return Path(source).read_bytes() if isinstance(source, str) else source.getvalue()


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
