"""`segsearch train`: make weights by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import JsonOption, QuietOption
from cli.output import print_json, say, show


def train(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="TOML file of a recipe, as those in recipes/.")
    ],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Folder of the training data.")
    ] = Path(),
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for checkpoints, curves and weights.",
            show_default="runs/ and the recipe's name",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the newest checkpoint in the folder.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="DIR",
            help="Folder for the features of frozen towers.",
            show_default="in the user's cache",
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option("--threads", help="Threads of each process; 0: torch's choice.", min=0)
    ] = 0,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Train by a recipe: a TOML file that names the task, its data and how it is trained.

    It may be stopped at any time, even by kill -9: with --resume it goes on as if nothing had
    happened. Several processes: torchrun --nproc-per-node N -m cli.main train RECIPE …
    """
    from cli.progress.training import TrainingProgress
    from model.devices import limit_threads
    from model.training.loop.callbacks import Callbacks
    from model.training.run import train as train_by

    limit_threads(threads)
    summary = train_by(
        recipe,
        data,
        out or Path("runs") / recipe.stem,
        resume=resume,
        cache=cache,
        watcher=Callbacks() if quiet else TrainingProgress(),
    )
    if summary is None:
        return
    if json:
        print_json(
            {
                "folder": str(summary.folder),
                "steps": summary.steps,
                "skipped": summary.skipped,
                "measured": summary.measured,
                "metrics": dict(summary.metrics),
            }
        )
        return
    for name, value in summary.metrics.items():
        show(f"{name}: {value:.4g}")
    if summary.skipped:
        say(f"{summary.skipped} of {summary.steps} steps were skipped: their loss was not finite")
    say(f"{summary.steps} steps; the weights, measured after step {summary.measured}, are in {out}")
