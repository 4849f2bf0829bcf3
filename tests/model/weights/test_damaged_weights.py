"""Damaged and lying files of every format that is read: refused in one line, in little memory."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from peak_memory import takes_at_most
from safetensors.torch import load_file, save_file

import model.presets
from model.calibration import Calibration
from model.embedders.attributes.classes import ClassCodes
from model.embedders.attributes.materials import MaterialModel
from model.embedders.head import SegmentHead
from model.embedders.residual_head import HeadShape, ResidualHead
from model.encoders.clip_weights import load_clip
from model.encoders.dino_tower import DinoTower
from model.encoders.efficientnet import EfficientNetTrunk, _published
from model.encoders.sentence import BertEncoder, SentenceEncoder
from model.errors import WeightsMismatch
from model.presets.random_weights import write_random_weights
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.promptable.network import PromptedSam
from model.segmenters.sam.networks.checkpoint import load_sam
from model.segmenters.sam.networks.transformers_sam import load_promptable
from model.weights.quantisation import quantised

NANO = Path(model.presets.__path__[0]) / "nano"
ALLOWED = 700 << 20  # bytes that refusing a file may take at the most
Load = Callable[[Path], object]


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Load]]:
    """A sound file of each format, and how it is loaded."""
    folder = tmp_path_factory.mktemp("formats")
    for name in ("base", "sam2"):
        write_random_weights(name, folder / name, tiny=True)
    clip = next(folder.glob("base/**/open_clip_model.safetensors"))
    torch.save(load_file(clip), folder / "clip.pth")
    sam = next(folder.glob("base/**/*.pth"))
    save_file(torch.load(sam, weights_only=True), folder / "sam.safetensors")
    ResidualHead(HeadShape((1,), (1,), 4, 4, 8, 8, "towers")).save(folder / "residual.safetensors")
    read_clip = partial(load_clip, architecture=str(folder / "base" / "clip.json"))
    return {
        "head": (NANO / "head.safetensors", SegmentHead.load),
        "residual head": (folder / "residual.safetensors", ResidualHead.load),
        "masks": (NANO / "masks.safetensors", DenseNetwork.load),
        "prompts": (
            NANO / "prompts.safetensors",
            lambda path: PromptedSam.load(path, EfficientNetTrunk()),
        ),
        "trunk": (NANO / "trunk.safetensors", _published),
        "materials": (NANO / "materials.safetensors", MaterialModel.load),
        "classes": (NANO / "classes.safetensors", ClassCodes.load),
        "sentence": (small_sentence(folder / "sentence.safetensors"), SentenceEncoder),
        "calibration": (NANO / "calibration.safetensors", Calibration.load),
        "sam": (sam, load_sam),
        "sam as safetensors": (folder / "sam.safetensors", load_sam),
        "clip": (clip, read_clip),
        "clip as a pickle": (folder / "clip.pth", read_clip),
        "dino": (next(folder.glob("base/**/dinov2*/*/model.safetensors")), DinoTower),
        "sam 2": (
            next(folder.glob("sam2/**/sam2*/*/model.safetensors")),
            lambda path: load_promptable(path.parent, torch.float32, torch.device("cpu")),
        ),
    }


def small_sentence(path: Path) -> Path:
    """A sentence tower of the bundled vocabulary."""
    shape = {
        "hidden_size": 8, "vocab_size": 30522, "max_position_embeddings": 512,
        "type_vocab_size": 2, "num_attention_heads": 2, "intermediate_size": 16,
        "num_hidden_layers": 1,
    }  # fmt: skip
    tensors = quantised(BertEncoder(shape).state_dict())
    save_file(tensors, path, metadata={"config": json.dumps(shape)})
    return path


FORMATS = (
    "head", "residual head", "masks", "prompts", "trunk", "materials", "classes", "sentence",
    "calibration", "sam", "sam as safetensors", "clip", "clip as a pickle", "dino", "sam 2",
)  # fmt: skip


def copied(sound: Path, folder: Path) -> Path:
    """A copy of a file, with the configuration that lies beside it."""
    folder.mkdir()
    for name in (sound.name, "config.json"):
        if (sound.parent / name).is_file():
            shutil.copy(sound.parent / name, folder)
    return folder / sound.name


def header(file: Path) -> tuple[dict[str, Any], bytes]:
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def rewrite(file: Path, head: dict[str, Any], body: bytes) -> None:
    text = json.dumps(head).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)


def damages(file: Path) -> Iterator[str]:
    """Damage a file in one way after the other; the name of each."""
    data = file.read_bytes()
    for name, body in {
        "empty": b"",
        "zeros": bytes(len(data)),
        "cut": data[: len(data) * 2 // 3],
        "longer than it says": struct.pack("<Q", 1 << 62) + data[8:],
        "something else": b"\x80\x04K\x01." + data[5:],
    }.items():
        file.write_bytes(body)
        yield name
    file.write_bytes(data)
    for name, change in CHANGES.items():
        if file.suffix == ".pth":
            tensors = torch.load(file, weights_only=True)
            change_tensors(tensors, change)
            torch.save(tensors, file)
        else:
            change(file)
        yield name
        file.write_bytes(data)


def change_tensors(tensors: dict[str, torch.Tensor], change: Load) -> None:
    """The same in a pickle, by way of a safetensors file in memory."""
    name, tensor = next((k, v) for k, v in tensors.items() if v.ndim > 1)
    if change is not_finite:
        tensors[name] = torch.full_like(tensor, float("nan"))
    elif change is turned:
        tensors[name] = tensor.transpose(0, 1).flatten(0, 1).contiguous()
    else:
        tensors["other." + name] = tensors.pop(name)


def not_finite(file: Path) -> None:
    head, body = header(file)
    floats = [each for each in head.values() if each.get("dtype", "").startswith(("F", "BF"))]
    harmed = bytearray(body)
    first, last = floats[-1]["data_offsets"]
    harmed[first:last] = b"\xff" * (last - first)
    rewrite(file, head, bytes(harmed))


def turned(file: Path) -> None:
    head, body = header(file)
    for name, each in head.items():
        shape = each["shape"] if name != "__metadata__" else []
        if len(shape) > 1 and shape[0] != shape[1]:
            shape[0], shape[1] = shape[1], shape[0]
    rewrite(file, head, body)


def renamed(file: Path) -> None:
    head, body = header(file)
    names = [name for name in head if name != "__metadata__"]
    head["other." + names[0]] = head.pop(names[0])
    rewrite(file, head, body)


CHANGES: dict[str, Callable[[Path], None]] = {
    "no numbers": not_finite,
    "shapes turned": turned,
    "a tensor missing": renamed,
}


def told_of(load: Load, file: Path, damage: str, *, refused: bool = True) -> str:
    """The error's line; what is taken must be taken in little memory, too."""
    told = ""
    with takes_at_most(ALLOWED, damage):
        try:
            load(file)
        except WeightsMismatch as error:
            told = str(error)
    assert told or not refused, f"{damage}: was taken"
    return told


