"""`segsearch evaluate`: measure what a preset sees on annotated photos."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import JsonOption
from cli.output import print_json, say, show

if TYPE_CHECKING:
    from cli.progress.evaluation import Count
    from model.datasets.ground_truth import Truth
    from model.datasets.referring_expressions import ReferringSet
    from model.evaluation.tables import Measured
    from model.presets.preset import Preset
    from model.referring.settings import GlobalLocalSettings

evaluate = typer.Typer(
    name="evaluate",
    help="Measure what a preset sees on annotated photos: retrieval, masks, proposals, semantic,"
    " referring, curation.",
    epilog="What every figure means: docs/evaluation.md",
    no_args_is_help=True,
)

DataOption = Annotated[
    Path,
    typer.Option("--data", metavar="DIR", help="Folder of the annotated photos."),
]
SplitOption = Annotated[
    str, typer.Option("--split", metavar="NAME", help="Split of the photos, as annotated.")
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Models to measure: a preset's name or TOML file.",
        show_default="nano",
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", metavar="NAME", help="Folder of the data to use; all by default. Repeatable."
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        help="Number of each source's photos, the first ones; all by default.",
        min=1,
    ),
]
BaselinesOption = Annotated[
    bool,
    typer.Option(
        "--baselines/--no-baselines",
        help="Measure the methods that the preset is compared with, too.",
    ),
]


class View(StrEnum):
    """Views of Global-Local CLIP."""

    none = "none"
    of_photo = "global"
    alone = "local"
    both = "both"


QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]


@evaluate.command()
def retrieval(
    data: DataOption,
    split: SplitOption = "val",
    preset: PresetOption = None,
    source: SourceOption = None,
    limit: LimitOption = None,
    unseen: Annotated[
        Path | None,
        typer.Option("--unseen", metavar="FILE", help="Phrases held out of training, one a line."),
    ] = None,
    propose: Annotated[
        int,
        typer.Option(
            "--propose",
            metavar="N",
            help="Number of masks to propose for a phrase in each of its ten best photos, beside"
            " the preset's own.",
            min=0,
        ),
    ] = 0,
    baselines: BaselinesOption = True,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how well words find segments, colours of segments, and photos."""
    from model.evaluation.run import evaluate_retrieval, read_phrases
    from model.presets.preset import DEFAULT, load_preset

    phrases = read_phrases(unseen) if unseen else []
    chosen, truth = load_preset(preset or DEFAULT), _truth(data, split, source, limit)
    with _progress(quiet) as progress:
        measured = evaluate_retrieval(chosen, truth, split, progress, phrases, baselines, propose)
    _print(measured, json)


@evaluate.command()
def masks(
    data: DataOption,
    split: SplitOption = "val",
    preset: PresetOption = None,
    source: SourceOption = None,
    limit: LimitOption = None,
    annotator: Annotated[
        int,
        typer.Option(
            "--annotator",
            metavar="N",
            help="Number of the person whose outlines count, where several people drew.",
        ),
    ] = 0,
    baselines: BaselinesOption = True,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how well masks fit what people outlined, whatever it is called."""
    from model.evaluation.run import evaluate_masks
    from model.presets.preset import DEFAULT, load_preset

    chosen, truth = load_preset(preset or DEFAULT), _truth(data, split, source, limit)
    with _progress(quiet) as progress:
        measured = evaluate_masks(chosen, truth, split, progress, annotator, baselines)
    _print(measured, json)


@evaluate.command()
def proposals(
    data: DataOption,
    split: SplitOption = "val",
    preset: PresetOption = None,
    source: SourceOption = None,
    limit: LimitOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how well masks that are proposed for words fit what they name."""
    from model.evaluation.run import evaluate_proposals
    from model.presets.preset import DEFAULT, load_preset

    chosen, truth = load_preset(preset or DEFAULT), _truth(data, split, source, limit)
    with _progress(quiet) as progress:
        measured = evaluate_proposals(chosen, truth, split, progress)
    _print(measured, json)


@evaluate.command()
def semantic(
    data: DataOption,
    split: SplitOption = "val",
    preset: PresetOption = None,
    source: SourceOption = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            metavar="NAME",
            help="Layout of the folder: ade20k-150, ade20k-847, pascal-context-59, …",
            show_default="seen from its folders",
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option("--classes", metavar="FILE", help="Names of the classes, one class a line."),
    ] = None,
    scale: Annotated[
        float, typer.Option("--scale", help="Factor of the cosines before the softmax.", min=0)
    ] = 100.0,
    limit: LimitOption = None,
    baselines: BaselinesOption = True,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how well every pixel is named: mean IoU of a data set or of a corpus' source."""
    from model.datasets.label_maps import labelled_corpus, read_layout
    from model.evaluation.run import evaluate_labels
    from model.presets.preset import DEFAULT, load_preset

    chosen = load_preset(preset or DEFAULT)
    if source and not layout:
        labelled = labelled_corpus(_truth(data, split, source, limit))
    else:
        labelled = read_layout(data, layout, classes, limit)
    with _progress(quiet) as progress:
        measured = evaluate_labels(chosen, labelled, split, progress, scale, baselines)
    _print(measured, json)


@evaluate.command()
def referring(
    data: DataOption,
    split: SplitOption = "val",
    preset: PresetOption = None,
    source: SourceOption = None,
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
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how often the thing that a referring expression means is found, beside recall."""
    from model.evaluation.run import evaluate_referring
    from model.presets.preset import DEFAULT, load_preset

    chosen = load_preset(preset or DEFAULT)
    asked = (
        _corpus_expressions(_truth(data, split, source, limit), expressions or [])
        if refs is None
        else _published_expressions(data, refs, instances, split)
    )
    looks = _looks(chosen, alpha=global_local, blurred=blurred, fusion=fusion)
    with _progress(quiet) as progress:
        measured = evaluate_referring(chosen, asked, split, progress, own_masks, looks)
    _print(measured, json)


@evaluate.command()
def curation(
    data: DataOption,
    split: Annotated[
        list[str] | None,
        typer.Option(
            "--split",
            metavar="NAME",
            help="Split of the photos, as annotated. Repeatable: each is told, and all together.",
            show_default="val",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file of the curation that is measured, as for `segsearch curate`.",
            show_default="nano",
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help="Folder of the data whose captions people wrote. Repeatable.",
            show_default="coco",
        ),
    ] = None,
    limit: LimitOption = None,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Measure how often curation gives the phrases of captions the right masks."""
    from model.curation.config import default_config, load_config
    from model.evaluation.run import evaluate_curation

    chosen = default_config() if config is None else load_config(config)
    truths = {name: _truth(data, name, source or ["coco"], limit) for name in split or ["val"]}
    with _progress(quiet) as progress:
        measured = evaluate_curation(chosen, truths, progress)
    _print(measured, json)


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


def _truth(data: Path, split: str, source: list[str] | None, limit: int | None) -> Truth:
    from model.datasets.ground_truth import read_truth

    return read_truth(data, split, source, limit)


def _progress(quiet: bool) -> Count:
    from cli.progress.evaluation import Count

    return Count(quiet)


def _print(measured: Measured, json: bool) -> None:
    if json:
        print_json(measured.to_dict())
    else:
        show(str(measured))
