import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from PIL import Image

from model.evaluation.retrieval.phrase_table import COLUMNS


@pytest.mark.parametrize("task", ["retrieval", "masks", "semantic"])
def test_every_task_prints_its_table(run: Run, squares_corpus: Path, task: str) -> None:
    arguments = ["evaluate", task, "--data", squares_corpus, "--preset", "colours"]
    arguments += ["--source", "squares", "--limit", 3, "--no-baselines"]
    table = run(*arguments)
    assert table.code == 0
    assert table.err.splitlines() == [f"{done} of 3 photos" for done in range(4)]
    assert table.out.startswith(f"{task} · preset colours · 3 photos of split 'val'")
    document = json.loads(run(*arguments, "--json").out)
    assert (document["task"], document["split"], document["photos"]) == (task, "val", 3)
    for described in document["tables"]:
        assert described["title"] in table.out
        for row in described["rows"]:
            assert row["what"] in table.out
            assert "colours" in row["figures"]
            assert "felzenszwalb" not in row["figures"]


def test_baselines_stand_beside_the_preset(run: Run, squares_corpus: Path) -> None:
    done = run(
        "evaluate", "masks", "--data", squares_corpus, "--preset", "colours", "--json",
        "--limit", 2, "--annotator", 0, "--quiet",
    )  # fmt: skip
    assert done.err == ""
    (table,) = json.loads(done.out)["tables"]
    assert table["rows"][0]["figures"]["colours"] == 1
    assert table["rows"][0]["figures"]["felzenszwalb"] > 0


def test_figures_of_each_phrase_and_of_two_presets_are_told(
    run: Run, squares_corpus: Path, tmp_path: Path
) -> None:
    own, phrases = tmp_path / "own.toml", tmp_path / "phrases.csv"
    own.write_text("extends = 'colours'\nname = 'own'\n")
    arguments = ["evaluate", "retrieval", "--data", squares_corpus, "--preset", "colours"]
    arguments += ["--limit", 3, "--no-baselines", "--quiet"]
    done = run(*arguments, "--per-phrase", phrases, "--against", own, "--csv")
    assert (done.code, done.err) == (0, "")
    figures = list(csv.DictReader(io.StringIO(done.out)))
    assert {row["column"] for row in figures} >= {"colours", "own"}
    both = [[row["figure"] for row in figures if row["column"] == n] for n in ("colours", "own")]
    assert both[0] == both[1]
    each = list(csv.reader(phrases.read_text("utf-8").splitlines()))
    assert each[0] == ["", "regions", *COLUMNS]
    named = [row[0] for row in each[1:]]
    assert named == sorted(named)
    assert "square" in named
    table = json.loads(run(*arguments, "--json").out)["tables"][0]
    mean = sum(float(row[2]) for row in each[1:]) / len(named)
    assert table["rows"][0]["figures"]["colours"] == pytest.approx(mean)


