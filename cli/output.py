"""Printing: results on stdout, all else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

    from searchengine.search.matches import Matches

LONGEST = 200  # characters of a query that are told back


def say(line: str, above: Progress | None = None) -> None:
    """One line for people, on stderr; above a live bar where there is one."""
    from model.errors import shown

    if above is None:
        print(shown(line), file=sys.stderr, flush=True)  # noqa: T201
    else:
        above.console.print(shown(line), markup=False, highlight=False)


def show(line: object) -> None:
    """Lines on stdout, flushed; in stdout's own encoding, which `typer.echo` may overrule.

    Whatever names in them hold, nothing reaches a terminal that it would obey.
    """
    from model.errors import shown

    print("\n".join(shown(each) for each in str(line).split("\n")), flush=True)  # noqa: T201


def counted(count: int, noun: str) -> str:
    """Number and noun, as "1 photo" or "2,000 photos"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def print_json(document: Any) -> None:
    """One JSON document on one line of stdout, flushed.

    ASCII: a file name that is no UTF-8 becomes escaped surrogates, which `os.fsencode` undoes.
    """
    show(json.dumps(document))


def print_paths(paths: Iterable[str], null: bool) -> None:
    """Paths, one a line; with a null byte after each, byte by byte as the system has them."""
    from model.errors import shown

    if not null:
        for path in paths:
            show(shown(path))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
    sys.stdout.flush()


def print_matches(matches: Matches, explain: bool = False) -> None:
    """A table of matches for people.

    Args:
        matches: the answer.
        explain: whether lines before it tell how the words were read.
    """
    from model.errors import shown

    for note in matches.notes:
        say(note)
    if explain:
        for translation in matches.translations:
            show(translation.explained)
    if explain and matches.explanation is not None:
        for line in matches.explanation.lines():
            show(line)
    if not len(matches):
        say("nothing is indexed that these conditions allow")
        return
    if matches.query and not matches.confident and matches[0].confidence is not None:
        query = matches.query if len(matches.query) <= LONGEST else f"{matches.query[:LONGEST]}…"
        say(f"no confident match for '{query}'; these are the nearest")
    show("rank  score  confidence  segment  x,y,w,h              photo")
    for match in matches:
        confidence = "" if match.confidence is None else f"{min(match.confidence, 0.99):.0%}"
        box = ",".join(map(str, match.box))
        line = (
            f"{match.rank:4}  {match.score:5.2f}  {confidence:>10}  {match.segment_id:7}"
            f"  {box:<19}  {shown(match.photo.path)}"
        )
        if match.proposed:
            line += " (proposed)"
        elif match.segment.origin is not None:
            line += " (kept)"
        if match.duplicates:
            line += f" (and {len(match.duplicates)} like it)"
        if match.missing:
            line += " (gone)"
        show(line)