def refused(load: Load, file: Path, damage: str) -> None:
    assert "\n" not in told_of(load, file, damage), damage


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_damaged_is_refused(
    formats: dict[str, tuple[Path, Load]], tmp_path: Path, name: str
) -> None:
    sound, load = formats[name]
    file = copied(sound, tmp_path / "own")
    load(file)
    for damage in damages(file):
        refused(load, file, damage)


LIES = (0, 10**6, "x")


@pytest.mark.parametrize("name", ["head", "residual head", "masks", "prompts", "sentence"])
def test_a_header_that_lies_of_sizes_takes_no_memory(
    formats: dict[str, tuple[Path, Load]], tmp_path: Path, name: str
) -> None:
    sound, load = formats[name]
    file = copied(sound, tmp_path / "own")
    head, body = header(file)
    for key, told in head["__metadata__"].items():
        for lie in lies_of(told):
            rewrite(file, head | {"__metadata__": head["__metadata__"] | {key: lie}}, body)
            told_of(load, file, f"{key} is {lie[:60]}", refused=False)


def lies_of(told: str) -> Iterator[str]:
    """What stands in the place of a number, of a list of them or of numbers in JSON."""
    yield from ("", "[" * 9999)
    try:
        held = json.loads(told)
    except ValueError:
        held = None
    if isinstance(held, dict):
        for key in (key for key, value in held.items() if type(value) is int):
            yield from (json.dumps(held | {key: lie}) for lie in LIES)
    else:
        yield "1000000"


@pytest.mark.parametrize("name", ["dino", "sam 2"])
@pytest.mark.parametrize("count", [10**6, "x"])
def test_a_configuration_that_lies_of_layers_is_refused_at_once(
    formats: dict[str, tuple[Path, Load]], tmp_path: Path, name: str, count: object
) -> None:
    sound, load = formats[name]
    file = copied(sound, tmp_path / "own")
    config = json.loads((file.parent / "config.json").read_text())
    changed = 0
    for table in tables(config):
        for key in table:
            if key in {"num_hidden_layers", "blocks_per_stage"}:
                table[key] = [count] * 4 if key == "blocks_per_stage" else count
                changed += 1
    assert changed
    (file.parent / "config.json").write_text(json.dumps(config))
    refused(load, file, f"layers are {count}")


def tables(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield config
    for value in config.values():
        if isinstance(value, dict):
            yield from tables(value)


def test_a_pickle_that_inflates_is_refused_before_it_is_read(
    formats: dict[str, tuple[Path, Load]], tmp_path: Path
) -> None:
    for name in ("sam", "clip as a pickle"):
        sound, load = formats[name]
        file = tmp_path / sound.name
        with (
            zipfile.ZipFile(sound) as old,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
        ):
            for each in old.infolist():
                data = old.read(each)
                if each.filename.endswith("data/0"):
                    data = bytes(300 << 20)
                new.writestr(each.filename, data)
        assert file.stat().st_size < 20 << 20
        with takes_at_most(100 << 20), pytest.raises(WeightsMismatch):
            load(file)
