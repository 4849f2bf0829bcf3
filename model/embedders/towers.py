"""Universal segment embeddings over CLIP and DINOv2: of use before any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from model.devices import best_device, chosen_dtype
from model.embedder import Embedder
from model.embedders.residual_head import LevelMaps, ResidualHead, with_residual
from model.embedders.text_cache import Encode, RememberedTexts
from model.embedders.tower_settings import TowerFiles, TowerSettings
from model.embeddings import Embeddings, EmbeddingSpace
from model.encoders.tiling import enlarged
from model.errors import PresetInvalid, WeightsMismatch, shown
from model.masks.coverage import coverage
from model.masks.segments import Segments
from model.photos.images import Image

if TYPE_CHECKING:
    from model.encoders.clip_tower import ClipTower, ClipView
    from model.encoders.clip_weights import ClipNetwork, Side
    from model.encoders.dino_tower import DinoTower, DinoView


@dataclass(frozen=True, eq=False)
class SegmentViews:
    """Views of the towers on the segments of one photo; float32.

    Attributes:
        start: N×D in the direction of e0, the training-free embedding; of any length.
        cover: N×P, how much of each of CLIP's patches each mask covers.
        maps: the levels that were asked for.
    """

    start: Tensor
    cover: Tensor
    maps: LevelMaps


class TowersEmbedder(Embedder):
    """e = unit(e0 + W_r h): e0 without training, by TextRegion or CorrCLIP; h USE's head.

    Every tower is loaded when it is first needed, CLIP's two sides each by itself: a search by
    words reads the text side only.

    Args:
        space: embedding space of the vectors; the preset names it.
        files: the towers' weights.
        settings: settings of the towers.
        head: trained, or none.
    """

    def __init__(
        self,
        space: EmbeddingSpace,
        files: TowerFiles,
        settings: TowerSettings,
        head: ResidualHead | None = None,
    ) -> None:
        if files.dino is None and (head is not None or settings.method == "corr-clip"):
            raise PresetInvalid(
                f"the preset '{space.name}' names no DINOv2, which corr-clip and heads need",
                "add [weights.dino] to its file",
            )
        self._space = space
        self._files = files
        self._settings = settings
        self._head = head.to(best_device()) if head else None

    @classmethod
    def load(
        cls,
        space: EmbeddingSpace,
        settings: TowerSettings,
        files: Mapping[str, Path],
        towers: str,
    ) -> TowersEmbedder:
        """The embedder of a preset.

        Args:
            space: embedding space of the vectors.
            settings: settings of the towers.
            files: files by role: `clip` and, where there are such, `dino`, `tokenizer` and `head`.
            towers: digest of the towers and their settings.

        Raises:
            PresetInvalid: a file or a method is missing.
            WeightsMismatch: the head was trained on other towers.
        """
        if "clip" not in files:
            raise PresetInvalid(
                f"the preset '{space.name}' names no CLIP", "add [weights.clip] to its file"
            )
        head = ResidualHead.load(files["head"]) if "head" in files else None
        if head is not None and head.shape.towers != towers:
            raise WeightsMismatch(
                f"the head {shown(files['head'])} was trained on other towers than those of"
                f" '{space.name}', or with other settings of them",
                "name the preset that it was trained with, or train a head for this one",
            )
        found = TowerFiles(files["clip"], files.get("dino"), files.get("tokenizer"))
        return cls(space, found, settings, head)

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""
        return self._space

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        """One unit vector a segment, in their order; one forward pass of each tower."""
        return self.embed_all([image], [segments])[0]

    @property
    def depends_on_others(self) -> bool:
        """Whether the method is TextRegion, whose filter of patches all masks of a photo make."""
        return self._settings.method == "text-region"

    def embed_among(self, image: Image, segments: Segments, among: Segments) -> Embeddings:
        """Vectors as by `embed_segments`, with the filter of patches that `among` makes."""
        return self._embed([image], [segments], [among])[0]

    def embed_all(self, images: Sequence[Image], segments: Sequence[Segments]) -> list[Embeddings]:
        """Embeddings of each photo's segments; the towers take several photos together."""
        return self._embed(images, segments, segments)

    def _embed(
        self, images: Sequence[Image], segments: Sequence[Segments], among: Sequence[Segments]
    ) -> list[Embeddings]:
        head = self._head
        levels = (head.shape.clip_levels, head.shape.dino_levels) if head else ((), ())
        some = [number for number, each in enumerate(segments) if len(each)]
        wanted, others = ([each[i] for i in some] for each in (segments, among))
        seen = self.views_of([images[i] for i in some], wanted, *levels, among=others)
        embedded = [Embeddings.empty(self._space)] * len(segments)
        with torch.inference_mode():
            for number, view in zip(some, seen, strict=True):
                added = head(view.maps, view.cover) if head else None
                vectors = view.start if added is None else with_residual(view.start, added)
                embedded[number] = Embeddings.unit(vectors.cpu().numpy(), self._space)
        return embedded

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """One unit vector a text, in their order: means over the 80 templates of ImageNet."""
        if not texts:
            return Embeddings.empty(self._space)
        return Embeddings.unit(self._encode(texts), self._space)

    def views(
        self,
        image: Image,
        segments: Segments,
        clip_levels: Sequence[int] = (),
        dino_levels: Sequence[int] = (),
        among: Segments | None = None,
    ) -> SegmentViews:
        """What the towers see of N ≥ 1 segments of a photo; see `views_of`."""
        others = None if among is None else [among]
        return self.views_of([image], [segments], clip_levels, dino_levels, others)[0]

    @torch.inference_mode()
    def views_of(
        self,
        images: Sequence[Image],
        segments: Sequence[Segments],
        clip_levels: Sequence[int] = (),
        dino_levels: Sequence[int] = (),
        among: Sequence[Segments] | None = None,
    ) -> list[SegmentViews]:
        """What the towers see in each of several photos; DINOv2 looks only where it is needed.

        Args:
            images: the photos.
            segments: segments of each photo, at least one.
            clip_levels: numbers of CLIP's blocks whose patches are wanted.
            dino_levels: the same of DINOv2.
            among: segments of each photo that TextRegion's filter of patches is made of; by
                default those above.
        """
        if not images:
            return []
        by_correlation = self._settings.method == "corr-clip"
        clips = self.clip.look_at_all(images, clip_levels, middle=by_correlation)
        dinos: Sequence[DinoView | None] = [None] * len(images)
        if by_correlation or dino_levels:
            dinos = self.dino.look_at_all(images, dino_levels)
        others = segments if among is None else among
        return [self._seen(*each) for each in zip(clips, dinos, segments, others, strict=True)]

    def _seen(
        self, clip: ClipView, dino: DinoView | None, segments: Segments, among: Segments
    ) -> SegmentViews:
        """What both towers' views say of the segments."""
        maps = list(clip.levels.values())
        cover = coverage(segments, clip.grid).to(clip.values.device)
        if dino is not None:
            for level in dino.levels.values():
                laid = level.reshape(*dino.grid, -1)
                maps.append(enlarged(laid, clip.grid).flatten(0, 1))
        if dino is not None and self._settings.method == "corr-clip":
            from model.embedders.corr_clip import corr_clip

            start = corr_clip(self.clip.vision, clip, dino, segments)
        else:
            from model.embedders.text_region import text_region

            others = cover
            if among is not segments:
                others = coverage(among, clip.grid).to(cover.device)
            start = text_region(
                self.clip.vision,
                clip.values,
                cover,
                among=others,
                normalise=self._settings.normalise,
                mlp=self._settings.mlp,
            )
        return SegmentViews(start, cover, LevelMaps(tuple(maps), clip.whole))

    @cached_property
    def clip(self) -> ClipTower:
        """CLIP's image side, loaded on first use.

        Raises:
            WeightsMismatch, PresetInvalid: its weights or its architecture cannot be used.
        """
        from model.encoders.clip_tower import ClipTower

        settings = self._settings
        tower = ClipTower(self._network("image"), settings.side, settings.tiles)
        if tower.vision.dimension != self._space.dimension:
            raise PresetInvalid(
                f"{shown(settings.architecture)} makes vectors of {tower.vision.dimension}"
                f" components, the preset '{self._space.name}' expects {self._space.dimension}",
                "mend the preset's file",
            )
        return tower

    @cached_property
    def dino(self) -> DinoTower:
        """DINOv2, loaded on first use.

        Raises:
            WeightsMismatch: its weights cannot be used.
        """
        from model.encoders.dino_tower import DinoTower

        if self._files.dino is None:
            raise PresetInvalid(
                f"the preset '{self._space.name}' names no DINOv2", "add [weights.dino] to its file"
            )
        settings, device = self._settings, best_device()
        dtype = chosen_dtype(settings.precision, device)
        return DinoTower(self._files.dino, settings.dino_side, settings.tiles, device, dtype)

    @cached_property
    def _encode(self) -> Encode:
        from model.encoders.clip_text import ClipText

        return RememberedTexts(ClipText(self._network("text")).encode)

    def _network(self, side: Side) -> ClipNetwork:
        from model.encoders.clip_weights import load_clip

        settings, device = self._settings, best_device()
        return load_clip(
            self._files.clip,
            settings.architecture,
            settings.tag,
            self._files.tokenizer,
            device,
            chosen_dtype(settings.precision, device),
            (side,),
        )
