"""Preset files that nobody means well with: each is refused in one line, and nothing is run."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import PresetError, SegsearchError
from model.presets.preset import load_preset

TOP = 'extends = "colours"\nname = "own"\n'
FILES = {
    "deep arrays": "name = " + "[" * 100_000,
    "deep tables": "[" + ".".join("a" * 20_000) + "]",
    "deep inline tables": "name = " + "{a = " * 50_000,
    "an integer of 5,000 digits": TOP + "image_side = " + "9" * 5000,
    "an integer of 4,000 digits": TOP + "image_side = " + "9" * 4000,
    "a float of 4,000 digits": TOP + "seconds_per_photo = " + "9" * 4000,
    "a large side": TOP + "image_side = 1_000_000_000",
    "a date": TOP + "image_side = 1979-05-27",
    "weights that are a number": TOP + "weights = 3",
    "weights that are a list": TOP + "weights = [3]",
    "a role that is a list": TOP + "weights.head = [3]",
    "files that are numbers": TOP + "weights.head.files = [3]",
    "referring that is a number": TOP + "referring = 3",
    "a view that is none": TOP + '[referring]\nblurred = "left"',
    "a share above one": TOP + "[referring]\nalpha = 1.5",
    "no UTF-8": TOP + "title = '\udcff'",
    "too large": TOP + "#" * (1 << 20),
    "extends a folder": 'extends = "."\nname = "own"\n',
    "extends what is no file": 'extends = "/dev/zero"\nname = "own"\n',
}
SOURCES = [
    "http://[::1/x.pth", "http://127.0.0.1:99999/x.pth", "http://a..b/x.pth", "http:///x.pth",
    "http://127.0.0.1:\u00b2/x.pth", f"http://{'a' * 70}.example/x.pth", "://", "https://",
    "javascript://a/x.pth", "http://user@a/x.pth", "http://a b/x.pth", "http://a/\u0001x.pth",
]  # fmt: skip


def preset(folder: Path, content: str) -> Path:
    path = folder / "own.toml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize("name", FILES)
def test_odd_files_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(PresetError) as told:
        load_preset(str(preset(tmp_path, FILES[name])))
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 1000


@pytest.mark.parametrize("source", SOURCES)
def test_odd_urls_are_refused_when_they_are_read(source: str, tmp_path: Path) -> None:
    path = preset(tmp_path, f'{TOP}[weights.head]\nsource = "{escaped(source)}"\n')
    with pytest.raises(PresetError) as told:
        load_preset(str(path))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("place", ["~nouser/x.pth", "~nouser", "a\\u0000b.pth", "x" * 5000])
def test_places_that_cannot_be_are_missing_files(place: str, tmp_path: Path) -> None:
    path = preset(tmp_path, f'{TOP}[weights.head]\nsource = "{place}"\n')
    with pytest.raises(SegsearchError) as told:
        load_preset(str(path)).require_weights()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("package", ["", "..", "a.b", "os.path", "__main__", "x\\u0000", "a b"])
def test_odd_packages_are_missing_and_never_imported(package: str, tmp_path: Path) -> None:
    entry = f'[weights.head]\npackage = "{package}"\nfile = "x.bin"\n'
    with pytest.raises(SegsearchError) as told:
        load_preset(str(preset(tmp_path, TOP + entry))).require_weights()
    assert "\n" not in str(told.value)


def test_a_preset_at_no_user_s_home_is_not_there() -> None:
    for name in ("~nouser/own.toml", "~nouser", "nano+~nouser/head.safetensors"):
        with pytest.raises(SegsearchError):
            load_preset(name)


def test_a_long_chain_of_extensions_ends(tmp_path: Path) -> None:
    for number in range(2000):
        text = f'extends = "{number + 1}.toml"\nname = "own"\n'
        (tmp_path / f"{number}.toml").write_text(text)
    with pytest.raises(PresetError, match="extends too many others"):
        load_preset(str(tmp_path / "0.toml"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_preset_or_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(PresetError):
        load_preset(str(path))


def escaped(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
