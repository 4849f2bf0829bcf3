"""`segsearch watch`: keep an index up to date with folders while they change."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from cli.index import ask_for_whole_machine
from cli.option_groups import takes_groups
from cli.options import EngineOptions, JobsOption, ThumbnailsOption
from cli.output import print_json, say, show

if TYPE_CHECKING:
    from indexer.watch.watching import WatchEvent


@takes_groups
def watch(
    *,
    folders: Annotated[
        list[str], typer.Argument(metavar="FOLDER...", help="Folders to watch, with all below.")
    ],
    opened: EngineOptions,
    jobs: JobsOption = 0,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Forget photos that go, unless it looks like an accident."),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="GLOB", help="Pattern of what to pass over. Repeatable."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include", metavar="GLOB", help="Pattern of what to take all the same. Repeatable."
        ),
    ] = None,
    no_thumbnails: ThumbnailsOption = False,
    settle: Annotated[
        float,
        typer.Option("--settle", help="Seconds that a file has to stand still.", min=0.1, max=3600),
    ] = 2.0,
    poll: Annotated[
        float,
        typer.Option(
            "--poll", help="Seconds between looks where no changes are told.", min=0.1, max=86400
        ),
    ] = 60.0,
    rescan: Annotated[
        float, typer.Option("--rescan", help="Minutes between looks at everything.", min=0.01)
    ] = 15.0,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Watch a whole machine ('/') without asking.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a line for each event.")
    ] = False,
) -> None:
    """Index folders, and then what is new or changed in them, until Ctrl-C or SIGTERM.

    Disks of the network tell of no changes, so they are looked at now and then. A folder that
    vanishes changes nothing, and is taken up again when it is back.
    """
    from indexer.update import Options
    from indexer.watch.watching import Watching, WatchSettings

    _refuse_stores(folders)
    ask_for_whole_machine(folders, yes)
    options = Options(
        jobs=jobs,
        prune=prune,
        exclude=tuple(exclude or ()),
        include=tuple(include or ()),
        thumbnails=not no_thumbnails,
    )
    settings = WatchSettings(
        settle=settle, poll=poll, rescan=60 * rescan, tick=min(0.5, settle / 4)
    )
    with _Interrupts() as interrupts:

        def told(event: WatchEvent) -> None:
            with interrupts.held_back():
                _print_json(event) if json else _print(event)

        try:
            with opened.open() as engine:
                Watching(
                    [Path(folder) for folder in folders],
                    lambda places, asked: engine.index(*places, options=asked),
                    told,
                    options,
                    settings,
                    index=engine.folder,
                ).run(threading.Event())
        except KeyboardInterrupt:
            say("stopped; what was done so far is kept")


def _refuse_stores(folders: list[str]) -> None:
    from model.errors import shown
    from model.stores.urls import is_url, plain_place

    for folder in folders:
        if is_url(plain_place(folder)):
            raise typer.BadParameter(
                f"{shown(folder)} tells of no changes: run segsearch index on it by a timer instead"
            )


class _Interrupts:
    """Ctrl-C and SIGTERM, which end everything at any instant, but no line in its middle."""

    def __init__(self) -> None:
        self._are_held = self._came = False
        self._former = {
            number: signal.signal(number, self._come) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)

    def _come(self, *_: object) -> None:
        self._came = True
        if not self._are_held:
            raise KeyboardInterrupt

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Block that an interrupt waits for."""
        self._are_held = True
        try:
            yield
        finally:
            self._are_held = False
        if self._came:
            raise KeyboardInterrupt


def _print(event: WatchEvent) -> None:
    if event.report is None:
        say(event.line)
        return
    show(event.line)
    for _, kind, reason in event.report.newly_skipped:
        say(f"skipped ({kind}): {reason}")
    for note in event.report.notes:
        say(note)


def _print_json(event: WatchEvent) -> None:
    print_json(event.to_dict())
