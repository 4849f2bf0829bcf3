"""`segsearch evaluate`: measure what a preset sees on annotated photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.evaluate_options import (
    AgainstOption,
    BaselinesOption,
    CsvOption,
    DataOption,
    LimitOption,
    MeasuredOptions,
    RunOptions,
    print_beside,
    read_photos,
    refuse_two_formats,
)
from cli.evaluate_referring import referring
from cli.option_groups import takes_groups
from cli.options import output_path

evaluate = typer.Typer(
    name="evaluate",
    help="Measure what a preset sees on annotated photos: retrieval, masks, proposals, semantic,"
    " referring, curation.",
    epilog="What every figure means: docs/evaluation.md",
    no_args_is_help=True,
)


@evaluate.command()
@takes_groups
def retrieval(
    *,
    asked: MeasuredOptions,
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
    per_phrase: Annotated[
        Path | None,
        typer.Option(
            "--per-phrase",
            metavar="FILE",
            help="CSV file for the figures of each phrase.",
            parser=output_path,
        ),
    ] = None,
    against: AgainstOption = None,
    csv: CsvOption = False,
    baselines: BaselinesOption = True,
    run: RunOptions,
) -> None:
    """Measure how well words find segments, colours of segments, and photos."""
    from model.evaluation.run import evaluate_retrieval, read_phrases
    from searchengine.output_files import refuse_place, write

    refuse_two_formats(run.json, csv)
    phrases = read_phrases(unseen) if unseen else []
    if per_phrase is not None:
        refuse_place(per_phrase, overwrite=True)
    chosen, truth = asked.presets(against), asked.truth(limit)
    with run.measuring() as looking:
        measured = [
            evaluate_retrieval(
                each,
                truth,
                asked.split,
                looking,
                phrases,
                baselines and each is chosen[0],  # of two presets' masks they are the same
                propose,
                per_phrase is not None and each is chosen[0],
            )
            for each in chosen
        ]
    told = measured[0].phrases
    if per_phrase is not None and told is not None:
        write(per_phrase, told.to_csv().encode())
    print_beside(measured, run.json, csv)


@evaluate.command()
@takes_groups
def masks(
    *,
    asked: MeasuredOptions,
    limit: LimitOption = None,
    annotator: Annotated[
        int,
        typer.Option(
            "--annotator",
            metavar="N",
            help="Number of the person whose outlines count, where several people drew.",
        ),
    ] = 0,
    least: Annotated[
        float,
        typer.Option(
            "--least",
            metavar="SHARE",
            help="Share of the photo below which regions are not asked for.",
            min=0,
            max=1,
        ),
    ] = 0.002,
    against: AgainstOption = None,
    csv: CsvOption = False,
    baselines: BaselinesOption = True,
    run: RunOptions,
) -> None:
    """Measure how well masks fit what people outlined, whatever it is called."""
    from model.evaluation.run import evaluate_masks

    refuse_two_formats(run.json, csv)
    chosen, truth = asked.presets(against), asked.truth(limit)
    with run.measuring() as looking:
        measured = [
            evaluate_masks(
                each, truth, asked.split, looking, annotator, baselines and each is chosen[0], least
            )
            for each in chosen
        ]
    print_beside(measured, run.json, csv)


@evaluate.command()
@takes_groups
def proposals(
    *,
    asked: MeasuredOptions,
    limit: LimitOption = None,
    against: AgainstOption = None,
    csv: CsvOption = False,
    run: RunOptions,
) -> None:
    """Measure how well masks that are proposed for words fit what they name."""
    from model.evaluation.run import evaluate_proposals

    refuse_two_formats(run.json, csv)
    chosen, truth = asked.presets(against), asked.truth(limit)
    with run.measuring() as looking:
        measured = [evaluate_proposals(each, truth, asked.split, looking) for each in chosen]
    print_beside(measured, run.json, csv)


@evaluate.command()
@takes_groups
def semantic(
    *,
    asked: MeasuredOptions,
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
    against: AgainstOption = None,
    csv: CsvOption = False,
    baselines: BaselinesOption = True,
    run: RunOptions,
) -> None:
    """Measure how well every pixel is named: mean IoU of a data set or of a corpus' source."""
    from model.datasets.label_maps import labelled_corpus, read_layout
    from model.evaluation.run import evaluate_labels

    refuse_two_formats(run.json, csv)
    chosen = asked.presets(against)
    if asked.source and not layout:
        labelled = labelled_corpus(asked.truth(limit))
    else:
        labelled = read_layout(asked.data, layout, classes, limit)
    with run.measuring() as looking:
        measured = [
            evaluate_labels(
                each, labelled, asked.split, looking, scale, baselines and each is chosen[0]
            )
            for each in chosen
        ]
    print_beside(measured, run.json, csv)


evaluate.command()(referring)


@evaluate.command()
@takes_groups
def curation(
    *,
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
    csv: CsvOption = False,
    run: RunOptions,
) -> None:
    """Measure how often curation gives the phrases of captions the right masks."""
    from model.curation.config import default_config, load_config
    from model.evaluation.run import evaluate_curation

    refuse_two_formats(run.json, csv)
    chosen = default_config() if config is None else load_config(config)
    truths = {name: read_photos(data, name, source or ["coco"], limit) for name in split or ["val"]}
    with run.measuring() as looking:
        measured = evaluate_curation(chosen, truths, looking)
    print_beside([measured], run.json, csv)
