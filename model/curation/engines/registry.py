"""The engines that a curation's config may name, each loaded when it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from model.curation.caption_prompts import CaptionPrompts
from model.curation.engines.endpoint import EndpointSettings
from model.curation.records import Granularity
from model.presets.preset import Models, load_preset

if TYPE_CHECKING:
    from model.curation.captioner import Captioner
    from model.curation.grounder import Grounder

E = TypeVar("E")


@dataclass(frozen=True)
class EngineContext:
    """Surroundings that engines are built with, besides their own settings.

    Attributes:
        photos: folder of the photos.
        beside: folder that relative paths of the config start from.
        prompts: questions for captioning models.
        models: models of a preset by its name, built once.
    """

    photos: Path
    beside: Path
    prompts: CaptionPrompts
    models: Callable[[str], Models]


@dataclass(frozen=True)
class EngineKind(Generic[E]):
    """A kind of engine.

    Attributes:
        settings: frozen dataclass of its keys in the config, besides `engine`.
        build: maker of the engine from such settings.
        looks: whether it runs models of its own process, rather than ask a server or read files.
    """

    settings: type[Any]
    build: Callable[[Any, EngineContext], E]
    looks: bool = True


@dataclass(frozen=True)
class SideFilesSettings:
    """Settings of captions that the photos already have.

    Attributes:
        path: file or folder of the captions; "": the folder of photos.
        format: format of the captions; None: recognised by their content.
        granularity: scope that the captions are taken to have.
    """

    path: str = ""
    format: Literal["text", "jsonl", "coco", "llava", "corpus"] | None = None
    granularity: Granularity = "scene"


@dataclass(frozen=True)
class PresetSettings:
    """Settings of a preset's own segments as boxes.

    Attributes:
        preset: name of the preset, or its TOML file.
        least: least cosine of a box.
        most: boxes of a phrase in the plural, at most.

    Raises:
        ValueError: a number is out of its range.
    """

    preset: str = "nano"
    least: float = 0.25
    most: int = 5

    def __post_init__(self) -> None:
        if not -1 <= self.least <= 1:
            raise ValueError(f"least is {self.least}, expected a cosine from -1 to 1")
        if self.most < 1:
            raise ValueError(f"most is {self.most}, expected 1 or more")


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of a published detector.

    Attributes:
        folder: folder of the model as the hub has it.
        device: "auto", or where torch shall run.
        least: score that is too low for a box; None: the model's usual one.
    """

    folder: str
    device: str = "auto"
    least: float | None = None


@dataclass(frozen=True)
class CaptionerSettings:
    """Settings of a published model that captions.

    Attributes:
        folder: folder of the model as the hub has it.
        device: "auto", or where torch shall run.
        precision: "auto", or a precision that torch shall compute in.
        batch: photos that it looks at together.
        max_tokens: tokens of an answer, at most.

    Raises:
        ValueError: a number is out of its range.
    """

    folder: str
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch: int = 4
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        if min(self.batch, self.max_tokens) < 1:
            raise ValueError(
                f"batch is {self.batch} and max_tokens {self.max_tokens}, expected 1 or more"
            )


def _side_files(settings: SideFilesSettings, context: EngineContext) -> Captioner:
    from model.curation.engines.side_files import SideFiles

    path = context.beside / settings.path if settings.path else context.photos
    return SideFiles(path, settings.format, settings.granularity)


def _endpoint(settings: EndpointSettings, context: EngineContext) -> Captioner:
    from model.curation.engines.endpoint import Endpoint

    return Endpoint(settings, context.prompts)


def _florence2(settings: CaptionerSettings, context: EngineContext) -> Captioner:
    from model.curation.engines.florence2 import Florence2Captioner

    return _published(Florence2Captioner, settings, context)


def _qwen_vl(settings: CaptionerSettings, context: EngineContext) -> Captioner:
    from model.curation.engines.qwen_vl import QwenCaptioner

    return _published(QwenCaptioner, settings, context, prompts=context.prompts)


def _published(
    kind: Any, settings: CaptionerSettings, context: EngineContext, **more: Any
) -> Captioner:
    captioner: Captioner = kind.load(
        context.beside / settings.folder,
        settings.device,
        settings.precision,
        batch=settings.batch,
        max_tokens=settings.max_tokens,
        **more,
    )
    return captioner


def _preset(settings: PresetSettings, context: EngineContext) -> Grounder:
    from model.curation.engines.preset_grounder import PresetGrounder

    models, preset = context.models(settings.preset), load_preset(settings.preset)
    return PresetGrounder(
        models.segmenter,
        models.embedder,
        preset.name,
        preset.fingerprint,
        settings.least,
        settings.most,
    )


def _grounding_dino(settings: DetectorSettings, context: EngineContext) -> Grounder:
    from model.detectors.grounding_dino import GroundingDino

    return _grounder(GroundingDino, settings, context)


def _owlv2(settings: DetectorSettings, context: EngineContext) -> Grounder:
    from model.detectors.owlv2 import Owlv2

    return _grounder(Owlv2, settings, context)


def _omdet_turbo(settings: DetectorSettings, context: EngineContext) -> Grounder:
    from model.detectors.omdet_turbo import OmDetTurbo

    return _grounder(OmDetTurbo, settings, context)


def _sam3(settings: DetectorSettings, context: EngineContext) -> Grounder:
    from model.detectors.sam3 import Sam3

    return _grounder(Sam3, settings, context)


def _grounder(kind: Any, settings: DetectorSettings, context: EngineContext) -> Grounder:
    from model.curation.engines.detector_grounder import DetectorGrounder

    folder = context.beside / settings.folder
    return DetectorGrounder(kind.load(folder, settings.device, settings.least))


CAPTIONERS: Mapping[str, EngineKind[Captioner]] = {
    "side-files": EngineKind(SideFilesSettings, _side_files, looks=False),
    "endpoint": EngineKind(EndpointSettings, _endpoint, looks=False),
    "florence-2": EngineKind(CaptionerSettings, _florence2),
    "qwen-vl": EngineKind(CaptionerSettings, _qwen_vl),
}
GROUNDERS: Mapping[str, EngineKind[Grounder]] = {
    "preset": EngineKind(PresetSettings, _preset),
    "grounding-dino": EngineKind(DetectorSettings, _grounding_dino),
    "owlv2": EngineKind(DetectorSettings, _owlv2),
    "omdet-turbo": EngineKind(DetectorSettings, _omdet_turbo),
    "sam3": EngineKind(DetectorSettings, _sam3),
}
