import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from model import Segments
from model.calibration import Calibration
from model.datasets.corpus import AnnotatedPhoto, read_corpus
from model.datasets.pairs import TrainingPair
from model.embedders.colour_words import DIMENSION
from model.masks import rle
from model.training.calibration.__main__ import main
from model.training.calibration.candidate_masks import overlaps
from model.training.calibration.photo_choice import proposal_photos

COLOURS = {"red square": (200, 30, 30), "blue square": (30, 30, 200), "white square": (240,) * 3}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of one coloured square each, with its mask and name, and a few with captions only."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    for source in ("squares", "imagenet_compatible", "flickr_captions"):
        records = []
        (folder / source / "images").mkdir(parents=True)
        for number in range(24 if source == "squares" else 4):
            name = list(COLOURS)[number % 3]
            pixels = random.integers(90, 110, (48, 64, 3)).astype(np.uint8)
            y, x = random.integers(2, 16, 2)
            pixels[y : y + 26, x : x + 26] = COLOURS[name]
            PillowImage.fromarray(pixels).save(folder / source / "images" / f"{number}.png")
            mask = np.zeros((1, 48, 64), np.bool_)
            mask[0, y : y + 26, x : x + 26] = True
            region = {
                "segmentation": {"size": [48, 64], "counts": rle.encode(mask)[0].decode()},
                "bbox": [0, 0, 1, 1],
                "phrases": [name, "square"],
                "kind": "object",
            }
            records.append(
                {
                    "file": f"{number}.png",
                    "height": 48,
                    "width": 64,
                    "split": "val" if number % 4 == 3 else "train",
                    "captions": [] if source == "squares" else [f"a photo of a {name}"],
                    "regions": [region] if source == "squares" else [],
                }
            )
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / source / "annotations.jsonl").write_text(lines)
    return folder


def test_one_command_fits_a_calibration_and_measures_it(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibration.safetensors"
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("square\n")
    options = ["--preset", "colours", "--untaught", "colours", "--phrases", str(phrases)]
    assert main([str(corpus), *options, "--out", str(out)]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    figures = told["taught"]
    # names of classes are asked of what is bundled alone
    names = {name for name in figures if "names" in name}
    assert told["untaught"].keys() == figures.keys() - names
    assert figures["confident: present phrases"] >= figures["confident: words no photo shows"]
    assert 0 <= figures["expected error over the first 30 answers"] <= 1
    assert Calibration.load(out).segments.shape[1] == DIMENSION
    assert "proposals on 0 of" in captured.err
    before = out.read_bytes()
    assert main([str(corpus), *options, "--measure", str(out), "--every"]) == 0
    again = json.loads(capsys.readouterr().out)
    error = "expected error over the first 30 answers"
    assert again["taught"][error] == pytest.approx(figures[error])
    assert out.read_bytes() == before


def test_a_file_that_holds_no_calibration_is_told_before_photos_are_looked_at(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "torn").write_bytes(b"torn")
    assert main([str(corpus), "--preset", "colours", "--measure", str(tmp_path / "torn")]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "calibration" in told


def test_a_missing_corpus_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--preset", "colours", "--out", str(tmp_path / "calibration.safetensors")]
    assert main([str(tmp_path / "none"), *options]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_overlaps_are_measured_in_the_segmenters_frame() -> None:
    mask = np.zeros((2, 40, 40), np.bool_)
    mask[0, :20], mask[1, :, :20] = True, True
    pairs = tuple(
        TrainingPair(Path("x.png"), (40, 40), c, ("x",), "object") for c in rle.encode(mask)
    )
    photo = AnnotatedPhoto("s", Path("x.png"), (40, 40), "val", pairs)
    segment = np.zeros((1, 20, 20), np.bool_)
    segment[0, :10] = True
    links = overlaps(Segments.from_masks(segment), photo)
    assert [(row, pair) for row, pair, _, _ in links] == [(0, 0), (0, 1)]
    assert links[0][2:] == pytest.approx((1, 1))
    assert links[1][2:] == pytest.approx((1 / 3, 1 / 2))


def test_proposals_are_made_where_they_are_worth_it(corpus: Path) -> None:
    photos = read_corpus(corpus, holdout=0)
    chosen = proposal_photos(photos, most=2)
    kinds = [(photos[n].source, photos[n].split) for n in chosen]
    assert kinds.count(("squares", "train")) == 2
    assert kinds.count(("squares", "val")) == 2
    assert kinds.count(("flickr_captions", "train")) == 1
    assert ("flickr_captions", "val") not in kinds
