"""Questions to a chat endpoint over HTTP: bounded, patient, and told apart when they fail."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from model.errors import CurationError, EngineAway, EngineRefused, ExtraMissing, shown
from model.weights.http import asked_wait

if TYPE_CHECKING:
    import httpx
    import tenacity

LARGEST_ANSWER = 4 << 20  # bytes
LONGEST_BACK_OFF = 8.0  # seconds between attempts, unless the server asks for more
_CONNECTING = 10.0  # seconds until a connection has to stand, or a sign of life come
_LONGEST_REASON = 200  # characters of what a server says that an error tells

_AWAY = frozenset({408, 425, 429, 502, 503, 504})
_WHATEVER_IS_ASKED = {
    401: "put a valid key into the environment variable that key_variable names",
    403: "put a key that may use this model into the environment variable of key_variable",
    404: "check url and model: most servers want a url that ends in /v1",
    405: "check url: most servers want one that ends in /v1",
}

Blame = Literal["photo", "server", "unknown"]


class _Passing(Exception):
    """A failure that another attempt may not meet.

    Attributes:
        blame: cause as far as this failure tells.
        wait: seconds that the server asks to be left alone.
    """

    def __init__(self, reason: str, blame: Blame, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.blame = blame
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """What a model said, and whether it had to stop before the end."""

    text: str
    cut: bool


class ChatConnection:
    """Chat completions of one address, as OpenAI's API has them; any number of threads may ask.

    Redirects are not followed, so the key goes to no other host. No answer is read beyond 4 MiB,
    or longer than the time-out.

    Args:
        url: base address, as "http://127.0.0.1:8000/v1".
        key: secret for it, or "".
        timeout: seconds within which each answer has to come.
        attempts: times that a question is asked, waiting 1, 2, 4, 8 … 8 seconds in between and
            up to one more, or as long as the server asks for, 60 seconds at the most.
        sleep: function that waits so many seconds.

    Raises:
        ExtraMissing: httpx or tenacity is not installed.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float,
        attempts: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._httpx, self._tenacity = _clients()
        self._url, self._key = url.rstrip("/"), key
        self._timeout, self._attempts, self._sleep = timeout, attempts, sleep
        self._trust = self._httpx.create_ssl_context()  # reading it for each request takes long

    def answer(self, question: Mapping[str, Any]) -> Answer:
        """What is answered to the body of a request.

        Raises:
            EngineAway: nobody answers, or the server asks for patience beyond all attempts.
            EngineRefused: the server is there, but has no answer to this.
            CurationError: the server refuses whatever it is asked: its address, the model or the
                key is wrong.
        """
        body = json.dumps(question).encode("utf-8")
        retrying = self._tenacity.Retrying(
            stop=self._tenacity.stop_after_attempt(self._attempts),
            wait=_pause,
            retry=self._tenacity.retry_if_exception_type(_Passing),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answer: Answer = retrying(self._attempt, body)
            return answer
        except _Passing as error:
            if error.blame == "server" or (error.blame == "unknown" and not self._there()):
                raise EngineAway(
                    f"{shown(self._url)} is away ({error})", "see that its server runs"
                ) from error
            raise self._refused(str(error)) from error

    def _attempt(self, body: bytes) -> Answer:
        httpx = self._httpx
        try:
            status, headers, content = self._exchange(
                "POST", "/chat/completions", body, self._timeout
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise _Passing(_told(error), "server") from error
        except httpx.TimeoutException as error:
            raise _Passing(f"no answer within {self._timeout:g} seconds", "unknown") from error
        except httpx.TransportError as error:
            raise _Passing(_told(error), "unknown") from error
        if status == 200:
            return self._read(content)
        told = f"it says {status}{self._reason(content)}"
        if status in _AWAY:
            raise _Passing(told, "server", asked_wait(headers.get("Retry-After")))
        if status >= 500:
            raise _Passing(told, "photo", asked_wait(headers.get("Retry-After")))
        if status in _WHATEVER_IS_ASKED:
            raise CurationError(f"{shown(self._url)} refuses ({told})", _WHATEVER_IS_ASKED[status])
        if 300 <= status < 400:
            place = self._without_key(headers.get("Location", ""))
            raise CurationError(
                f"{shown(self._url)} leads elsewhere ({shown(place)[:_LONGEST_REASON]})",
                "set url to where the server is",
            )
        raise self._refused(told)

    def _exchange(
        self, method: str, path: str, body: bytes, seconds: float
    ) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and body of an answer that comes within so many seconds.

        Raises:
            httpx.TransportError: the network or the server is no good.
        """
        httpx = self._httpx
        until = time.monotonic() + seconds
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        limits = httpx.Timeout(seconds, connect=min(seconds, _CONNECTING))
        content = bytearray()
        with (
            httpx.Client(verify=self._trust, timeout=limits, headers=headers) as client,
            client.stream(method, self._url + path, content=body) as response,
        ):
            for block in response.iter_raw():  # given a size, it would wait for so much
                content += block
                if len(content) > LARGEST_ANSWER:
                    raise httpx.ReadError(f"more than {LARGEST_ANSWER:,} bytes come")
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("the answer does not come to an end")
        return response.status_code, response.headers, bytes(content)

    def _read(self, content: bytes) -> Answer:
        try:
            choice = json.loads(content)["choices"][0]
            message, end = choice["message"], choice.get("finish_reason")
            text = message.get("content")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _Passing("its answer is no chat completion", "photo") from error
        if end == "content_filter" or (not text and message.get("refusal")):
            raise self._refused("it does not want to speak of this photo")
        if not isinstance(text, str) or not text.strip():
            raise _Passing("its answer is empty", "photo")
        return Answer(text, end == "length")

    def _there(self) -> bool:
        """Whether the server answers anything at all."""
        try:
            self._exchange("GET", "/models", b"", _CONNECTING)
        except self._httpx.TransportError:
            return False
        return True

    def _refused(self, why: str) -> EngineRefused:
        return EngineRefused(
            f"{shown(self._url)} gives no caption ({why})", "look into the server's log"
        )

    def _reason(self, content: bytes) -> str:
        """What a server says of its refusal, as ": …"; "" for nothing."""
        text = content[:1000].decode("utf-8", "replace")
        try:
            error = json.loads(content)
            while isinstance(error, dict):
                error = next(error[key] for key in ("error", "message", "detail") if key in error)
            text = error if isinstance(error, str) else text
        except (ValueError, StopIteration, RecursionError):
            pass
        text = shown(" ".join(self._without_key(text).split()))
        return f": {text[:_LONGEST_REASON]}" if text else ""

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "…") if self._key else text


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, _Passing) else 0.0
    backed_off = min(2.0 ** (state.attempt_number - 1), LONGEST_BACK_OFF)
    return max(backed_off, asked) + random.random()


def _told(error: Exception) -> str:
    return shown(str(error) or type(error).__name__).lower()[:_LONGEST_REASON]


def _clients() -> tuple[Any, Any]:
    try:
        import httpx
        import tenacity
    except ImportError as error:
        raise ExtraMissing(
            f"{error.name} is not installed", "install the extra: pip install 'segsearch[curate]'"
        ) from error
    return httpx, tenacity
