import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from PIL import Image
from pycocotools.coco import COCO


def test_masks_have_the_size_of_the_photo(
    run: Run, golden: Callable[[str, str], None], indexed: Path, tmp_path: Path
) -> None:
    done = run("export", "red", "-k", 1, "-o", tmp_path / "masks", "--index", indexed)
    assert done.code == 0, done.err
    golden("export.out", done.out)
    (mask,) = (tmp_path / "masks").glob("*.png")
    pixels = np.asarray(Image.open(mask))
    assert pixels.shape == (120, 160)
    assert (pixels[40:80, 30:90] == 255).all()
    manifest = json.loads((tmp_path / "masks" / "manifest.json").read_text())
    assert manifest["query"]["words"] == "red"
    assert manifest["preset"]["name"] == "colours"


def test_what_is_found_with_neighbours_says_so(run: Run, indexed: Path, tmp_path: Path) -> None:
    done = run("export", "red", "--neighbours", 2, "-o", tmp_path / "out", "--index", indexed)
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["query"]["neighbours"] == 2


def test_everything_goes_into_one_coco_file(run: Run, indexed: Path, tmp_path: Path) -> None:
    done = run(
        "export", "--all", "-f", "coco", "-o", tmp_path / "all", "--index", indexed, "--json"
    )
    assert done.code == 0, done.err
    coco = COCO(tmp_path / "all" / "annotations.json")
    annotations = coco.loadAnns(coco.getAnnIds())
    status = json.loads(run("status", "--index", indexed, "--json").out)
    assert len(annotations) == status["segments"] == json.loads(done.out)["segments"]
    assert all(a["iscrowd"] == 0 and "quality" in a and "segment_id" in a for a in annotations)


def test_ids_choose_and_conditions_limit(run: Run, indexed: Path, tmp_path: Path) -> None:
    done = run("export", "--ids", "1,2", "--ids", 3, "-o", tmp_path / "a", "--index", indexed)
    assert done.out.startswith("3 segments of")
    some = run(
        "export", "--all", "--in", "red.png", "-f", "cutouts", "-o", tmp_path / "b",
        "--index", indexed, "--json",
    )  # fmt: skip
    assert json.loads(some.out)["photos"] == 1


def test_all_may_be_limited(run: Run, indexed: Path, tmp_path: Path) -> None:
    def counts(*arguments: object) -> tuple[int, int]:
        done = run("export", "--all", *arguments, "-f", "coco", "-o", tmp_path / "out", "--index",
                   indexed, "--json", "--overwrite")  # fmt: skip
        assert done.code == 0, done.err
        told = json.loads(done.out)
        return told["segments"], told["photos"]

    everything, photos = counts()
    assert everything > photos > 1
    assert counts("-k", 2)[0] == 2
    assert counts("--per-photo", 1) == (photos, photos)


def test_labels_make_one_data_set(run: Run, indexed: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("# colours\n\nred\nsea: blue\nsea: cyan\n", "utf-8")
    command = ("export", "--labels", labels, "-f", "yolo", "-o", tmp_path / "set", "--index",
               indexed, "--min-confidence", 0, "--val", 0.5)  # fmt: skip
    done = run(*command, "--json")
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["labels"] == {"red": ["red"], "sea": ["blue", "cyan"]}
    segments = [s for entry in manifest["files"] for s in entry.get("segments", ())]
    assert {segment["label"] for segment in segments} == {"red", "sea"}
    assert len({segment["segment_id"] for segment in segments}) == len(segments)
    refused = run(*command)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    empty = run("export", "--labels", "/dev/null", "-o", tmp_path / "x", "--index", indexed)
    assert (empty.code, empty.err.count("\n")) == (2, 1)


def test_only_what_is_sure_enough_is_exported(run: Run, indexed: Path, tmp_path: Path) -> None:
    sure = run("export", "red", "--min-confidence", 1, "-o", tmp_path / "x", "--index", indexed)
    assert sure.code == 0, sure.err
    assert sure.out.startswith("0 segments")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--all", "--not", "blue"],
        ["--ids", "1", "-k", "3"],
        ["--ids", "1", "--camera", "acme"],
        ["--all", "--min-confidence", "0.5"],
        ["red", "--val", "2"],
        ["red", "--margin", "-1"],
        [],
        ["red", "--all"],
        ["--ids", "one"],
        ["red", "-f", "telepathy"],
        ["red", "-k", "0"],
    ],
)
def test_wrong_usage_ends_with_2(
    run: Run, indexed: Path, tmp_path: Path, arguments: list[str]
) -> None:
    assert run("export", *arguments, "-o", tmp_path / "x", "--index", indexed).code == 2


def test_nothing_is_overwritten_unless_asked(run: Run, indexed: Path, tmp_path: Path) -> None:
    command = ("export", "red", "-k", 1, "-o", tmp_path / "masks", "--index", indexed)
    assert run(*command).code == 0
    refused = run(*command)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert refused.err.count("\n") == 1
    assert run(*command, "--overwrite").code == 0


def test_a_segment_that_is_not_there_is_one_line(run: Run, indexed: Path, tmp_path: Path) -> None:
    done = run("export", "--ids", 12345678, "-o", tmp_path / "x", "--index", indexed)
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_a_photo_that_has_vanished_is_told_and_the_others_go_on(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    folder, index = tmp_path / "photos", tmp_path / "index"
    folder.mkdir()
    for name in ("red.png", "blue.png"):
        (folder / name).write_bytes((photos / name).read_bytes())
    run("index", folder, "--index", index, "--preset", "colours", "-q")
    (folder / "red.png").unlink()
    done = run("export", "--all", "-f", "cutouts", "-o", tmp_path / "out", "--index", index)
    assert done.code == 3
    assert "red.png" in done.err
    assert list((tmp_path / "out").glob("blue*.png"))


def test_what_is_in_the_way_is_told_before_models_are_loaded(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("export", "--all", "-o", tmp_path / "out", "--index", indexed).code == 0
    monkeypatch.setattr(
        "model.presets.preset.Preset.build_embedder", lambda self: pytest.fail("a model is loaded")
    )
    refused = run("export", "red", "-o", tmp_path / "out", "--index", indexed)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    for place in ("/dev/null", "", tmp_path / "out" / "manifest.json"):
        refused = run("export", "red", "-o", place, "--index", indexed, "--overwrite")
        assert (refused.code, refused.err.count("\n")) == (2, 1)
