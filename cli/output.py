"""Printing: results on stdout, all else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cli.spoken import as_options

if TYPE_CHECKING:
    from rich.progress import Progress

    from cli.answer import Answer

LONGEST = 200  # characters of a query that are told back


def say(line: str, above: Progress | None = None) -> None:
    """One line for people, on stderr; above a live bar where there is one."""
    from model.errors import shown

    told = shown(as_options(line))
    if above is None:
        print(told, file=sys.stderr, flush=True)  # noqa: T201
    else:
        above.console.print(told, markup=False, highlight=False)


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


def print_matches(answer: Answer, explain: bool = False) -> None:
    """A table of matches for people.

    Args:
        answer: the answer.
        explain: whether lines before it tell how the words were read.
    """
    from model.errors import shown
    from model.percent_sure import percent_sure

    for note in answer.notes:
        say(note)
    if explain:
        for line in answer.reading:
            show(line)
    matches, query = answer.matches, answer.document["query"]
    if not matches:
        say("nothing is indexed that these conditions allow")
        return
    if query and not answer.document["confident"] and matches[0]["confidence"] is not None:
        query = query if len(query) <= LONGEST else f"{query[:LONGEST]}…"
        say(f"no confident match for '{query}'; these are the nearest")
    show("rank  score  confidence  segment  x,y,w,h              photo")
    for match in matches:
        sure = match["confidence"]
        confidence = "" if sure is None else percent_sure(sure)
        box = ",".join(map(str, match["bbox"]))
        line = (
            f"{match['rank']:4}  {match['score']:5.2f}  {confidence:>10}  {match['segment_id']:7}"
            f"  {box:<19}  {shown(match['photo'])}"
        )
        if match["proposed"]:
            line += " (proposed)"
        elif match["origin"] is not None:
            line += " (kept)"
        if match["duplicates"]:
            line += f" (and {len(match['duplicates'])} like it)"
        if match["missing"]:
            line += " (gone)"
        show(line)
