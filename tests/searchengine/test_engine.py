import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.errors import IndexMissing, PresetMismatch, QueryError
from searchengine import Example, Filter, Match, Negative, Options, Query, SearchEngine
from searchengine.engine import default_folder


def names(matches: Any) -> list[str]:
    return [Path(match.photo.path).name for match in matches]


def test_words_find_segments_with_their_masks(engine: SearchEngine) -> None:
    best = engine.search("red", k=1)[0]
    assert names([best])[0] in {"red.jpg", "two.jpg"}
    assert best.rank == 1
    assert best.score is not None
    assert best.score > 0.9
    mask = best.mask()
    assert mask.shape == (240, 320)
    x, y, w, h = best.box
    assert mask[y : y + h, x : x + w].sum() == mask.sum() == best.area


def test_the_mask_lies_on_the_object(engine: SearchEngine) -> None:
    matches = engine.search(Query(words="red", where=Filter(path_glob="red.jpg"), k=1))
    yy, xx = np.mgrid[:240, :320]
    truth = ((xx - 90) / 50) ** 2 + ((yy - 100) / 60) ** 2 <= 1
    mask = matches[0].mask()
    assert (mask & truth).sum() / (mask | truth).sum() > 0.95


def test_a_present_colour_is_confident_and_an_absent_one_is_not(engine: SearchEngine) -> None:
    assert engine.search("red").confident
    absent = engine.search("purple")
    assert len(absent)
    assert not absent.confident


def test_negatives_lower_what_they_name(engine: SearchEngine) -> None:
    plain = engine.search("red blue", k=8)
    without = engine.search("red blue", k=8, negatives=[Negative("blue", 1.0)])
    of_blue = [m.score for m in without if m.segment_id == engine.search("blue", k=1)[0].segment_id]
    assert without[0].segment_id != engine.search("blue", k=1)[0].segment_id
    assert len(plain) == len(without)
    assert all(score is not None and score < 0.3 for score in of_blue)


@pytest.mark.parametrize(
    "beside",
    [{"k": 20}, {"negatives": []}, {"where": Filter()}, {"per_photo": 1}, {"collapse": True}],
)
def test_what_is_said_beside_a_whole_query_is_told(
    engine: SearchEngine, beside: dict[str, Any]
) -> None:
    with pytest.raises(QueryError, match=next(iter(beside))):
        engine.search(Query(words="red"), **beside)


def test_arguments_and_a_query_say_the_same(engine: SearchEngine) -> None:
    negatives = (Negative("blue", 1.0),)
    told = engine.search("red", 3, negatives=negatives, per_photo=1, neighbours=2, collapse=False)
    whole = engine.search(
        Query(words="red", k=3, negatives=negatives, per_photo=1, neighbours=2, collapse=False)
    )
    assert told.asked == whole.asked
    assert told.to_dict() == whole.to_dict()


def test_an_example_may_have_negatives_and_neighbours(engine: SearchEngine) -> None:
    match = engine.search("red blue", k=1)[0]
    plain, without = (engine.similar(match, 5, negatives=n) for n in (None, "blue"))
    assert [m.score for m in plain] != [m.score for m in without]
    assert engine.similar(match, 5, neighbours=2).asked != plain.asked


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(path_glob="2023/*"), {"red.jpg"}),
        (Filter(camera="one"), {"red.jpg"}),
        (Filter(after=datetime(2024, 1, 1)), {"two.jpg"}),
        (Filter(before=datetime(2024, 1, 1)), {"red.jpg"}),
        (Filter(path_glob="*.png"), {"yellow.png"}),
        (Filter(camera="nobody's"), set()),
    ],
)
def test_filters_are_exact_and_never_starve(
    engine: SearchEngine, where: Filter, expected: set[str]
) -> None:
    found = engine.search("blue", k=50, where=where)
    assert set(names(found)) == expected


def test_small_segments_are_left_out(engine: SearchEngine) -> None:
    large = engine.search("blue", k=50, where=Filter(min_area=0.1))
    assert all(match.area / (240 * 320) > 0.095 for match in large)
    assert 0 < len(large) < len(engine.search("blue", k=50))


def test_matches_from_one_photo_are_limited(engine: SearchEngine) -> None:
    assert names(engine.search("blue", k=50)).count("three.jpg") >= 3
    assert names(engine.search("blue", k=50, per_photo=1)).count("three.jpg") == 1


def test_k_is_reached_although_answers_collapse(engine: SearchEngine) -> None:
    everything = engine.search("blue", k=10_000)
    for k in range(1, len(everything) + 1):
        assert [m.segment_id for m in engine.search("blue", k=k)] == [
            m.segment_id for m in everything[:k]
        ]


def test_an_indexed_photo_finds_itself(engine: SearchEngine, photos: Path) -> None:
    for photo in photos.rglob("*.*g"):
        assert photo.name in names(engine.similar(photo, k=3))


