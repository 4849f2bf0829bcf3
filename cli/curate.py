"""`segsearch curate`: make segment–text pairs of photographs, for training."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import JsonOption, QuietOption, RayOption
from cli.output import print_json, say, show

if TYPE_CHECKING:
    from cli.progress.curation import Progress
    from model.curation.config import CurationConfig
    from model.curation.source_photo import SourcePhoto
    from model.datasets.skipped_rows import SkippedRows


def curate(
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="Folder of photographs.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PAIRS",
            help="Folder for the pairs, the report, and what a later run goes on from.",
            show_default=False,
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="TOML file that names the engines and the rules, as recipes/curate.toml.",
            show_default="captions beside the photos, and nano",
        ),
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            "--captions",
            metavar="PATH",
            help="Captions that the photos have, in place of the config's: a folder of text files,"
            " JSON lines, COCO, LLaVA or a corpus.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", help="Number of photos; all by default.", min=1),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try photos again that were set aside.")
    ] = False,
    ray: RayOption = "",
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Make training pairs of photographs: captions, phrases, boxes, masks, pairs.

    It may be stopped at any time, even by kill -9: the same command goes on where it was, and ends
    with the same files. report.html in PAIRS shows what was made and what was dropped, and why.
    """
    from cli.progress.curation import Progress
    from model.curation.building import build
    from model.curation.config import default_config, load_config
    from model.curation.curate import curate as make_pairs
    from model.datasets.skipped_rows import SkippedRows

    chosen = default_config() if config is None else load_config(config)
    if captions is not None:
        chosen = _captioned(chosen, captions)
    skipped = SkippedRows()
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(quiet))
        photos = _photos(images, skipped, progress)[:limit]
        curation = build(chosen, images)
        by = None
        if ray:
            from indexer.workers.pool import over_ray

            by = stack.enter_context(over_ray(ray))
        report = make_pairs(curation, photos, out, progress.curated, retry=retry, by=by)
    for line in skipped.lines():
        say(line)
    if json:
        print_json({"folder": str(out), **report.to_dict()})
    else:
        for name, count in report.counts.items():
            show(f"{name}: {count:,}")
        for (stage, reason), (count, some) in report.set_aside.items():
            say(f"{count} set aside at {stage}, as {some[0]}: {reason}")
        say(f"the pairs are in {out}; look at {out / 'report.html'}")
    if report.set_aside or skipped:
        raise typer.Exit(3)


def _captioned(config: CurationConfig, captions: Path) -> CurationConfig:
    """The config with captions of a path alone."""
    from dataclasses import replace

    from model.curation.config import EngineChoice
    from model.curation.engines.registry import SideFilesSettings

    settings = SideFilesSettings(path=str(captions.absolute()))
    return replace(config, captions=(EngineChoice("side-files", settings),))


def _photos(images: Path, skipped: SkippedRows, progress: Progress) -> list[SourcePhoto]:
    """Photos below a folder, as indexing finds them."""
    from indexer.catalog.records import FileStamp
    from indexer.scan.walk import walk
    from model.curation.photo_list import listed_photos
    from model.errors import RootMissing, shown

    if not images.is_dir():
        raise RootMissing(f"there is no folder {shown(images)}", "name a folder of photographs")
    files = [Path(found.path) for found in walk([images]) if isinstance(found, FileStamp)]
    if not files:
        raise RootMissing(f"{shown(images)} holds no photo", "name a folder of photographs")
    return listed_photos(
        files, images.absolute(), skipped, lambda done: progress.read(done, len(files))
    )
