from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from small_treebank import EATING, TREES, write_treebank

from model.errors import WeightsMismatch
from model.language.dependency_parser import DependencyParser
from model.language.dependency_pipeline import read_pipeline, write_pipeline
from model.training.parser import fit as fitting

EPOCHS = 8


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parser that knows three sentences."""
    path = tmp_path_factory.mktemp("parser") / "small.safetensors"
    fitting.fit(TREES * 40, TREES, EPOCHS, lambda parser: write_pipeline(parser, path))
    return path


def test_what_was_taught_is_read_back(trained: Path) -> None:
    measured = fitting.accuracy(read_pipeline(trained), TREES)
    assert measured.tags == 1
    assert measured.heads >= 0.9
    assert "UPOS 1.000" in str(measured)


def test_the_same_training_gives_the_same_file(trained: Path, tmp_path: Path) -> None:
    kept: list[Any] = []
    again = tmp_path / "again.safetensors"

    def keep(parser: Any) -> None:
        kept.append(parser)
        write_pipeline(parser, again)

    fitting.fit(TREES * 40, TREES, EPOCHS, keep)
    assert len(kept) == EPOCHS
    assert again.read_bytes() == trained.read_bytes()


def test_a_trained_parser_reads_words(trained: Path) -> None:
    tree = DependencyParser(read_pipeline(trained), "small").read(EATING.words)
    assert tree == EATING


def test_the_command_writes_the_file_and_tells_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_treebank(tmp_path, copies=20)
    out = tmp_path / "out.safetensors"
    assert fitting.main([*_named(tmp_path, out), "--epochs", "1"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("test: UPOS ")
    assert "search phrases of test: UPOS " in told.out
    assert told.err.startswith("epoch 1, ")
    read_pipeline(out)


def test_the_command_tells_what_is_missing_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fitting.main(_named(tmp_path, tmp_path / "out.safetensors")) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsMismatch, match="does not hold a dependency parser"):
        read_pipeline(path)


def _named(data: Path, out: Path) -> Sequence[str]:
    return ["--data", str(data), "--out", str(out)]
