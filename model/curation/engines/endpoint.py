"""Captions by a multimodal model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from blake3 import blake3

from model.curation.caption_prompts import CaptionPrompts
from model.curation.captioner import Captioner
from model.curation.engines.answer_text import plain_prose
from model.curation.engines.chat_connection import ChatConnection
from model.curation.engines.photo_jpeg import photo_jpeg
from model.curation.records import Caption
from model.curation.source_photo import SourcePhoto
from model.errors import CurationError
from model.weights.urls import url_fault


@dataclass(frozen=True)
class EndpointSettings:
    """Settings of an endpoint.

    Attributes:
        model: name by which the server knows the model.
        url: base address; vLLM, llama.cpp, Ollama and LM Studio have theirs at …/v1.
        key_variable: name of the environment variable that holds the key; "" for no key.
        at_once: photos that are asked about at the same time.
        attempts: times that a question is asked before the photo is given up.
        timeout: seconds within which an answer has to come.
        max_side: pixels of the longer side of what is sent, at most.
        jpeg_quality: quality of what is sent, 1 to 95.
        most_bytes: bytes of the JPEG that is sent, at most.
        max_tokens: tokens of an answer, at most.
        tokens_key: name of that bound in the request; newer models of OpenAI want the second.
        sampling: `greedy` asks for temperature 0, `server` leaves it to the server.

    Raises:
        ValueError: a setting cannot be.
    """

    model: str
    url: str = "http://127.0.0.1:8000/v1"
    key_variable: str = ""
    at_once: int = 4
    attempts: int = 5
    timeout: float = 120.0
    max_side: int = 1024
    jpeg_quality: int = 90
    most_bytes: int = 4 << 20
    max_tokens: int = 1024
    tokens_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    sampling: Literal["greedy", "server"] = "greedy"

    def __post_init__(self) -> None:
        if fault := url_fault(self.url):
            raise ValueError(f"url is no address of a server ({fault})")
        if not self.url.isprintable() or set(self.url) & set(" ?#"):
            raise ValueError("url is no base address, expected one as http://127.0.0.1:8000/v1")
        if not self.model:
            raise ValueError("model is empty, expected a name that the server knows")
        for name in ("at_once", "attempts", "max_side", "most_bytes", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        if not 1 <= self.jpeg_quality <= 95:
            raise ValueError(f"jpeg_quality is {self.jpeg_quality}, expected 1 to 95")
        if not 0 < self.timeout <= 86_400:
            raise ValueError(f"timeout is {self.timeout:g}, expected seconds of at most a day")


class Endpoint(Captioner):
    """A multimodal model that is asked over HTTP, one question a granularity.

    Args:
        settings: settings of the endpoint.
        prompts: questions; None: the built-in ones.
        sleep: function that waits so many seconds.

    Raises:
        CurationError: the environment holds no key, or none that can be sent.
        ExtraMissing: httpx or tenacity is not installed.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        prompts: CaptionPrompts | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = settings.model
        self.at_once = settings.at_once
        self._settings, self._prompts = settings, prompts or CaptionPrompts()
        key = _key(settings.key_variable)
        self._connection = ChatConnection(
            settings.url, key, settings.timeout, settings.attempts, sleep
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the model's name, the questions and what is sent; neither where the
        server is nor its key decides what is said."""
        settings = self._settings
        said = {
            "kind": "endpoint",
            "model": settings.model,
            "prompts": self._prompts.asked(),
            "picture": [settings.max_side, settings.jpeg_quality, settings.most_bytes],
            "max_tokens": settings.max_tokens,
            "sampling": settings.sampling,
        }
        return blake3(json.dumps(said).encode("utf-8")).hexdigest()

    def captions(self, photo: SourcePhoto) -> tuple[Caption, ...]:
        """A caption a granularity: all that was answered, as one line of prose.

        Raises:
            CurationError: the server refuses whatever it is asked.
        """
        settings = self._settings
        jpeg = photo_jpeg(
            photo.image, settings.max_side, settings.jpeg_quality, settings.most_bytes
        )
        picture = f"data:image/jpeg;base64,{b64encode(jpeg).decode('ascii')}"
        found = []
        for granularity, question in self._prompts.asked():
            answer = self._connection.answer(self._question(picture, question))
            text = plain_prose(answer.text, answer.cut)
            found.append(Caption(text, granularity, self.name))
        return tuple(found)

    def _question(self, picture: str, question: str) -> dict[str, Any]:
        settings = self._settings
        content = [
            {"type": "image_url", "image_url": {"url": picture}},
            {"type": "text", "text": question},
        ]
        asked: dict[str, Any] = {
            "model": settings.model,
            "messages": [{"role": "user", "content": content}],
            settings.tokens_key: settings.max_tokens,
        }
        return asked | ({"temperature": 0} if settings.sampling == "greedy" else {})


def _key(variable: str) -> str:
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise CurationError(
            f"the environment variable {variable} holds no key", f"export {variable}=…"
        )
    if not key.isascii() or not key.isprintable() or False:
        raise CurationError(
            f"the key in the environment variable {variable} holds characters that no key has",
            "copy it again",
        )
    return key
