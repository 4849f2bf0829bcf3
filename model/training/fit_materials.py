"""The model of materials, fitted to regions that somebody judged by eye.

python -m model.training.fit_materials CORPUS --judged recipes/materials.tsv --out FILE
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.datasets.ground_truth import TruePhoto, read_truth
from model.embedders.attributes.materials import COMPONENTS, MaterialModel, textures
from model.embedders.pooling import pooled_features
from model.encoders.efficientnet import EfficientNetTrunk
from model.errors import DataMissing, SegsearchError, shown
from model.evaluation.ranking import Ranking
from model.masks.segments import Segments
from model.presets.preset import load_preset

PENALTY = 33.0  # of the squared weights; the best of three in eighths of the training photos
COLUMNS = ["source", "file", "region", "material"]


@dataclass(frozen=True, eq=False)
class JudgedRegions:
    """N regions of photos, and what they are made of.

    Attributes:
        seen: N×520 float32, `textures` of their pooled features, the mean of all looks.
        material: N int64, places in `COMPONENTS`.
    """

    seen: Tensor
    material: NDArray[np.int64]


def read_judged(
    table: Path, corpus: Path, split: str, trunks: Sequence[EfficientNetTrunk]
) -> JudgedRegions:
    """The regions of one split that a table names.

    Args:
        table: tab-separated, with the columns of `COLUMNS`; a region by its number among those
            with a mask.
        corpus: folder of `SOURCE/annotations.jsonl`.
        split: `train` or `val`.
        trunks: trunks that look at the photos.

    Raises:
        DataMissing: the table cannot be read, or names nothing that the corpus has in this split.
    """
    photos = {(photo.source, photo.path.name): photo for photo in read_truth(corpus, split).photos}
    asked: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for key, region, material in _rows(table):
        if key in photos and region < len(photos[key].regions):
            asked[key].append((region, material))
    if not asked:
        raise DataMissing(f"{shown(table)} names no region of {shown(corpus)}", "give its corpus")
    seen = [_seen(photos[key], [region for region, _ in of], trunks) for key, of in asked.items()]
    return JudgedRegions(
        torch.cat(seen), np.array([material for of in asked.values() for _, material in of])
    )


def _rows(table: Path) -> list[tuple[tuple[str, str], int, int]]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return [
                (
                    (row["source"], row["file"]),
                    int(row["region"]),
                    COMPONENTS.index(row["material"]),
                )
                for row in csv.DictReader(file, delimiter="\t")
            ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataMissing(
            f"{shown(table)} is no table of judged regions ({error})",
            f"give its columns {', '.join(COLUMNS)}, between tabs",
        ) from error


@torch.inference_mode()
def _seen(photo: TruePhoto, regions: Sequence[int], trunks: Sequence[EfficientNetTrunk]) -> Tensor:
    segments = Segments.from_counts(photo.size, [photo.regions[n].counts for n in regions])
    image = photo.read()
    looks = [textures(pooled_features(trunk.features(image), segments)) for trunk in trunks]
    return torch.stack(looks).mean(dim=0)


def fitted_materials(judged: JudgedRegions, penalty: float = PENALTY) -> MaterialModel:
    """Multinomial logistic regression of standardised columns; rare materials count for more, by
    the root of how rare they are.

    Args:
        judged: regions to learn from.
        penalty: factor of the squared weights, against twice the sum of the regions'
            cross-entropies.
    """
    seen = judged.seen.double()
    mean, deviation = seen.mean(dim=0), seen.std(dim=0, correction=0).clamp(min=1e-9)
    columns = (seen - mean) / deviation
    material = torch.from_numpy(judged.material)
    rarity = torch.bincount(material, minlength=len(COMPONENTS)).clamp(min=1).double().rsqrt()
    share = rarity[material] / rarity[material].mean()
    weights = torch.zeros(len(COMPONENTS), columns.shape[1], dtype=torch.double, requires_grad=True)
    biases = torch.zeros(len(COMPONENTS), dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, biases], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        entropy = functional.cross_entropy(columns @ weights.T + biases, material, reduction="none")
        total = (share * entropy).sum() + penalty / 2 * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        plain = weights / deviation
        return MaterialModel(plain.float(), (biases - plain @ mean).float())


def material_figures(model: MaterialModel, judged: JudgedRegions) -> dict[str, float]:
    """Average precision of each material among the regions, where two have it at least."""
    likely = model.of_textures(judged.seen).softmax(dim=1).numpy()
    wanted = np.eye(len(COMPONENTS), dtype=np.bool_)[judged.material]
    precision = Ranking(likely.T).average_precision(wanted.T)
    return {
        name: round(float(precision[place]), 2)
        for place, name in enumerate(COMPONENTS)
        if wanted[:, place].sum() > 1
    }


def main(arguments: list[str] | None = None) -> int:
    """Parse, look, fit, save; print average precisions on `val`."""
    parser = argparse.ArgumentParser(
        prog="python -m model.training.fit_materials", description=__doc__
    )
    parser.add_argument("corpus", type=Path, help="folder of SOURCE/annotations.jsonl and images")
    parser.add_argument("--judged", type=Path, required=True, help="regions and their materials")
    parser.add_argument("--out", type=Path, required=True, help="the model's file")
    options = parser.parse_args(arguments)
    views = load_preset("nano").embedder["views"]
    trunks = [EfficientNetTrunk.shared(side=side) for side in views]
    try:
        train, val = (
            read_judged(options.judged, options.corpus, split, trunks) for split in ("train", "val")
        )
    except SegsearchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    model = fitted_materials(train)
    model.save(options.out)
    figures = {
        "regions": {"train": len(train.material), "val": len(val.material)},
        "average precision on val": material_figures(model, val),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
