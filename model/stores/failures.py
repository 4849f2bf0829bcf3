"""Failures of stores: which of them pass, and what the others mean, a line each."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import TypeVar

from model.errors import (
    BucketMissing,
    PhotoChanged,
    PhotoError,
    PhotoUnreadable,
    StoreAway,
    StoreRefuses,
    shown,
)
from model.stores.urls import parts
from model.weights.offline import online

Answer = TypeVar("Answer")

TRIES = 6
"""Times that a store is asked the same, at the most."""
FIRST_WAIT = 0.2
"""Seconds before it is asked for the second time; each wait is twice the one before."""
LONGEST_WAIT = 8.0
LONGEST = 180.0
"""Seconds after which it is not asked again."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PASSING_CODES = _words(
    "InternalError RequestTimeout ServiceUnavailable SlowDown Throttling ThrottlingException"
    " RequestLimitExceeded OperationAborted BadDigest IncompleteBody 408 429 500 502 503 504"
)
_CREDENTIAL_CODES = _words(
    "ExpiredToken InvalidAccessKeyId InvalidToken SignatureDoesNotMatch TokenRefreshRequired"
    " RequestTimeTooSkewed AuthorizationHeaderMalformed 401"
)
_CHANGED_CODES = _words("PreconditionFailed 412 InvalidRange 416")
_NO_CREDENTIALS = _words(
    "NoCredentialsError PartialCredentialsError ProfileNotFound CredentialRetrievalError"
    " TokenRetrievalError DefaultCredentialsError RefreshError ClientAuthenticationError"
)
# by name, since none of these libraries need be here
_PASSING_NAMES = _words(
    "ClientError ClientPayloadError ClientConnectionError ClientOSError ServerDisconnectedError"
    " ConnectionClosedError ConnectTimeoutError ReadTimeoutError EndpointConnectionError"
    " HTTPClientError IncompleteRead IncompleteReadError ResponseParserError FSTimeoutError"
    " ProxyConnectionError ServiceRequestError ServiceResponseError TransportError"
)
_PASSING_NUMBERS = frozenset({errno.EBUSY, errno.EIO, getattr(errno, "EREMOTEIO", errno.EIO)})


class ShortAnswer(OSError):
    """A store sent fewer bytes than the object has."""


def asked(url: str, question: Callable[[], Answer]) -> Answer:
    """The answer of a store, asked again, with ever longer waits, where a failure may pass.

    Args:
        url: place that the question is about, for messages.
        question: question, without arguments.

    Raises:
        PhotoUnreadable: nothing is there.
        PhotoChanged: something else is there since it was opened.
        StoreRefuses: the store does not hand it out; BucketMissing where there is no bucket.
        StoreAway: the store does not answer, or not to the end.
    """
    from tenacity import (
        Retrying,
        retry_if_exception,
        stop_after_attempt,
        stop_after_delay,
        wait_exponential,
        wait_random,
    )

    again = Retrying(
        stop=stop_after_attempt(TRIES) | stop_after_delay(LONGEST),
        wait=wait_exponential(FIRST_WAIT, LONGEST_WAIT) + wait_random(0, FIRST_WAIT),
        retry=retry_if_exception(_passes),
        reraise=True,
    )
    try:
        with online():
            return again(question)
    except Exception as error:
        raise told(url, error) from error


def told(url: str, error: Exception) -> PhotoError:
    """What an error that a store's library raised means, for people."""
    if isinstance(error, PhotoError):
        return error
    name, code, reason = shown(url), _code(error), _reason(error)
    bucket = shown(parts(url)[1])
    if code == "NoSuchBucket" or "bucket does not exist" in reason.lower():
        return BucketMissing(f"there is no bucket {bucket} ({name})", "look at its name")
    if _is_changed(error):
        return PhotoChanged(f"{name} changed while it was being read")
    if isinstance(error, FileNotFoundError) or code in ("NoSuchKey", "404"):
        return PhotoUnreadable(f"{name} is not there")
    if _names(error) & _NO_CREDENTIALS:
        return StoreRefuses(
            f"no credentials open {name} ({reason})",
            "give them as the store's own tools take them (docs/buckets.md)",
        )
    if code in _CREDENTIAL_CODES:
        return StoreRefuses(f"{name} is refused: {reason}", "renew the credentials")
    if isinstance(error, PermissionError) or code in ("AccessDenied", "403"):
        return StoreRefuses(
            f"{name} may not be read ({reason})",
            "ask for the permission to list and read it, or use other credentials",
        )
    if _passes(error):
        return StoreAway(
            f"the store of {name} does not answer ({reason})",
            "look at the network and try again later",
        )
    return StoreRefuses(f"{name} cannot be read ({reason})", "look at its address and settings")


def _passes(error: BaseException) -> bool:
    """Whether the same question may be answered a little later."""
    if _is_changed(error) or isinstance(error, FileNotFoundError | PermissionError | PhotoError):
        return False
    code = _code(error)
    if code:
        return code in _PASSING_CODES
    if _names(error) & _NO_CREDENTIALS:
        return False
    if isinstance(error, ConnectionError | TimeoutError | ShortAnswer):
        return True
    if isinstance(error, OSError) and error.args[:1] and error.args[0] in _PASSING_NUMBERS:
        return True
    return bool(_names(error) & _PASSING_NAMES)


def _is_changed(error: BaseException) -> bool:
    return _code(error) in _CHANGED_CODES or any(
        type(each).__name__ == "FileExpired" for each in _chain(error)
    )


def _code(error: BaseException) -> str:
    """Code that the store itself answered with, such as "NoSuchBucket" or "503"; "" for none."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict) and "Error" in response:
            return str(response["Error"].get("Code") or "")
        # gcsfs, then Azure
        number = {"HttpError": "code", "HttpResponseError": "status_code"}.get(type(each).__name__)
        if number and getattr(each, number, None):
            return str(getattr(each, number))
    return ""


def _names(error: BaseException) -> set[str]:
    """Names of the classes of an error and of what led to it."""
    return {kind.__name__ for each in _chain(error) for kind in type(each).__mro__}


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    for _ in range(10):
        if each is None:
            return
        yield each
        each = each.__cause__  # not the context: what was met before may have passed


def _reason(error: BaseException) -> str:
    said = error.args[-1] if isinstance(error, OSError) and error.args else error
    text = " ".join(shown(said).split())
    return text[:200] or type(error).__name__
