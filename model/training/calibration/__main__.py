"""Fit the calibration of a preset's models on photos of a corpus that they were not trained on,
and measure what it is worth on others.

python -m model.training.calibration CORPUS --out model/presets/nano/calibration.safetensors
python -m model.training.calibration CORPUS --measure model/presets/nano/calibration.safetensors
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from model.calibration import Calibration
from model.class_evidence import ClassEvidence
from model.datasets.corpus import AnnotatedPhoto, read_corpus
from model.embedder import Embedder
from model.errors import SegsearchError
from model.evaluation.run import read_phrases
from model.language.question import understand
from model.look_evidence import LookEvidence
from model.presets.preset import load_preset
from model.training.calibration.candidate_masks import CandidateMasks, proposals_of
from model.training.calibration.confidence import confidence_figures
from model.training.calibration.fitting import ModelView, background, fit_calibration
from model.training.calibration.kinship import Kinship
from model.training.calibration.photo_choice import proposal_photos

Told = dict[str, dict[str, float]]


class Sources(NamedTuple):
    """Models that are calibrated.

    Attributes:
        preset: name of their preset.
        untaught: preset of the same models with a head that some phrases were kept from.
        phrases: these phrases.
    """

    preset: str
    untaught: str | None = None
    phrases: tuple[str, ...] = ()


class Task(NamedTuple):
    """What is to be done.

    Attributes:
        out: file of a calibration that is to be fitted; else None.
        measure: file of one that is measured as it is; else None.
        most: photos of each source and split.
        every: whether all photos of `val` are looked at.
    """

    out: Path | None
    measure: Path | None
    most: int
    every: bool = False


def main(arguments: list[str] | None = None) -> int:
    """Parse, look at the photos, fit, print what the confidence is worth on `val`."""
    parser = argparse.ArgumentParser(
        prog="python -m model.training.calibration", description=__doc__
    )
    parser.add_argument("corpus", type=Path, help="folder of SOURCE/annotations.jsonl and images")
    parser.add_argument("--preset", default="nano", help="whose models (default: %(default)s)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="FILE", help="fit a calibration into this file")
    what.add_argument("--measure", type=Path, metavar="FILE", help="measure this one, and fit none")
    parser.add_argument("--photos", type=int, default=10, help="of each source and split, at most")
    parser.add_argument(
        "--untaught", metavar="PRESET", help="the same models, some phrases kept from their head"
    )
    parser.add_argument("--phrases", type=Path, help="these phrases, one a line")
    parser.add_argument(
        "--every", action="store_true", help="look at all photos of val, of which names are asked"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--wordnet", type=Path, help="folder of WordNet 3.1's nouns: kinds of a thing are no rivals"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        phrases = read_phrases(options.phrases) if options.phrases else []
        models = Sources(options.preset, options.untaught, tuple(phrases))
        task = Task(options.out, options.measure, options.photos, options.every)
        figures = run(options.corpus, task, models, options.wordnet)
    except SegsearchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def run(corpus: Path, task: Task, models: Sources, wordnet: Path | None) -> Told:
    """Fit to the split `holdout` and write the file, or read one; and measure it on `val`, the
    taught and the untaught apart."""
    calibration = Calibration.load(task.measure) if task.measure else None
    photos = read_corpus(corpus)
    kinship = Kinship(photos, wordnet)
    chosen = proposal_photos(photos, task.most, every=task.every)
    first, *others = views(photos, chosen, models)
    if task.out:
        fit_calibration(photos, kinship, first, others).save(task.out)
        calibration = Calibration.load(task.out)
    assert calibration is not None
    return measured(photos, kinship, calibration, first, others)


def views(
    photos: Sequence[AnnotatedPhoto], chosen: Sequence[int], models: Sources
) -> list[ModelView]:
    """What the preset's models see of the photos of these numbers, and what the others do."""
    built = load_preset(models.preset).build()
    embedders = [built.embedder]
    if models.untaught:
        embedders.append(load_preset(models.untaught).build_embedder())
    tables = proposals_of(photos, chosen, built.segmenter, embedders, _tell)
    kept = ((), tuple(models.phrases))
    return [view(*each) for each in zip(embedders, tables, kept, strict=False)]


def view(embedder: Embedder, proposals: CandidateMasks, untaught: tuple[str, ...]) -> ModelView:
    """The view of an embedder that some phrases were kept from."""

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return embedder.embed_texts([understand(text).words for text in texts]).vectors

    return ModelView(
        proposals,
        encode,
        LookEvidence(embedder.look_dimensions) if embedder.look_dimensions else None,
        ClassEvidence() if embedder.class_dimensions else None,
        embedder.class_dimensions,
        untaught,
    )


def measured(
    photos: Sequence[AnnotatedPhoto],
    kinship: Kinship,
    calibration: Calibration,
    first: ModelView,
    others: Sequence[ModelView],
    split: str = "val",
) -> Told:
    """Figures of a calibration by the models that it is for, and of its coefficients by others."""
    told = {"taught": confidence_figures(photos, kinship, first, calibration, split)}
    for own in others:
        same = replace(background(photos, kinship, own), coefficients=calibration.coefficients)
        told["untaught"] = confidence_figures(photos, kinship, own, same, split)
    return told


def _tell(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