def test_a_match_finds_its_like_but_not_itself(engine: SearchEngine) -> None:
    match = engine.search("blue", k=1)[0]
    more = engine.similar(match, k=3)
    assert match.segment_id not in [m.segment_id for m in more]
    assert more[0].score is not None
    assert more[0].score > 0.9
    assert more[0].confidence is None


def test_a_point_and_a_box_ask_for_what_is_there(engine: SearchEngine, photos: Path) -> None:
    at = engine.similar(Example(photos / "2024" / "two.jpg", at=(240, 160)), k=2)
    box = engine.similar(Example(photos / "2024" / "two.jpg", box=(200, 120, 80, 80)), k=2)
    assert names(at)[0] == "three.jpg"
    assert "three.jpg" in names(box)


def test_a_photo_that_is_not_indexed_can_be_the_question(
    engine: SearchEngine, tmp_path: Path, photos: Path
) -> None:
    from PIL import Image

    copy = tmp_path / "other.png"
    Image.open(photos / "green.jpg").resize((200, 150)).save(copy)
    assert names(engine.similar(copy, k=1)) == ["green.jpg"]
    assert names(engine.similar(Example(copy, at=(112, 80)), k=1)) == ["green.jpg"]


@pytest.mark.parametrize(
    "example",
    [
        {"photo": "2024/two.jpg", "at": (400, 10)},
        {"photo": "2024/two.jpg", "box": (-50, -50, 20, 20)},
        {"segment": 10**9},
        {"photo": "2024/two.jpg", "at": (1, 1), "box": (0, 0, 5, 5)},
        {},
    ],
)
def test_pointing_at_nothing_is_told(engine: SearchEngine, photos: Path, example: dict) -> None:
    if "photo" in example:
        example = example | {"photo": photos / example["photo"]}
    with pytest.raises(QueryError):
        engine.similar(Example(**example))


@pytest.mark.parametrize("words", ["", "   ", "\n\t"])
def test_an_empty_query_is_told(engine: SearchEngine, words: str) -> None:
    with pytest.raises(QueryError, match="empty"):
        engine.search(words)


@pytest.mark.parametrize(
    "words",
    ["red " * 10_000, "🚗🚗", "красная машина", "赤い車", "\ud800 red", "%_'\"; DROP TABLE"],
)
def test_any_text_is_a_query(engine: SearchEngine, words: str) -> None:
    assert len(engine.search(words, k=3)) == 3


@pytest.mark.parametrize("k", [0, -1, 10**6])
def test_a_count_out_of_range_is_told(engine: SearchEngine, k: int) -> None:
    with pytest.raises(QueryError):
        engine.search("red", k=k)


def test_searching_before_indexing_says_how_to_index(tmp_path: Path) -> None:
    with (
        SearchEngine.open(tmp_path / "nothing") as engine,
        pytest.raises(IndexMissing, match="segsearch index"),
    ):
        engine.search("red")


def test_an_index_of_another_preset_is_refused(indexed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    from model.presets.preset import FOLDER

    text = (
        (FOLDER / "colours.toml")
        .read_text()
        .replace('kind = "colour-words"', 'kind = "colour-words"\nside = 64')
    )
    other.write_text(text)
    with (
        SearchEngine.open(indexed, preset=str(other)) as engine,
        pytest.raises(PresetMismatch, match="`preset=colours`"),
    ):
        engine.search("red")


def test_a_cutout_is_transparent_around_the_mask(engine: SearchEngine) -> None:
    match = engine.search("red", k=1)[0]
    cutout = match.cutout()
    assert cutout.mode == "RGBA"
    assert cutout.size == match.box[2:]
    alpha = np.asarray(cutout)[..., 3]
    assert (alpha > 0).sum() == match.area


def test_near_duplicate_photos_collapse(tmp_path: Path, photos: Path) -> None:
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for source in (photos / "green.jpg", photos / "three.jpg"):
        Image.open(source).save(folder / source.name, quality=95)
    Image.open(photos / "three.jpg").resize((300, 225)).save(folder / "smaller.jpg", quality=80)
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(folder)
        found = engine.search("blue", k=20)
        every = engine.search(Query(words="blue", k=20, collapse=False))
    assert len({n for n in names(found) if n != "green.jpg"}) == 1
    assert {"smaller.jpg", "three.jpg"} <= set(names(every))
    assert [Path(p).name for m in found for p in m.duplicates]


def test_the_python_face_works_as_a_plain_script(photos: Path, tmp_path: Path) -> None:
    script = tmp_path / "holiday.py"
    script.write_text(
        f"""
from searchengine import SearchEngine
engine = SearchEngine.open("holiday.index", preset="colours")
report = engine.index({str(photos)!r})
print(report)
matches = engine.search("red", k=2)
for match in matches:
    print(f"{{match.score:.2f}}", match.photo.path, match.box)
    match.cutout().save(f"{{match.photo.id}}.png")
more = engine.similar(matches[0])
print(len(more) > 0)
"""
    )
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 added\n")
    assert len(list(tmp_path.glob("*.png"))) >= 1


def test_segments_come_by_id_or_all(engine: SearchEngine) -> None:
    every = list(engine.segments())
    assert len(every) == engine.status().segments
    assert isinstance(every[0], Match)
    assert [m.segment_id for m in engine.segments([3, 1])] == [1, 3]
    with pytest.raises(QueryError, match="999999"):
        list(engine.segments([1, 999_999]))


def test_the_default_folder_is_the_environment_s_or_the_user_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGSEARCH_INDEX", "/some/where")
    assert default_folder() == Path("/some/where")
    monkeypatch.delenv("SEGSEARCH_INDEX")
    assert default_folder().parts[-2:] == ("segsearch", "index")


def test_a_folder_that_hides_our_packages_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "__init__.py").touch()
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "import searchengine"],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert str(tmp_path / "model") in done.stderr


