import csv
import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run
from PIL import Image
from pycocotools import mask as coco
from safetensors.torch import save_file

from model.masks.segments import Segments
from model.proposals.candidates import CandidateProposer
from model.segmenters.sam.segmenter import PointGridSegmenter
from searchengine import SearchEngine


def test_search_prints_a_table(run: Run, golden: Callable[[str, str], None], indexed: Path) -> None:
    done = run("search", "red", "-k", 2, "--index", indexed)
    assert done.code == 0
    golden("search.out", done.out)
    assert done.err == ""


def test_search_prints_json_by_contract(
    run: Run, golden: Callable[[str, str], None], indexed: Path, photos: Path
) -> None:
    done = run("search", "red", "-k", 1, "--index", indexed, "--json")
    golden("search.json", done.out)
    document = json.loads(done.out)
    assert document["query"] == "red"
    assert document["index"] == str(indexed)
    assert document["preset"] == "colours"
    (match,) = document["matches"]
    assert match["photo"] == str(photos / "red.png")
    assert coco.area(match["segmentation"]) == match["area"]
    assert coco.toBbox(match["segmentation"]).tolist() == match["bbox"]
    assert match["segmentation"]["size"] == [120, 160]


def test_neighbours_share_in_the_scores(
    run: Run, golden: Callable[[str, str], None], indexed: Path
) -> None:
    done = run("search", "red", "-k", 2, "--neighbours", 1, "--index", indexed)
    assert done.code == 0
    golden("search-neighbours.out", done.out)
    golden("search-neighbours.err", done.err)  # nothing else is red: what is alone is doubted
    assert run("search", "red", "-k", 2, "--neighbours", 0, "--index", indexed).out != done.out
    many = run("search", "red", "--neighbours", 101, "--index", indexed)
    assert (many.code, many.out) == (2, "")
    assert many.err == "segsearch: 101 neighbours were asked for: ask for 0 to 100\n"
    assert "--neighbours" in run("search", "--help").out


def test_an_absent_concept_is_told_and_the_nearest_are_shown(run: Run, indexed: Path) -> None:
    done = run("search", "purple", "giraffe", "--index", indexed)
    assert done.code == 0
    assert "no confident match for 'purple giraffe'" in done.err
    assert len(done.out.splitlines()) > 1


def test_a_batch_answers_line_by_line(run: Run, indexed: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("red\n\n  \n# a comment\nblue\n")
    done = run("search", "--batch", queries, "-k", 1, "--index", indexed)
    assert done.code == 0
    red, blue = map(json.loads, done.out.splitlines())
    assert (red["query"], blue["query"]) == ("red", "blue")
    assert Path(blue["matches"][0]["photo"]).name == "blue.png"


def test_through_a_pipe_each_line_is_answered(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"red\n\n# blue\n")))
    done = run("search", "--batch", "-", "-k", 1, "--index", indexed)
    assert done.code == 3
    red, empty, blue = map(json.loads, done.out.splitlines())
    assert (red["query"], empty["query"], blue["query"]) == ("red", "", "# blue")
    assert "empty" in empty["error"]


def test_a_batch_comes_from_stdin(run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"red\nbl\xffue\n")))
    done = run("search", "--batch", "-", "-k", 1, "--index", indexed, "--json")
    assert [json.loads(line)["query"] for line in done.out.splitlines()] == ["red", "bl\ufffdue"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["red", "--batch", "file"],
        ["red", "--after", "yesterday"],
        ["red", "--before", "2023-13"],
        ["red", "-k", "0"],
        ["red", "--min-area", "2"],
        ["red", "--neighbours", "-1"],
        ["red", "--json", "--format", "csv"],
        ["red", "--min-confidence", "2"],
        ["red", "--gallery", "page.png"],
        ["red", "-k", "10001"],
        ["red", "--neighbours", "101"],
        ["red", "--not", "x:grass"],
        ["red", "--not", "-1:grass"],
        ["red", "--not", "nan:grass"],
        ["red", "--not", "11:grass"],
        ["red", "--not", "0.8:"],
        ["red", "--near", "91,0,5"],
        ["red", "--max-area", "nan"],
    ],
)
def test_wrong_usage_ends_with_2(run: Run, indexed: Path, arguments: list[str]) -> None:
    done = run("search", *arguments, "--index", indexed)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "place",
    [
        *(["--box", box] for box in ("20,30,80,0", "20,30,-5,60", "500,500,20,20", "1,2,nan,4")),
        *(["--at", at] for at in ("nan,1", "9999,1", "-1,5")),
    ],
)
def test_a_place_that_is_none_in_the_photo_is_wrong_usage(
    run: Run, indexed: Path, photos: Path, place: list[str]
) -> None:
    done = run("similar", photos / "red.png", *place, "--index", indexed)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_conditions_and_negatives_are_heard(run: Run, indexed: Path) -> None:
    done = run(
        "search", "red", "--not", "2:grey", "--in", "b*.png", "--min-area", "0.01",
        "--per-photo", 1, "--index", indexed, "--json",
    )  # fmt: skip
    (match,) = json.loads(done.out)["matches"]
    assert Path(match["photo"]).name == "blue.png"
    nothing = run("search", "red", "--camera", "leica", "--index", indexed)
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing is indexed that these conditions allow" in nothing.err


