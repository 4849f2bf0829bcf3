"""The main job on real photographs: index a folder, search it, look, export.

Runs the commands that a person would type, and prints them. The photographs come from the wheels
of scikit-image and scikit-learn; who made them, and under which licence, is in PHOTOGRAPHS.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image


class Photograph(NamedTuple):
    """A photograph in an installed package."""

    name: str
    package: str
    file: str
    credit: str


PHOTOGRAPHS = (
    Photograph(
        "astronaut.jpg", "skimage", "data/astronaut.png", "Eileen Collins, NASA, public domain"
    ),
    Photograph("cat.jpg", "skimage", "data/chelsea.png", "Stéfan van der Walt, CC0"),
    Photograph("coffee.jpg", "skimage", "data/coffee.png", "Rachel Michetti, Pikolo, CC0"),
    Photograph("rocket.jpg", "skimage", "data/rocket.jpg", "SpaceX, public domain"),
    Photograph(
        "motorcycle.jpg",
        "skimage",
        "data/motorcycle_left.png",
        "Middlebury stereo data set 2014 (D. Scharstein et al.), no licence stated",
    ),
    Photograph(
        "temple.jpg", "sklearn", "datasets/images/china.jpg", "danielbuechele (Flickr), CC BY 2.0"
    ),
    Photograph(
        "flower.jpg", "sklearn", "datasets/images/flower.jpg", "vultilion (Flickr), CC BY 2.0"
    ),
)
QUERIES = ("cat", "cup", "motorcycle", "sky", "wooden table", "rocket")


def main(folder: Path) -> None:
    """Do it all in `folder`, and say where the pictures lie."""
    photos, index = folder / "photos", folder / "index"
    lay_out(photos)
    run("index", photos, "--index", index)
    for words in QUERIES:
        run("search", words, "-k", "3", "--index", index)
    sheet = folder / "contact-sheet.png"
    draw(index, sheet)
    run("export", QUERIES[0], "-k", "1", "-f", "masks", "-o", folder / "masks", "--overwrite",
        "--index", index)  # fmt: skip
    run("export", QUERIES[0], "-k", "1", "-f", "cutouts", "-o", folder / "cutouts", "--overwrite",
        "--index", index)  # fmt: skip
    say(f"\nThe photographs:  {photos}")
    say(f"The contact sheet: {sheet}")
    say(f"Masks, cut-outs:   {folder / 'masks'}, {folder / 'cutouts'}")


def lay_out(photos: Path) -> None:
    """Put the photographs into a folder, as ordinary files with their credits beside them."""
    photos.mkdir(parents=True, exist_ok=True)
    for photograph in PHOTOGRAPHS:
        target = photos / photograph.name
        if target.exists():
            continue
        spec = find_spec(photograph.package)
        if spec is None or not spec.submodule_search_locations:
            sys.exit(f"{photograph.package} is not installed: pip install 'segsearch[demo]'")
        source = Path(spec.submodule_search_locations[0]) / photograph.file
        if source.suffix == target.suffix:
            shutil.copyfile(source, target)
        else:
            Image.open(source).convert("RGB").save(target, quality=92)
    credits = "\n".join(f"{p.name}: {p.credit}" for p in PHOTOGRAPHS)
    (photos / "CREDITS.txt").write_text(credits + "\n", encoding="utf-8")


def draw(index: Path, sheet: Path) -> None:
    """All searches on one contact sheet, through the Python face."""
    from searchengine import SearchEngine, contact_sheet

    with SearchEngine.open(index) as engine:
        contact_sheet([engine.search(words, k=3) for words in QUERIES], sheet)


def run(*arguments: object) -> None:
    """Type a command."""
    words = [str(argument) for argument in arguments]
    say(f"\n$ segsearch {shlex.join(words)}")
    subprocess.run([sys.executable, "-m", "cli.main", *words], check=True)


def say(line: str) -> None:
    """Print at once, in order with what the commands print."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
