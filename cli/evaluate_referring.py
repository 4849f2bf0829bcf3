"""`segsearch evaluate referring`: measure how often the thing that is meant is found."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.evaluate_options import (
    AgainstOption,
    CsvOption,
    LimitOption,
    MeasuredOptions,
    RunOptions,
    print_beside,
    refuse_two_formats,
)
from cli.option_groups import takes_groups
from cli.output import say

if TYPE_CHECKING:
    from model.datasets.ground_truth import Truth
    from model.datasets.referring_expressions import ReferringSet
    from model.presets.preset import Preset
    from model.referring.settings import GlobalLocalSettings


class View(StrEnum):
    """Views of Global-Local CLIP."""

    none = "none"
    of_photo = "global"
    alone = "local"
    both = "both"


@takes_groups
def referring(
    *,
    asked: MeasuredOptions,
    expressions: Annotated[
        list[Path] | None,
        typer.Option(
            "--expressions",
            metavar="FILE",
            help="JSON lines of expressions about the photos, beside those that are made of their"
            " annotations. Repeatable.",
        ),
    ] = None,
    refs: Annotated[
        Path | None,
        typer.Option(
            "--refs",
            metavar="FILE",
            help="RefCOCO's, RefCOCO+'s or RefCOCOg's references, as 'refs(unc).p' or JSON, in"
            " place of the corpus' own; --data holds COCO's photos.",
        ),
    ] = None,
    instances: Annotated[
        Path | None,
        typer.Option(
            "--instances",
            metavar="FILE",
            help="Masks of the references.",
            show_default="instances.json beside them",
        ),
    ] = None,
    limit: LimitOption = None,
    own_masks: Annotated[
        bool,
        typer.Option("--own-masks/--no-own-masks", help="Choose among its own masks, too."),
    ] = True,
    global_local: Annotated[
        float | None,
        typer.Option(
            "--global-local",
            metavar="F",
            help="Look with the preset's CLIP as Global-Local CLIP does; F is the share of the"
            " global feature, as 0.95.",
            min=0,
            max=1,
        ),
    ] = None,
    blurred: Annotated[
        View | None,
        typer.Option(
            "--blurred",
            help="Views of Global-Local CLIP whose background is the blurred photo.",
            show_default="none",
        ),
    ] = None,
    fusion: Annotated[
        View | None,
        typer.Option(
            "--fusion",
            help="View of Global-Local CLIP that the other one is fed into, as HybridGL does.",
            show_default="none",
        ),
    ] = None,
    against: AgainstOption = None,
    csv: CsvOption = False,
    run: RunOptions,
) -> None:
    """Measure how often the thing that a referring expression means is found, beside recall."""
    from model.evaluation.run import evaluate_referring

    refuse_two_formats(run.json, csv)
    chosen = asked.presets(against)
    meant = (
        _corpus_expressions(asked.truth(limit), expressions or [])
        if refs is None
        else _published_expressions(asked.data, refs, instances, asked.split)
    )
    views = {"alpha": global_local, "blurred": blurred, "fusion": fusion}
    with run.measuring() as looking:
        measured = [
            evaluate_referring(each, meant, asked.split, looking, own_masks, _looks(each, **views))
            for each in chosen
        ]
    print_beside(measured, run.json, csv)


def _looks(preset: Preset, **asked: Any) -> GlobalLocalSettings | None:
    """How Global-Local CLIP looks, as the preset says and the options change it; None: not at
    all."""
    from model.referring.settings import GlobalLocalSettings, global_local_settings

    said = global_local_settings(preset.referring)
    given = {name: value for name, value in asked.items() if value is not None}
    return replace(said or GlobalLocalSettings(), **given) if given else said


def _corpus_expressions(truth: Truth, files: list[Path]) -> ReferringSet:
    from model.datasets.referring_expressions import ReferringSet, expression_lines
    from model.evaluation.referring.made_expressions import made_expressions

    asked = made_expressions(truth.photos)
    for file in files:
        more = expression_lines(file, asked.photos)
        asked = ReferringSet(more.photos, (*asked.cases, *more.cases))
    return asked


def _published_expressions(
    photos: Path, refs: Path, instances: Path | None, split: str
) -> ReferringSet:
    from model.datasets.referring_expressions import refcoco_set
    from model.datasets.skipped_rows import SkippedRows

    skipped = SkippedRows()
    beside = refs.with_name("instances.json") if instances is None else instances
    asked = refcoco_set(refs, beside, photos, split, skipped)
    for line in skipped.lines():
        say(line)
    return asked