def test_a_sheet_is_drawn(run: Run, indexed: Path, tmp_path: Path) -> None:
    from PIL import Image

    done = run("search", "red", "--index", indexed, "--sheet", tmp_path / "sheet.png")
    assert "drawn" in done.err
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 100


def test_similar_asks_a_sam_for_what_a_box_holds(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toy_sam import drawing_sam

    tensors = {name: value.contiguous() for name, value in drawing_sam().state_dict().items()}
    save_file(tensors, tmp_path / "sam.safetensors")
    preset = tmp_path / "tiny.toml"
    preset.write_text(
        """
name = "tiny"
title = "A small SAM"
image_side = 160
seconds_per_photo = 0.1
dimension = 32

[segmenter]
kind = "sam"
side = 160
points_per_side = 2
pred_iou_thresh = 0.0
stability_score_thresh = 0.0
precision = "float32"

[embedder]
kind = "colour-words"

[weights.masks]
file = "sam.safetensors"
licence = "none"
"""
    )
    index = tmp_path / "index"
    assert run("index", photos / "red.png", "--preset", preset, "--index", index).code == 0
    asked = []
    prompted = PointGridSegmenter.prompted

    def noted(segmenter: PointGridSegmenter, image: Any, **place: Any) -> Segments:
        asked.append((place, prompted(segmenter, image, **place)))
        return asked[-1][1]

    monkeypatch.setattr(PointGridSegmenter, "prompted", noted)
    done = run("similar", photos / "red.png", "--box", "3,3,40,9", "--index", index, "--json")
    assert done.code == 0
    assert json.loads(done.out)["matches"]
    ((place, found),) = asked
    assert place == {"at": None, "box": (3, 3, 40, 9)}
    assert len(found) == 1


def test_similar_takes_a_photo_a_point_a_box_or_a_segment(
    run: Run, golden: Callable[[str, str], None], indexed: Path, photos: Path
) -> None:
    red = photos / "red.png"
    golden("similar.out", run("similar", red, "-k", 2, "--index", indexed).out)
    for place in (["--at", "60,60"], ["--box", "20,30,80,60"]):
        done = run("similar", red, *place, "-k", 1, "--index", indexed, "--json")
        assert done.code == 0
        assert json.loads(done.out)["matches"][0]["confidence"] is None
    match = json.loads(run("search", "red", "-k", 1, "--index", indexed, "--json").out)
    segment = match["matches"][0]["segment_id"]
    assert run("similar", "--segment", segment, "--index", indexed).code == 0
    assert run("similar", red, "--at", "1", "--index", indexed).code == 2
    assert run("similar", photos / "broken.png", "--index", indexed).code == 1
    assert run("similar", "--index", indexed).code == 2


def test_no_index_is_one_line_with_the_way_out(run: Run, tmp_path: Path) -> None:
    done = run("search", "red", "--index", tmp_path / "none")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "segsearch index" in done.err


def test_a_sheet_never_takes_the_place_of_a_photo(run: Run, indexed: Path, tmp_path: Path) -> None:
    photo = tmp_path / "holiday.jpg"
    Image.new("RGB", (40, 30), "red").save(photo)
    before = photo.read_bytes()
    command = ("search", "red", "--index", indexed, "--sheet")
    refused = run(*command, photo)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "--overwrite" in refused.err
    assert photo.read_bytes() == before
    assert run(*command, tmp_path / "sheet.jpg").code == 0
    assert run(*command, tmp_path / "sheet.jpg").code == 0  # drawn again
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.format == "JPEG"
    assert run(*command, photo, "--overwrite").code == 0
    assert photo.read_bytes() != before


@pytest.mark.parametrize("sheet", ["", ".", "/", "/dev/null", "sheet.bmp", "sheet"])
def test_what_takes_no_sheet_is_wrong_usage(run: Run, tmp_path: Path, sheet: str) -> None:
    done = run("search", "red", "--index", tmp_path / "none", "--sheet", sheet)
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_photos_that_are_gone_are_marked(run: Run, photos: Path, tmp_path: Path) -> None:
    folder, index = tmp_path / "photos", tmp_path / "index"
    folder.mkdir()
    (folder / "red.png").write_bytes((photos / "red.png").read_bytes())
    run("index", folder, "--index", index, "--preset", "colours", "-q")
    assert "(gone)" not in run("search", "red", "-k", 1, "--index", index).out
    (folder / "red.png").unlink()
    done = run("search", "red", "-k", 1, "--index", index, "--sheet", tmp_path / "s.png")
    assert done.code == 0
    assert done.out.rstrip().endswith("red.png (gone)")
    document = json.loads(run("search", "red", "-k", 1, "--index", index, "--json").out)
    assert document["matches"][0]["missing"] is True


def test_proposals_come_after_what_the_index_holds(run: Run, indexed: Path, tmp_path: Path) -> None:
    plain = run("search", "red", "-k", 2, "--index", indexed)
    done = run("search", "red", "-k", 2, "--index", indexed, "--propose", 1)
    assert done.code == 0
    assert done.err == "looking again at the best photos …\n"
    assert done.out == 2 * plain.out  # this preset drops nothing that could be proposed
    document = json.loads(run("search", "red", "--index", indexed, "--propose", 1, "--json").out)
    assert not any(match["proposed"] for match in document["matches"])
    queries = tmp_path / "queries.txt"
    queries.write_text("red\n")
    batch = run("search", "--batch", queries, "--index", indexed, "--propose", 1)
    assert json.loads(batch.out) == document


def drawn(
    proposer: CandidateProposer, image: Any, prompt: str, known: Segments, most: int
) -> Segments:
    """Three masks of any photo: in the red square, of most of it, and of a corner."""
    masks = np.zeros((3, *known.size), np.bool_)
    masks[0, 28:68, 20:76] = masks[1, :90, :120] = masks[2, 80:, 100:] = True
    return Segments.from_masks(masks)


def test_proposals_are_explained(
    run: Run,
    golden: Callable[[str, str], None],
    indexed: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CandidateProposer, "propose", drawn)
    asked = ["search", "red", "-k", 3, "--index", indexed, "--propose", 1]
    done = run(*asked, "--explain")
    assert done.code == 0
    golden("search-propose-explain.out", done.out)
    document = json.loads(run(*asked, "--explain", "--json").out)
    golden("search-propose-explain.json", json.dumps(document["proposals"], indent=1) + "\n")
    assert document["explanation"]["recall_alone"] == "a bare phrase"
    (photo,) = document["proposals"]["photos"]
    assert photo["proposed"] == len(photo["proposals"]) == 3
    assert "proposals" not in json.loads(run(*asked, "--json").out)
    plain = json.loads(run(*asked[:-2], "--explain", "--json").out)
    assert plain["proposals"] is None


def test_proposals_are_kept(
    run: Run,
    golden: Callable[[str, str], None],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CandidateProposer, "propose", drawn)
    index = tmp_path / "index"
    run("index", photos / "red.png", "--index", index, "--preset", "colours", "-q")
    asked = ["search", "red", "--index", index, "--propose", 1, "--keep"]
    done = run(*asked, "--explain")
    assert done.code == 0
    golden("search-keep.out", done.out)
    golden("search-keep.err", done.err)
    again = run(*asked)
    assert again.err.endswith("kept 0 segments\n")
    assert "(kept)" in run("search", "red", "--index", index).out
    queries = tmp_path / "queries.txt"
    queries.write_text("red\ngrey\nblue\n")
    batch = run("search", "--batch", queries, "--index", index, "--propose", 1, "--keep")
    answers = [json.loads(line) for line in batch.out.splitlines()]
    assert not any(match["proposed"] for answer in answers for match in answer["matches"])
    with SearchEngine.open(index) as engine:
        rows = list(engine.segments(match["segment_id"] for match in answers[-1]["matches"]))
    assert len(rows) == len(answers[-1]["matches"])


def test_nothing_is_kept_unless_it_is_proposed_and_can_be_written(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = run("search", "red", "--keep", "--index", indexed)
    assert (alone.code, alone.out) == (2, "")
    monkeypatch.setattr("indexer.catalog.sqlite.database.is_writable", lambda path: False)
    monkeypatch.setattr(SearchEngine, "search", None)
    refused = run("search", "red", "--propose", 1, "--keep", "--index", indexed)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "cannot be written to" in refused.err


def test_which_one_is_meant_is_explained(
    run: Run, golden: Callable[[str, str], None], indexed: Path
) -> None:
    asked = ["search", "the", "leftmost", "red", "square", "-k", 2, "--index", indexed]
    done = run(*asked, "--explain")
    assert done.code == 0
    golden("search-explain.out", done.out)
    document = json.loads(run(*asked, "--explain", "--json").out)
    explained = document["explanation"]
    assert explained["expression"]["superlative"] == "left"
    assert explained["recall_alone"] is None
    assert [stage["name"] for stage in explained["stages"]] == ["recall", "superlative"]
    plain = json.loads(run(*asked, "--explain", "--json", "--no-refer").out)
    assert plain["explanation"] is None
    assert "explanation" not in json.loads(run(*asked, "--json").out)


def test_a_bare_phrase_is_recalls_and_neighbours_exclude_the_rest(run: Run, indexed: Path) -> None:
    bare = run("search", "red", "--index", indexed, "--explain")
    assert "recall alone answers: a bare phrase" in bare.out
    both = run("search", "the leftmost red", "--refer", "--neighbours", 2, "--index", indexed)
    assert (both.code, both.out) == (2, "")
    auto = run("search", "leftmost red square", "--neighbours", 2, "--index", indexed, "--explain")
    assert "recall alone answers: neighbours" in auto.out


def test_csv_is_read_by_a_spreadsheet(run: Run, indexed: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text('red\nblue, "deep"\n\n', "utf-8")
    done = run("search", "--batch", queries, "--format", "csv", "-k", 1, "--index", indexed)
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["query"] for row in rows] == ["red", 'blue, "deep"']
    wanted = json.loads(run("search", "red", "-k", 1, "--json", "--index", indexed).out)
    (match,) = wanted["matches"]
    assert rows[0]["photo"] == match["photo"]
    assert [int(rows[0][name]) for name in ("x", "y", "width", "height")] == match["bbox"]
    tabs = run("search", "red", "--format", "tsv", "-k", 1, "--index", indexed).out.splitlines()
    assert dict(zip(*(line.split("\t") for line in tabs), strict=True)) == rows[0]


def test_paths_are_for_other_tools(run: Run, indexed: Path, photos: Path) -> None:
    done = run("search", "red", "-0", "--no-collapse", "--index", indexed)
    paths = done.out.split("\0")
    assert paths[-1] == ""
    assert sorted(paths[:-1]) == sorted(str(photos / f"{n}.png") for n in ("red", "blue", "green"))
    lines = run("search", "red", "--format", "paths", "--index", indexed).out.splitlines()
    assert lines[0] == str(photos / "red.png")


def test_only_the_sure_are_shown_and_the_largest_first(run: Run, indexed: Path) -> None:
    asked = ("search", "red", "--json", "--no-collapse", "--index", indexed)
    sure = json.loads(run(*asked, "--min-confidence", 0.5).out)["matches"]
    large = json.loads(run(*asked, "--sort", "size").out)["matches"]
    assert all(match["confidence"] >= 0.5 for match in sure)
    assert 0 < len(sure) < len(large)
    areas = [match["area"] for match in large]
    # a share of the working frame, which the photo's own pixels round
    assert all(after <= 1.01 * before for before, after in itertools.pairwise(areas))
    assert {match["rank"] for match in large} == set(range(1, len(areas) + 1))


def test_a_sheet_and_a_gallery_of_several_queries(run: Run, indexed: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("red\n<b>blue</b> & co\n", "utf-8")
    page, sheet = tmp_path / "page.html", tmp_path / "sheet.png"
    drawn = ("--sheet", sheet, "--gallery", page)
    command = ("search", "--batch", queries, *drawn, "--index", indexed)
    for _ in range(2):  # what was drawn here is drawn again
        assert run(*command).code == 0
    text = page.read_text("utf-8")
    assert "&lt;b&gt;blue&lt;/b&gt; &amp; co" in text
    assert text.count("<section>") == 2
    assert text.count("data:image/jpeg;base64,") >= 2
    assert "<script" not in text
    assert "http:" not in text
    page.write_text("mine")
    refused = run(*command)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert page.read_text() == "mine"
    assert run(*command, "--overwrite").code == 0
