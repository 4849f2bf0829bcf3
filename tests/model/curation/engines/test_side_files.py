"""Captions that people have already are read from whatever they lie in."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.curation.engines.caption_files import LARGEST, LONGEST_LINE
from model.curation.engines.side_files import SideFiles, recognised
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto
from model.datasets.skipped_rows import SkippedRows
from model.errors import DataError

CAT, DOG = "A white cat on a seat.", "A dog."
TALK = [
    {"from": "human", "value": "<image>\nWhat is this?"},
    {"from": "gpt", "value": CAT},
    {"from": "human", "value": "And there?"},
    {"from": "gpt", "value": f"{DOG}\n"},
]


def photo(name: str) -> SourcePhoto:
    return SourcePhoto(name, Path("nowhere") / name, "00", (30, 40))


def texts(files: SideFiles, name: str) -> list[str]:
    return [caption.text for caption in files.captions(photo(name))]


def jsonl(folder: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    (folder / "captions.jsonl").write_bytes(b"\n".join(lines))
    return folder / "captions.jsonl"


def document(folder: Path, content: Any) -> Path:
    (folder / "captions.json").write_text(json.dumps(content))
    return folder / "captions.json"


def coco(*annotations: Any) -> dict[str, Any]:
    images = [{"id": 1, "file_name": "a/1.jpg"}, {"id": 2, "file_name": "2.jpg"}, {"id": 3}]
    return {"images": [*images, 7], "annotations": list(annotations)}


def test_text_files_beside_the_photos_have_a_caption_a_line(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes(f"\ufeff{CAT}\r\n\n  {DOG}\t\n{CAT}\n".encode())
    files = SideFiles(tmp_path)
    assert files.format == "text"
    assert files.captions(photo("a/1.JPG")) == (
        Caption(CAT, "scene", "side-files"), Caption(DOG, "scene", "side-files"),
    )  # fmt: skip
    assert files.captions(photo("1.jpg")) == ()
    assert len(files.skipped) == 0


def test_text_files_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Ein Kätzchen.".encode("latin-1"))
    (tmp_path / "huge.txt").write_bytes(b"cat\n" * (1 << 19))
    (tmp_path / "folder.txt").mkdir()
    files = SideFiles(tmp_path, skipped=(skipped := SkippedRows()))
    for name in ("latin", "huge", "folder"):
        assert texts(files, f"{name}.jpg") == []
    assert skipped.reasons == {"the text file cannot be read": 3}


def test_lines_of_json_name_a_photo_and_its_captions(tmp_path: Path) -> None:
    file = jsonl(
        tmp_path,
        b"\xef\xbb\xbf" + json.dumps({"photo": "a/1.jpg", "caption": f" {CAT}\n"}).encode(),
        {"image": "./a//1.jpg", "captions": [DOG, CAT]},
        {"file_name": "b\\2.jpg", "text": "A\0 \ndog.\x1b"},
        {"file_name": "3.jpg", "text": ""},
        b"",
    )
    files = SideFiles(file, granularity="object")
    assert files.format == "jsonl"
    assert texts(files, "a/1.jpg") == [CAT, DOG]
    assert files.captions(photo("b/2.jpg")) == (Caption(DOG, "object", "side-files"),)
    assert texts(files, "3.jpg") == [""]  # told as a loss later on
    assert len(files.skipped) == 0


def test_lines_that_are_not_understood_are_counted(tmp_path: Path) -> None:
    long = json.dumps({"photo": "1.jpg", "caption": "x" * 3 * LONGEST_LINE}).encode()
    file = jsonl(
        tmp_path,
        {"photo": "1.jpg", "caption": CAT},
        long,
        b"{", b"[]", b"3", b'"photo"', b"[" * 100_000, b"9" * 5000,
        '{"photo": "1.jpg", "caption": "Kätzchen"}'.encode("latin-1"),
        {"photo": 3, "caption": CAT},
        {"photo": "", "caption": CAT},
        {"photo": "/1.jpg", "caption": CAT},
        {"photo": "../1.jpg", "caption": CAT},
        {"photo": "1.jpg"},
        {"photo": "1.jpg", "caption": 3},
        {"photo": "1.jpg", "captions": [CAT, None]},
        {"photo": "1.jpg", "caption": "half of a pair: \ud800"},
        {"caption": CAT},
        long[:-2],
        {"photo": "1.jpg", "caption": DOG},
    )  # fmt: skip
    files = SideFiles(file)
    assert texts(files, "1.jpg") == [CAT, DOG]
    assert files.skipped.reasons == {
        "the row is not understood": 16,
        "a line has more than 1,048,576 bytes": 2,
    }


def test_coco_captions_are_found_by_their_image(tmp_path: Path) -> None:
    annotations = [
        {"image_id": 1, "caption": CAT},
        {"image_id": 2, "caption": DOG},
        {"image_id": 1, "caption": DOG},
        {"image_id": 9, "caption": DOG},
        {"image_id": [1], "caption": DOG},
        {"image_id": 1, "caption": None},
        "annotation",
    ]
    files = SideFiles(document(tmp_path, coco(*annotations)))
    assert files.format == "coco"
    assert texts(files, "a/1.jpg") == [CAT, DOG]
    assert texts(files, "2.jpg") == [DOG]
    assert files.skipped.reasons == {
        "the row is not understood": 5,
        "its image is not in the file": 1,
    }


def test_answers_in_conversations_are_captions(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "image": "a/1.jpg", "conversations": TALK},
        {"id": "2", "conversations": TALK},
        {"id": "3", "image": ["2.jpg", "3.jpg"], "conversations": TALK},
        {"id": "4", "image": "4.jpg", "conversations": [{"value": CAT}]},
        {"id": "5", "image": "5.jpg", "conversations": 5},
        6,
    ]
    files = SideFiles(document(tmp_path, rows))
    assert files.format == "llava"
    assert texts(files, "a/1.jpg") == [CAT, DOG]
    assert files.skipped.reasons == {"the row is not understood": 4}


def test_captions_of_a_corpus_are_read(squares_corpus: Path) -> None:
    files = SideFiles(squares_corpus)
    assert files.format == "corpus"
    assert texts(files, "walls/images/0.png") == ["A photo of a red wall."]
    assert texts(files, "squares/images/0.png") == []
    assert len(files.skipped) == 0


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b'{"photo": "1.jpg", "caption": "A cat."}\n{"photo"', "jsonl"),
        (b'\xef\xbb\xbf\n {"photo": "1.jpg", "caption": "A cat."}', "jsonl"),
        (json.dumps(coco(), indent=1).encode(), "coco"),
        (json.dumps(coco()).encode(), "coco"),
        (b'{"images": [' + b"0, " * (1 << 16), "coco"),
        (b' [\n{"id"', "llava"),
    ],
)
def test_formats_are_recognised(content: bytes, format: str, tmp_path: Path) -> None:
    (tmp_path / "captions").write_bytes(content)
    assert recognised(tmp_path / "captions") == format


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{\0}\0", b"1.jpg,A cat.", b"\0" * 9])
def test_what_is_not_recognised_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "captions").write_bytes(content)
    with pytest.raises(DataError, match="no file of captions that is known: name its format"):
        SideFiles(tmp_path / "captions")


@pytest.mark.parametrize("format", ["jsonl", "coco", "llava", "text", "corpus"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"3", b"\xff", b"[" * 100_000, b"[3]", b'{"annotations": 3}',
     b'{"annotations": [], "images": 3}'],
)  # fmt: skip
def test_a_file_without_captions_is_told(content: bytes, format: Any, tmp_path: Path) -> None:
    (tmp_path / "captions").write_bytes(content)
    with pytest.raises(DataError, match="captions") as caught:
        SideFiles(tmp_path / "captions", format)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*nowhere"):
        SideFiles(tmp_path / "nowhere")
    with pytest.raises(DataError, match="nowhere cannot be read"):
        SideFiles(tmp_path / "nowhere", "coco")
    with pytest.raises(DataError, match="neither text files"):
        SideFiles(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        SideFiles(tmp_path, "jsonl")


def test_a_document_that_fills_the_memory_is_not_read(tmp_path: Path) -> None:
    file = document(tmp_path, [])
    os.truncate(file, LARGEST + 1)
    with pytest.raises(DataError, match="more than 2 GiB: write it as JSONL"):
        SideFiles(file)


def test_fingerprints_tell_what_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(CAT)
    first = SideFiles(tmp_path).fingerprint
    assert SideFiles(tmp_path).fingerprint == first
    assert SideFiles(tmp_path, granularity="part").fingerprint != first
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert SideFiles(tmp_path).fingerprint != first
    file = jsonl(tmp_path, {"photo": "1.jpg", "caption": CAT})
    second = SideFiles(file).fingerprint
    file = file.rename(tmp_path / "moved.jsonl")
    assert SideFiles(file).fingerprint == second
    file.write_text(file.read_text().replace("cat", "cot"))
    assert SideFiles(file).fingerprint != second


@settings(max_examples=40)
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(CAT),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["photo", "caption", "annotations", "images", "id", "image_id", "file_name",
                     "image", "conversations", "from", "value"]
                ),
                inner,
                max_size=3,
            ),
            max_leaves=8,
        ),
        max_size=3,
    )
)  # fmt: skip
def test_whatever_json_says_it_is_captions_or_told(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    for file in (document(folder, rows), jsonl(folder, *rows)):
        for format in ("jsonl", "coco", "llava"):
            try:
                files = SideFiles(file, format)
            except DataError:
                continue
            assert all(isinstance(text, str) for text in texts(files, "1.jpg"))
