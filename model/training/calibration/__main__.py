"""Fit the calibration of a preset's models on photos of a corpus that they were not trained on.

python -m model.training.calibration CORPUS --out model/presets/nano/calibration.safetensors
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model.calibration import Calibration
from model.class_evidence import ClassEvidence
from model.datasets.corpus import read_corpus
from model.embedder import Embedder
from model.errors import SegsearchError
from model.evaluation.run import read_phrases
from model.presets.preset import load_preset
from model.training.calibration.candidate_masks import (
    judged_part,
    proposals_of,
    without_classes,
)
from model.training.calibration.confidence import confidence_figures
from model.training.calibration.fitting import ModelView, background, fit_calibration
from model.training.calibration.photo_choice import proposal_photos


def main(arguments: list[str] | None = None) -> int:
    """Parse, look at the photos, fit, print what the confidence is worth on `val`."""
    parser = argparse.ArgumentParser(
        prog="python -m model.training.calibration", description=__doc__
    )
    parser.add_argument("corpus", type=Path, help="folder of SOURCE/annotations.jsonl and images")
    parser.add_argument("--preset", default="nano", help="whose models (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="the calibration's file")
    parser.add_argument("--photos", type=int, default=10, help="of each source and split, at most")
    parser.add_argument(
        "--untaught", metavar="PRESET", help="the same models, some phrases kept from their head"
    )
    parser.add_argument("--phrases", type=Path, help="these phrases, one a line")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        phrases = read_phrases(options.phrases) if options.phrases else []
        figures = run(
            options.corpus,
            options.preset,
            options.out,
            options.photos,
            options.untaught,
            phrases,
        )
    except SegsearchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def run(
    corpus: Path,
    preset: str,
    out: Path,
    most: int,
    untaught: str | None = None,
    phrases: Sequence[str] = (),
) -> dict[str, dict[str, float]]:
    """Fit to the split `holdout`, write the file, and measure on `val`, the taught and the
    untaught apart."""
    models = load_preset(preset).build()
    embedders = {"taught": models.embedder}
    if untaught:
        embedders["untaught"] = load_preset(untaught).build_embedder()
    photos = read_corpus(corpus)
    chosen = proposal_photos(photos, most)
    tables = proposals_of(photos, chosen, models.segmenter, [*embedders.values()], _tell)
    sights = {
        name: ModelView(
            without_classes(table, embedder.class_dimensions),
            _encoder(embedder),
            tuple(phrases) if name == "untaught" else (),
        )
        for (name, embedder), table in zip(embedders.items(), tables, strict=True)
    }
    first, *others = sights.values()
    calibration = fit_calibration(photos, first, others)
    if models.embedder.class_dimensions:
        calibration = replace(calibration, classes=ClassEvidence())
    calibration.save(out)
    told = {"taught": confidence_figures(photos, first, Calibration.load(out))}
    for own in others:
        fitted_too = replace(background(photos, own), coefficients=calibration.coefficients)
        told["untaught"] = confidence_figures(photos, own, fitted_too)
    return told


def _encoder(embedder: Embedder) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return judged_part(embedder.embed_texts(texts).vectors, embedder.class_dimensions)

    return encode


def _tell(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
