import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from command_line import Run
from PIL import Image, ImageDraw
from pycocotools import mask as coco


@pytest.fixture
def circles(tmp_path: Path) -> Path:
    """Three red circles in a row, the middle one the largest, and a blue one on the right."""
    picture = Image.new("RGB", (320, 240), (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    for box in ((10, 100, 50, 140), (80, 70, 170, 160), (190, 110, 220, 140)):
        draw.ellipse(box, fill=(220, 20, 20))
    draw.ellipse((250, 100, 300, 150), fill=(30, 60, 210))
    picture.save(tmp_path / "circles.png")
    return tmp_path / "circles.png"


def shown(out: str, folder: Path) -> str:
    return out.replace(str(folder), "FOLDER")


def test_a_photo_nobody_indexed_is_looked_into(
    run: Run, golden: Callable[[str, str], None], circles: Path
) -> None:
    asked = ["refer", circles, "the second red circle from the left", "--preset", "colours"]
    done = run(*asked, "-k", 2, "--explain")
    assert done.code == 0
    golden("refer.out", shown(done.out, circles.parent))
    document = json.loads(run(*asked, "-k", 1, "--json").out)
    (match,) = document["matches"]
    assert (document["index"], match["photo"]) == (None, str(circles))
    x, _, width, _ = match["bbox"]
    assert 70 <= x <= 90
    assert coco.area(match["segmentation"]) == match["area"]
    assert width > 60
    assert "explanation" not in document


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the leftmost red circle", 0),
        ("the largest red circle", 70),
        ("the red circle next to the blue circle", 180),
        ("the red circle on the right", 180),
        ("blue", 240),
    ],
)
def test_which_one_is_meant_is_told_apart(run: Run, circles: Path, text: str, left: int) -> None:
    done = run("refer", circles, text, "--preset", "colours", "-k", 1, "--json")
    (match,) = json.loads(done.out)["matches"]
    assert left <= match["bbox"][0] <= left + 30


def test_a_batch_answers_each_line_whatever_it_holds(
    run: Run, circles: Path, tmp_path: Path
) -> None:
    lines = [
        f"{circles}\tthe leftmost red circle",
        f"{tmp_path}/gone.png\tred",
        "no tab",
        f"{circles}\t ",
        f"{circles}\tleft red circle on the right",
        f"{circles}\tαριστερά",
        f"{circles}\t{'red circle ' * 250}",
    ]
    file = tmp_path / "asked.tsv"
    file.write_text("\n".join(lines), encoding="utf-8")
    done = run("refer", "--batch", file, "--preset", "colours", "--explain")
    assert done.code == 3
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert len(answers) == len(lines)
    assert answers[0]["explanation"]["expression"]["superlative"] == "left"
    assert [("error" in answer) for answer in answers] == [False, True, True, True, *[False] * 3]
    assert "left and right at once" in answers[4]["explanation"]["notes"][0]
    assert "no English word" in answers[5]["explanation"]["recall_alone"]
    assert "words" in answers[6]["explanation"]["recall_alone"]
    assert all(answer["matches"] for answer in answers[4:])


def test_wrong_usage_and_photos_that_are_gone_are_told(run: Run, circles: Path) -> None:
    assert run("refer", circles).code == 2
    assert run("refer", circles, "red", "--batch", "-").code == 2
    gone = run("refer", circles.parent / "gone.png", "red", "--preset", "colours")
    assert (gone.code, gone.out, gone.err.count("\n")) == (1, "", 1)


def test_a_preset_may_look_at_segments_with_its_clip(
    run: Run, circles: Path, tiny_towers: Path, tmp_path: Path
) -> None:
    from model.photos.images import read_image
    from model.presets.preset import load_preset
    from model.referring.global_local_referrer import GlobalLocalReferrer
    from model.referring.parse import parse
    from model.referring.settings import GlobalLocalSettings

    text, file = "the leftmost red circle", tmp_path / "looks.toml"
    said = 'global_local = true\nalpha = 0.6\nlast = 2\nfill = "released"\nblurred = "global"\n'
    file.write_text(f'extends = "{tiny_towers}/towers.toml"\n[referring]\n{said}')
    done = run("refer", circles, text, "--preset", file, "--json", "-k", 50)
    assert done.code == 0
    found = json.loads(done.out)["matches"]
    preset = load_preset(str(file))
    looks = GlobalLocalSettings(0.6, 2, "released", "global")
    referrer = GlobalLocalReferrer.of(preset, looks)
    image = read_image(circles, max_side=preset.image_side)
    segments = preset.build_segmenter().segment(image)
    ranked = referrer.resolve(image, segments, parse(text))
    scores = ranked.scores.total[ranked.order] / referrer.settings.sharpness
    assert len(found) == len(segments) >= 4
    assert_close(np.array([match["score"] for match in found]), scores, 1000, "float32", scale=1)
    assert {match["confidence"] for match in found} == {None}
    file.write_text('extends = "colours"\n[referring]\nglobal_local = true\n')
    refused = run("refer", circles, text, "--preset", file)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "names no CLIP" in refused.err