@pytest.mark.parametrize("task", ["masks", "semantic", "proposals", "referring"])
def test_every_task_compares_two_presets_and_prints_csv(
    run: Run, squares_corpus: Path, tmp_path: Path, task: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text("extends = 'colours'\nname = 'own'\n")
    arguments = ["evaluate", task, "--data", squares_corpus, "--preset", "colours"]
    arguments += ["--limit", 2, "--source", "squares", "--quiet", "--against", own]
    if task == "referring":
        line = {"photo": "squares/0.png", "expression": "the red square", "region": 0}
        (tmp_path / "mine.jsonl").write_text(json.dumps(line))
        arguments += ["--expressions", tmp_path / "mine.jsonl"]
    done = run(*arguments, "--csv")
    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    rows = [row for row in rows if "second" not in row["table"] + row["row"]]
    second = [row for row in rows if row["column"].startswith("own")]
    assert second
    first = {(row["table"], row["row"], row["column"]): row["figure"] for row in rows}
    for row in second:
        column = row["column"].removeprefix("own").removeprefix(": ") or "colours"
        assert row["figure"] == first[row["table"], row["row"], column]
    assert run(*arguments, "--csv", "--json").code == 2


def test_an_annotator_whom_nobody_knows_is_told(run: Run, squares_corpus: Path) -> None:
    arguments = ("evaluate", "masks", "--data", squares_corpus, "--preset", "colours", "--quiet")
    done = run(*arguments, "--limit", 1, "--annotator", 7)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "no annotator 7" in done.err


def test_proposals_are_measured_beside_the_index(run: Run, squares_corpus: Path) -> None:
    arguments = ["evaluate", "proposals", "--data", squares_corpus, "--preset", "colours"]
    arguments += ["--source", "squares", "--limit", 3]
    done = run(*arguments)
    assert (done.code, done.err.splitlines()[-1]) == (0, "3 of 3 photos")
    assert done.out.startswith("proposals · preset colours · 3 photos of split 'val'")
    recall = json.loads(run(*arguments, "--quiet", "--json").out)["tables"][0]
    assert recall["rows"][0]["count"] == 9  # a square has two names, the ground one
    assert recall["rows"][0]["figures"]["index and ten"] == 1
    walls = [*arguments[:-4], "--source", "walls"]
    assert "no named regions" in run(*walls).err


def test_expressions_are_measured_beside_recall(
    run: Run, squares_corpus: Path, tmp_path: Path
) -> None:
    line = {"photo": "squares/0.png", "expression": "the red square", "region": 0}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line))
    arguments = ["evaluate", "referring", "--data", squares_corpus, "--preset", "colours"]
    arguments += ["--expressions", tmp_path / "mine.jsonl", "--quiet"]
    done = run(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("referring · preset colours · 1 photos of split 'val'")
    document = json.loads(run(*arguments, "--json", "--no-own-masks").out)
    table, times = document["tables"]
    sure = {"recall alone": 1, "recall alone: from": 1, "recall alone: to": 1}
    sure |= {"cascade": 1, "cascade: from": 1, "cascade: to": 1}
    assert table["rows"][0]["figures"] == {**sure, "chance": 0.5}
    assert times["title"] == "median milliseconds"
    refused = run(*arguments, "--global-local", 0.95)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "names no CLIP" in refused.err


def test_views_of_global_local_clip_are_measured(
    run: Run, squares_corpus: Path, tiny_towers: Path, tmp_path: Path
) -> None:
    line = {"photo": "squares/0.png", "expression": "the red square", "region": 0}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line))
    arguments = ["evaluate", "referring", "--data", squares_corpus, "--quiet", "--no-own-masks"]
    arguments += ["--expressions", tmp_path / "mine.jsonl"]
    arguments += ["--preset", tiny_towers / "towers.toml"]
    for views in (("--global-local", 0.9, "--blurred", "both"), ("--fusion", "both")):
        done = run(*arguments, *views)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("referring · preset tiny")
    assert run(*arguments, "--fusion", "sideways").code == 2


def test_published_references_are_measured(run: Run, tmp_path: Path) -> None:
    pixels = np.full((30, 40, 3), 128, np.uint8)
    pixels[5:25, 3:15], pixels[5:25, 25:37] = (225, 20, 20), (225, 20, 20)
    Image.fromarray(pixels).save(tmp_path / "COCO_1.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": [x, 5, 12, 20],
         "segmentation": [[x, 5, x + 12, 5, x + 12, 25, x, 25]]}
        for i, x in enumerate((3, 25))
    ]  # fmt: skip
    images = [{"id": 1, "file_name": "COCO_1.png", "height": 30, "width": 40}]
    instances = {"images": images, "annotations": annotations}
    sentences = [{"sent": "the red square on the right", "raw": "The red square on the right."}]
    refs = [
        {"ann_id": 1, "image_id": 1, "split": "val", "sentences": sentences},
        {"ann_id": 9, "image_id": 1, "split": "val", "sentences": sentences},
    ]
    (tmp_path / "refs.json").write_text(json.dumps(refs))
    (tmp_path / "instances.json").write_text(json.dumps(instances))
    done = run(
        "evaluate", "referring", "--data", tmp_path, "--refs", tmp_path / "refs.json",
        "--preset", "colours", "--json",
    )  # fmt: skip
    assert "1 rows skipped" in done.err
    regions, own, _ = json.loads(done.out)["tables"]
    assert regions["rows"][0]["figures"]["cascade"] == 1
    assert own["rows"][0]["figures"]["cascade"] == 1