def test_importing_is_light() -> None:
    heavy = "{'torch', 'faiss', 'transformers', 'skimage', 'typer'}"
    code = f"import sys, searchengine; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_of_a_burst_an_export_holds_every_photo(tmp_path: Path, photos: Path) -> None:
    burst = tmp_path / "burst"
    burst.mkdir()
    with Image.open(photos / "2024" / "two.jpg") as picture:
        for number, quality in enumerate((95, 90, 85)):
            picture.save(burst / f"{number}.jpg", quality=quality)
    with SearchEngine.open(tmp_path / "index", preset="colours") as engine:
        engine.index(burst, options=Options(jobs=1))
        assert len({m.photo.id for m in engine.search("red", k=50)}) == 1
        assert len({m.photo.id for m in engine.search("red", k=50, all_duplicates=True)}) == 3
        assert len({m.photo.id for m in engine.search("red", k=50, collapse=False)}) == 3
        assert engine.export("red", tmp_path / "out", "coco").photos == 3


def test_many_queries_get_the_answers_that_each_gets(engine: SearchEngine) -> None:
    queries = [
        Query(words="red", k=3),
        Query(words="red", k=8, negatives=(Negative("blue"),)),
        Query(words="blue", where=Filter(path_glob="three.jpg")),
        Query(words="green", k=1, collapse=False),
        Query(words="yellow", per_photo=1, neighbours=2),
        Query(example=engine.models.embedder.embed_texts(["purple"]), k=2),
    ] * 15  # more than are answered in one go
    together = engine.search_many(queries)
    assert len(together) == len(queries)
    for query, matches in zip(queries, together, strict=True):
        alone = engine.search(query)
        assert matches.asked is query
        assert [m.segment_id for m in matches] == [m.segment_id for m in alone]
        assert [m.merged for m in matches] == [m.merged for m in alone]
        assert [m.score for m in matches] == pytest.approx([m.score for m in alone], abs=1e-6)
        for one, other in zip(matches, alone, strict=True):
            assert one.confidence == pytest.approx(other.confidence, abs=1e-5)
            assert one.to_dict()["segmentation"] == other.to_dict()["segmentation"]
    assert engine.search_many([]) == []


def test_outlines_are_drawn_once_a_segment(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from searchengine.matches import match

    drawn = []
    draw = match.resizing.resize_mask
    monkeypatch.setattr(
        match.resizing, "resize_mask", lambda *given: drawn.append(given) or draw(*given)
    )
    match._outline.cache_clear()
    for matches in engine.search_many([Query(words="red"), Query(words="blue")] * 3):
        matches.to_dict()
    assert len(drawn) == len(set(drawn)) > 0


def test_an_engine_opened_before_its_index_takes_the_preset_of_the_index(
    photos: Path, tmp_path: Path
) -> None:
    """Another process makes the index meanwhile, with another preset than the default."""
    with SearchEngine.open(tmp_path / "index") as early:
        assert early.preset.name == "nano"
        assert early.models.embedder.space.name != "colours"
        with pytest.raises(IndexMissing):
            early.search("red")
        with SearchEngine.open(tmp_path / "index", "colours") as maker:
            maker.index(photos, options=Options(jobs=1))
            expected = [match.segment_id for match in maker.search("red")]
        assert [match.segment_id for match in early.search("red")] == expected
        assert early.preset.name == "colours"
        assert early.index(photos, options=Options(jobs=1)).unchanged == 5


def test_without_an_index_no_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.presets.preset import Preset

    def loaded(preset: Preset) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(Preset, "build_embedder", loaded)
    with SearchEngine.open(tmp_path / "index") as engine, pytest.raises(IndexMissing):
        engine.search("red")
