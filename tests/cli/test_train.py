import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Run
from PIL import Image

from model.embedders.head import SegmentHead
from model.masks import rle
from model.training.loop.run_log import read_record

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "demo.toml"
COLOURS = {"red square": (200, 30, 30), "blue square": (30, 30, 200), "white square": (240,) * 3}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos of a coloured square each, with its mask and name, and a damaged line."""
    return squares(tmp_path_factory.mktemp("corpus"))


def squares(folder: Path, captioned: bool = False) -> Path:
    images = folder / "squares" / "images"
    images.mkdir(parents=True)
    random, lines = np.random.default_rng(0), []
    for number in range(12):
        name = list(COLOURS)[number % 3]
        pixels = random.integers(90, 110, (48, 64, 3)).astype(np.uint8)
        mask = np.zeros((1, 48, 64), np.bool_)
        y, x = random.integers(2, 16, 2)
        pixels[y : y + 26, x : x + 26] = COLOURS[name]
        mask[0, y : y + 26, x : x + 26] = True
        Image.fromarray(pixels).save(images / f"{number}.png")
        region = {
            "segmentation": {"size": [48, 64], "counts": rle.encode(mask)[0].decode()},
            "phrases": [name, "square"],
            "kind": "object",
        }
        record = {
            "file": f"{number}.png", "height": 48, "width": 64,
            "captions": [f"a {name} lies on the grey floor"] if captioned else [],
            "split": "val" if number >= 9 else "train", "regions": [region],
        }  # fmt: skip
        lines.append(json.dumps(record))
    lines.insert(3, '{"file": "cut of')
    (folder / "squares" / "annotations.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_the_demonstration_learns_and_goes_on(
    run: Run, corpus: Path, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ["train", RECIPE, "--data", corpus, "--out", out, "--cache", cache]
    done = run(*asked, "--json", "--threads", 1)
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (summary["folder"], summary["steps"], summary["skipped"]) == (str(out), 60, 0)
    assert summary["metrics"]["mAP"] > 0.9
    assert SegmentHead.load(out / "head.safetensors").dimension == 384
    assert "1 rows skipped: the line is not understood (the first: line 4 of" in done.err
    assert "features of 12 photos" in done.err
    assert "step 60 of 60: loss" in done.err
    assert "(best)" in done.err
    losses = [line["loss"] for line in read_record(out) if line["section"] == "train"]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    refused = run(*asked)
    assert refused.code == 1
    assert refused.err.splitlines()[-1].endswith("by --resume, or choose another folder by --out")
    again = run(*asked, "--resume", "--quiet")
    assert again.code == 0
    assert again.out.startswith("mAP: ")


def test_phrases_of_captions_are_learned_and_a_cut_run_is_resumed_exactly(
    run: Run, cache: Path, tmp_path: Path
) -> None:
    said = RECIPE.read_text().replace("dropout = 0.1", 'dropout = 0.1\nproposals = "colours"')
    said = said.replace("steps = 60", "steps = 12").replace("every = 20", "every = 6")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(said + "\n[task.phrases]\nweight = 0.5\nphotos = 4\nmasks = 2\n")
    asked = ["--data", squares(tmp_path / "data", captioned=True), "--cache", cache, "--quiet"]
    asked += ["--threads", 1, "--out"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run("train", recipe, *asked, whole).code == 0
    assert run("train", recipe, *asked, cut).code == 0
    for checkpoint in sorted((cut / "checkpoints").iterdir())[1:]:
        shutil.rmtree(checkpoint)  # as if it had been killed before the last was written
    assert run("train", recipe, *asked, cut, "--resume").code == 0
    records = [
        [line for line in read_record(of) if line["section"] == "train"] for of in (whole, cut)
    ]
    assert len(records[0]) == 12
    for one, other in zip(*records, strict=True):
        assert (one["phrases"], one["loss"]) == (other["phrases"], other["loss"])
    assert records[0][-1]["phrases"] < records[0][0]["phrases"]
    heads = [SegmentHead.load(of / "head.safetensors").state_dict() for of in (whole, cut)]
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ("", "the section [task] is missing"),
        (RECIPE.read_text().replace("steps =", "stebs ="), "[trainer] has the unknown key 'stebs'"),
        (RECIPE.read_text().replace('"corpus"', '"novel"', 1), "format is 'novel'"),
        (RECIPE.read_text() + "[task.phrases]\nweight = 1.0\n", "phrases need proposals"),
        (RECIPE.read_text().replace('"mAP"', '"IoU"'), "names 'IoU'"),
        (
            RECIPE.read_text().replace('split = "val"', 'split = "test"'),
            "no pair of the corpus data '.' can be used",
        ),
    ],
)
def test_what_cannot_be_trained_is_told_in_one_line(
    run: Run, recipe: str, told: str, corpus: Path, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text(recipe.replace("steps = 60", "steps = 1"))
    asked = ["--data", corpus, "--out", tmp_path / "out", "--cache", cache, "--quiet"]
    done = run("train", tmp_path / "r.toml", *asked)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert told in done.err
    assert done.out == ""


def test_missing_files_are_told_in_one_line(run: Run, tmp_path: Path) -> None:
    done = run("train", tmp_path / "none.toml")
    assert (done.code, done.err.count("\n")) == (1, 1)
    done = run("train", RECIPE, "--data", tmp_path / "none", "--out", tmp_path)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "--data" in done.err
