"""Config of a curation: which engines say what, and what is kept; one TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from model.curation.box_cleaning import BoxCleaning
from model.curation.caption_prompts import CaptionPrompts
from model.curation.engines.registry import CAPTIONERS, GROUNDERS, EngineKind
from model.curation.filters import FilterSettings
from model.curation.phrases import PhraseSettings
from model.curation.shards import PAIRS_A_SHARD
from model.errors import RecipeInvalid, shown
from model.toml_tables import from_table, read_toml


@dataclass(frozen=True)
class EngineChoice:
    """An engine by its kind, with its settings.

    Attributes:
        engine: its kind, a key of `CAPTIONERS` or `GROUNDERS`.
        settings: the kind's own settings.
    """

    engine: str
    settings: Any

    def to_dict(self) -> dict[str, Any]:
        """The choice as plain data."""
        return {"engine": self.engine, **asdict(self.settings)}


@dataclass(frozen=True)
class MaskSettings:
    """Settings of the masks, [masks] of a config.

    Attributes:
        preset: name of the preset whose segmenter draws what is in a box, and by whose vectors
            expressions and pairs are judged, or its TOML file.
        own: whether a segment that the preset finds unasked is taken where it has the very box.
        smallest, covered, outside: see `MaskMaker`.

    Raises:
        ValueError: a number is out of its range.
    """

    preset: str = "nano"
    own: bool = True
    smallest: float = 100
    covered: float = 0.3
    outside: float = 0.2

    def __post_init__(self) -> None:
        if self.smallest < 0:
            raise ValueError(f"smallest is {self.smallest}, expected 0 or more pixels")
        for name in ("covered", "outside"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a share from 0 to 1")


@dataclass(frozen=True)
class MergingSettings:
    """Settings of the merging, [merging] of a config.

    Attributes:
        overlap: IoU from which two masks are one pair.

    Raises:
        ValueError: the number is out of its range.
    """

    overlap: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.overlap <= 1:
            raise ValueError(f"overlap is {self.overlap}, expected an IoU above 0, 1 at most")


@dataclass(frozen=True)
class ShardSettings:
    """Settings of the files that are written, [shards] of a config.

    Attributes:
        format: `parquet`, which `segsearch train` reads, or `webdataset`, which holds the photos.
        pairs: number of pairs after which a file is full.

    Raises:
        ValueError: a number is out of its range.
    """

    format: Literal["parquet", "webdataset"] = "parquet"
    pairs: int = PAIRS_A_SHARD

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise ValueError(f"pairs is {self.pairs}, expected 1 or more")


@dataclass(frozen=True)
class CurationConfig:
    """All that a curation is told.

    Attributes:
        captions: engines that caption, in their order.
        boxes: engine that finds phrases.
        prompts, phrases, cleaning, masks, merging, filters, shards: settings of each.
        beside: folder that relative paths start from.
    """

    captions: tuple[EngineChoice, ...]
    boxes: EngineChoice
    prompts: CaptionPrompts = field(default_factory=CaptionPrompts)
    phrases: PhraseSettings = field(default_factory=PhraseSettings)
    cleaning: BoxCleaning = field(default_factory=BoxCleaning)
    masks: MaskSettings = field(default_factory=MaskSettings)
    merging: MergingSettings = field(default_factory=MergingSettings)
    filters: FilterSettings = field(default_factory=FilterSettings)
    shards: ShardSettings = field(default_factory=ShardSettings)
    beside: Path = Path()

    def to_dict(self) -> dict[str, Any]:
        """The config as plain data, without secrets and without the folder that it lies in."""
        return {
            "captions": [each.to_dict() for each in self.captions],
            "prompts": asdict(self.prompts),
            "phrases": asdict(self.phrases),
            "boxes": self.boxes.to_dict(),
            "cleaning": asdict(self.cleaning),
            "masks": asdict(self.masks),
            "merging": asdict(self.merging),
            "filters": asdict(self.filters),
            "shards": asdict(self.shards),
        }


_SECTIONS: Mapping[str, type[Any]] = {
    "prompts": CaptionPrompts,
    "phrases": PhraseSettings,
    "cleaning": BoxCleaning,
    "masks": MaskSettings,
    "merging": MergingSettings,
    "filters": FilterSettings,
    "shards": ShardSettings,
}
_KNOWN = ("captions", "boxes", *_SECTIONS)


def default_config() -> CurationConfig:
    """The config where none is given: captions beside the photos, and nano."""
    return _config({}, Path())


def load_config(path: Path) -> CurationConfig:
    """The config in a file; what it leaves out is as in `default_config`.

    `[[captions]]` (one or several) and `[boxes]` name their `engine` and its settings; the other
    sections are those of `CurationConfig`.

    Raises:
        RecipeInvalid: there is none, or it is not understood; the message names the key.
    """
    try:
        return _config(read_toml(path), path.parent)
    except OSError as error:
        raise RecipeInvalid(
            f"the config {shown(path)} cannot be read ({error.strerror})",
            "name a TOML file, as recipes/curate.toml",
        ) from error
    except ValueError as error:
        raise RecipeInvalid(f"{shown(path)} is no TOML ({error})", "mend the file") from error
    except RecipeInvalid as error:
        raise RecipeInvalid(f"{shown(path)}: {error.what}", error.fix) from error


def _config(table: Mapping[str, Any], beside: Path) -> CurationConfig:
    for key in table:
        if key not in _KNOWN:
            known = ", ".join(f"[{name}]" for name in _KNOWN)
            raise RecipeInvalid(f"there is no section [{key}]", f"known are {known}")
    captions = table.get("captions", {"engine": "side-files"})
    if isinstance(captions, Mapping):
        captions = [captions]
    if not isinstance(captions, list) or not captions:
        raise RecipeInvalid("[[captions]] names no engine", "add one")
    sections = {
        name: from_table(kind, table.get(name, {}), f"[{name}]") for name, kind in _SECTIONS.items()
    }
    return CurationConfig(
        tuple(_choice(each, CAPTIONERS, "[[captions]]") for each in captions),
        _choice(table.get("boxes", {"engine": "preset"}), GROUNDERS, "[boxes]"),
        **sections,
        beside=beside,
    )


def _choice(table: Any, kinds: Mapping[str, EngineKind[Any]], where: str) -> EngineChoice:
    if not isinstance(table, Mapping):
        raise RecipeInvalid(f"{where} is no table", "write it as a table")
    settings = dict(table)
    engine = settings.pop("engine", None)
    if not isinstance(engine, str) or engine not in kinds:
        raise RecipeInvalid(f"{where} engine is '{engine}'", f"choose one of {', '.join(kinds)}")
    return EngineChoice(engine, from_table(kinds[engine].settings, settings, where))
