"""Patience with a download: the limits of time after which it is given up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Limits of time after which a download is given up.

    Attributes:
        timeout: seconds until a connection must stand, an answer's head be here, or a block.
        least_speed: bytes a second; slower connections are dropped, too …
        window: … after so many seconds.
        attempts: connections in a row that bring hardly anything.
        pause: seconds before the second of them; each further pause is twice as long.
        standstill: seconds in which hardly anything came, over all connections and all waiting
            for them, whatever the server asks for.
    """

    timeout: float = 20.0
    least_speed: float = 1000.0
    window: float = 30.0
    attempts: int = 5
    pause: float = 1.0
    standstill: float = 60.0

    @property
    def hardly_anything(self) -> float:
        """Bytes; what brings fewer is no progress."""
        return self.least_speed * self.window
