"""A preset of public weights end to end: one photo of 12 megapixels indexed, searched, exported.

Full-size networks of random weights stand in for the published ones; SAM's draw masks that look
like masks (`drawing_sam`). Every command is a process of one thread with one worker; seconds are
CPU seconds unless named otherwise, and hold starting and loading, except for `photo`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from figures import show

MEGAPIXELS_12 = (4000, 3000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", nargs="?", default="base", help="base, large, sam2 or huge")
    parser.add_argument("--weights", type=Path, help="keep the weights here, or find them")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        photo = folder / "photo.jpg"
        pixels = sample()
        pixels.save(photo, quality=92)
        weights = asked.weights or folder / "weights"
        preset = weights / "drawing.toml"
        if not preset.exists():
            write_drawing_weights(asked.preset, weights, pixels)
        for figure in measured(preset, photo, folder):
            show({"name": f"{asked.preset}_{figure.pop('name')}"} | figure, as_json=asked.json)


def sample() -> Any:
    """One of scikit-learn's two photographs at 12 megapixels."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    return Image.fromarray(load_sample_image("china.jpg")).resize(MEGAPIXELS_12)


def write_drawing_weights(name: str, folder: Path, pixels: Any) -> None:
    """Random weights of a preset, SAM's such that it finds masks; and `drawing.toml`."""
    import numpy as np
    import torch
    from drawing_sam import let_draw

    from model.presets.preset import load_preset
    from model.presets.random_weights import write_random_weights
    from model.segmenters.sam.networks.checkpoint import load_sam

    random = write_random_weights(name, folder)
    text = f'extends = "{random.name}"\n'
    preset = load_preset(str(random))
    if preset.segmenter["kind"] == "sam":
        file = preset.weights["masks"].path()
        sam = let_draw(load_sam(file), np.asarray(pixels.resize((1024, 768))))
        torch.save(sam.state_dict(), folder / "drawing.pth")
        text += "[segmenter]\npred_iou_thresh = 0.88\nstability_score_thresh = 0.95\n"
        text += '[weights.masks]\nsource = "drawing.pth"\nlicence = "CC0-1.0"\n'
    (folder / "drawing.toml").write_text(text, encoding="utf-8")


def measured(preset: Path, photo: Path, folder: Path) -> list[dict[str, Any]]:
    """Figures of three commands, and of the one photo."""
    index = ("--index", folder / "index")
    indexed = ran("index", photo, *index, "--preset", preset, "-j", 1, "-q")
    found = ran("search", "a window", *index, "--json")
    exported = ran("export", "--all", *index, "-o", folder / "out", "-f", "masks")
    return [
        {"name": "photo", **of_the_photo(folder / "index")},
        {"name": "index", **indexed},
        {"name": "search", **found},
        {"name": "export", **exported, "files": sum(1 for _ in (folder / "out").rglob("*.png"))},
    ]


def ran(*arguments: object) -> dict[str, float]:
    """Seconds and the largest process of a command, in a process that has no other children."""
    command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
    code = (
        "import json, resource, subprocess, sys, time; began = time.perf_counter()\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps({'cpu_s': used.ru_utime + used.ru_stime, 'wall_s':\n"
        "      time.perf_counter() - began, 'largest_process_mb': used.ru_maxrss / 1e3}))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        stdout=subprocess.PIPE, text=True, check=True, cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def of_the_photo(folder: Path) -> dict[str, Any]:
    """What the index says of its only photo."""
    from indexer.index import Index

    with Index.open(folder) as index:
        counts = index.catalog.counts()
        return {
            "cpu_s": index.catalog.seconds_per_photo(),
            "segments": counts.segments,
            "index_mb": sum(f.stat().st_size for f in folder.iterdir()) / 1e6,
        }


if __name__ == "__main__":
    main()
