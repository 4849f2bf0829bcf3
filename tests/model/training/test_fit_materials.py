import json
from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close

from model.embedders.attributes.materials import COMPONENTS, LEVELS, MaterialModel
from model.encoders.efficientnet import EfficientNetTrunk
from model.errors import DataMissing
from model.training.fit_materials import (
    COLUMNS,
    JudgedRegions,
    fitted_materials,
    main,
    material_figures,
    read_judged,
)

TABLE = Path(__file__).parents[3] / "recipes" / "materials.tsv"


def judged(regions: int = 60, materials: int = 3) -> JudgedRegions:
    random = np.random.default_rng(0)
    material = np.arange(regions) % materials
    seen = random.normal(size=(regions, sum(LEVELS)))
    seen[np.arange(regions), material] += 3
    return JudgedRegions(torch.from_numpy(seen.astype(np.float32)), material)


def test_no_other_weights_fit_better() -> None:
    data, penalty = judged(), 5.0
    model = fitted_materials(data, penalty)
    columns = data.seen.double()
    deviation = columns.std(dim=0, correction=0)
    material = torch.from_numpy(data.material)
    counts = np.bincount(data.material)
    weights = np.sqrt(1 / counts[data.material])
    share = torch.from_numpy(weights / weights.mean())
    logits = model.of_textures(data.seen).double()
    excess = (logits.softmax(dim=1) - torch.eye(len(COMPONENTS))[material]) * share[:, None]
    weights = model.of_textures(torch.eye(sum(LEVELS))).double() - model.of_textures(  # type: ignore[assignment]
        torch.zeros(1, sum(LEVELS))
    )
    standardised = (columns - columns.mean(dim=0)) / deviation
    slope = excess.T @ standardised + penalty * (weights.T * deviation)
    assert slope[:3].abs().max() < 0.02
    assert excess[:, :3].sum(dim=0).abs().max() < 0.02


def test_materials_that_differ_are_told_apart() -> None:
    figures = material_figures(fitted_materials(judged()), judged())
    assert figures == {"wood": 1.0, "brick": 1.0, "stone": 1.0}


def table(folder: Path, rows: list[tuple[str, str, int, str]]) -> Path:
    file = folder / "judged.tsv"
    lines = [COLUMNS, *rows]
    file.write_text("".join("\t".join(map(str, row)) + "\n" for row in lines), encoding="utf-8")
    return file


def test_a_model_is_fitted_to_a_corpus(
    squares_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        ("squares", f"{photo}.png", region, material)
        for photo in range(7)
        for region, material in enumerate(("metal", "stone"))
    ]
    out = tmp_path / "materials.safetensors"
    asked = [str(squares_corpus), "--judged", str(table(tmp_path, rows)), "--out", str(out)]
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["regions"] == {"train": 2, "val": 12}
    assert set(told["average precision on val"]) == {"metal", "stone"}
    MaterialModel.load(out)
    trunk = EfficientNetTrunk.shared()
    (one,) = read_judged(table(tmp_path, rows[:1]), squares_corpus, "val", [trunk]).seen
    both = read_judged(table(tmp_path, rows[:1]), squares_corpus, "val", [trunk, trunk]).seen
    assert_close(both[0], one, terms=2)


def test_a_table_that_is_none_is_told_in_a_line(
    squares_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataMissing, match="names no region"):
        read_judged(table(tmp_path, [("squares", "no.png", 0, "wood")]), squares_corpus, "val", [])
    for text in ("nothing", "source\tfile\tregion\tmaterial\na\tb\t0\tcheese\n"):
        (tmp_path / "odd.tsv").write_text(text, encoding="utf-8")
        with pytest.raises(DataMissing, match=r"odd\.tsv"):
            read_judged(tmp_path / "odd.tsv", squares_corpus, "val", [])
    asked = [str(squares_corpus), "--judged", str(tmp_path / "gone.tsv"), "--out", "x"]
    assert main(asked) == 1
    assert "gone.tsv" in capsys.readouterr().err


def test_the_repositorys_table_is_understood() -> None:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == COLUMNS
    assert {line.split("\t")[3] for line in lines[1:]} == set(COMPONENTS)