def test_curation_is_measured_beside_the_plain_try(run: Run, tmp_path: Path) -> None:
    from model.masks import rle

    square = np.zeros((60, 80), np.bool_)
    square[10:40, 20:50] = True
    pixels = np.full((60, 80, 3), 128, np.uint8)
    pixels[square] = (225, 20, 20)
    (tmp_path / "coco/images").mkdir(parents=True)
    region = {"segmentation": {"counts": rle.encode(square[None])[0].decode()}, "kind": "object"}
    lines = []
    for split in ("train", "val", "spare"):
        Image.fromarray(pixels).save(tmp_path / f"coco/images/{split}.png")
        line = {"file": f"{split}.png", "height": 60, "width": 80, "split": split}
        line |= {"captions": ["A red square."], "regions": [region | {"phrases": ["square"]}]}
        lines.append(json.dumps(line if split != "spare" else line | {"captions": []}))
    (tmp_path / "coco/annotations.jsonl").write_text("\n".join(lines))
    config = tmp_path / "mine.toml"
    config.write_text('[boxes]\nengine = "preset"\npreset = "colours"\n[masks]\npreset = "colours"')
    arguments = ["evaluate", "curation", "--data", tmp_path, "--config", config]
    done = run(*arguments, "--split", "train", "--split", "val")
    assert (done.code, done.err.splitlines()[-1]) == (0, "2 of 2 photos")
    assert done.out.startswith("curation · preset colours · 2 photos of split 'train, val'")
    tables = json.loads(run(*arguments, "--quiet", "--json").out)["tables"]
    figures = {"colours": 1, "plain cosine": 1, "any of its masks": 1}
    assert [tables[0]["rows"][0][key] for key in ("count", "figures")] == [1, figures]
    assert len(tables) == 2
    refused = run(*arguments, "--split", "spare")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "no caption of these photos names a region" in refused.err


def test_held_out_phrases_have_their_own_row(
    run: Run, squares_corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "unseen.txt").write_text("ground\n")
    done = run(
        "evaluate", "retrieval", "--data", squares_corpus, "--preset", "colours",
        "--no-baselines", "--unseen", tmp_path / "unseen.txt",
    )  # fmt: skip
    assert "phrases held out: mAP" in done.out


def test_a_published_layout_is_measured(run: Run, tmp_path: Path) -> None:
    for folder in ("images/val", "annotations_detectron2_part/val"):
        (tmp_path / folder).mkdir(parents=True)
    Image.new("RGB", (40, 30), (225, 20, 20)).save(tmp_path / "images/val/a.png")
    Image.new("L", (40, 30), 1).save(tmp_path / "annotations_detectron2_part/val/a.png")
    names = "".join(f"word{n}\n" for n in range(114))
    (tmp_path / "names.txt").write_text("blue\nred\n" + names)
    arguments = ["evaluate", "semantic", "--data", tmp_path, "--preset", "colours", "--json"]
    done = run(*arguments, "--classes", tmp_path / "names.txt", "--scale", 50)
    (table,) = json.loads(done.out)["tables"]
    assert table["title"].endswith("pascal-part-116")
    assert table["rows"][0]["figures"]["colours"] == 1
    missing = run(*arguments)
    assert (missing.code, missing.out) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["retrieval", "--data", "nowhere"], "annotations.jsonl"),
        (["masks", "--data", "CORPUS", "--split", "test"], "split 'test'"),
        (["masks", "--data", "CORPUS", "--source", "walls"], "no outlined regions"),
        (["semantic", "--data", "CORPUS", "--source", "walls"], "no named regions"),
        (["semantic", "--data", "CORPUS"], "holds no labelled photos"),
        (["referring", "--data", "CORPUS", "--source", "walls"], "no expression can be made"),
        (["retrieval", "--data", "CORPUS", "--unseen", "none.txt"], "none.txt"),
        (["retrieval", "--data", "CORPUS", "--preset", "giant"], "no preset 'giant'"),
    ],
)
def test_errors_are_told_in_one_line(
    run: Run, squares_corpus: Path, arguments: list[str], told: str
) -> None:
    done = run("evaluate", *(str(squares_corpus) if a == "CORPUS" else a for a in arguments))
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert told in done.err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['segsearch','evaluate','semantic','--help']\n"
        "from cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch','numpy','skimage','PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
