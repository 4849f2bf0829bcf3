"""Make the bundled weights of `nano` from an annotated corpus, or measure them.

python -m model.training CORPUS --out model/presets/nano
python -m model.training CORPUS --out model/presets/nano --evaluate
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from platformdirs import user_cache_path

from model.calibration import Calibration
from model.encoders.efficientnet import BUNDLED as TRUNK
from model.encoders.efficientnet import EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.errors import SegsearchError
from model.segmenters.felzenszwalb import FelzenszwalbSegmenter
from model.training.calibrating import fit_calibration
from model.training.examples import examples_of
from model.training.features import FeatureCache
from model.training.head_training import Recipe, train_head
from model.training.material import Material
from model.training.pairs import read_corpus
from model.training.proposal_photos import proposal_photos
from model.training.report import report
from model.use.head import SegmentHead


def main(arguments: list[str] | None = None) -> int:
    """Parse, train unless told otherwise, evaluate, print."""
    recipe = Recipe()
    parser = argparse.ArgumentParser(prog="python -m model.training", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of SOURCE/annotations.jsonl and images")
    parser.add_argument("--out", type=Path, required=True, help="folder of the two weight files")
    parser.add_argument("--evaluate", action="store_true", help="measure the weights in --out")
    parser.add_argument(
        "--cache",
        type=Path,
        default=user_cache_path("segsearch") / "features",
        help="folder for the trunk's features (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, default=recipe.steps)
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        figures = run(
            options.corpus,
            options.out,
            options.cache,
            None if options.evaluate else Recipe(steps=options.steps, seed=options.seed),
        )
    except SegsearchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def run(corpus: Path, out: Path, cache: Path, recipe: Recipe | None) -> dict[str, float]:
    """Train by a recipe into `out` (or, without one, take what is there) and measure it."""
    segmenter = FelzenszwalbSegmenter()
    encoder = SentenceEncoder()
    photos = read_corpus(corpus)
    features = FeatureCache(cache, EfficientNetTrunk(), f"{TRUNK.sha256} {segmenter!r}")
    annotated = features.annotated(photos, _tell)
    proposals = features.proposals(photos, proposal_photos(photos), segmenter, _tell)
    material = Material(photos, annotated, proposals, encoder.encode)
    head_file, calibration_file = out / "head.safetensors", out / "calibration.safetensors"
    if recipe is None:
        return report(material, SegmentHead.load(head_file), Calibration.load(calibration_file))
    examples = examples_of(photos, annotated, proposals, ["train"])
    _tell(f"{len(examples)} segments with {len(examples.texts)} texts")
    head = train_head(
        examples,
        encoder.encode(examples.texts),
        recipe,
        lambda step, loss: _tell(f"step {step}: loss {loss:.3f}"),
    )
    out.mkdir(parents=True, exist_ok=True)
    head.save(head_file)
    head = SegmentHead.load(head_file)  # as others will: rounded to float16
    fit_calibration(material, head).save(calibration_file)
    return report(material, head, Calibration.load(calibration_file))


def _tell(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
