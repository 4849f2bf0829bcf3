"""The page in a real Chromium, used for long: searched every five seconds while photos are indexed.

    python bench/soak.py MINUTES [--photos DIR] [--index DIR] [--json]

The photos of a folder are indexed through the page's server and then, or without one, every minute
five made-up photos. Told are the searches, what went wrong, the time to all tiles in view, and
the server's memory, noted twelve times.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import count
from pathlib import Path

import httpx
import numpy as np
from figures import show
from page import ASK, QUESTIONS, opened, picture, served

from searchengine.web.jobs.job import DONE, ENDED

PAUSE, BETWEEN = 5.0, 60.0  # seconds between searches, and from the end of a job to the next
NOTES = 12
TOO_LONG = 20_000  # ms, after which the page is no longer waited for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--photos", type=Path, metavar="DIR")
    parser.add_argument("--index", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        made = Path(place) / "made"
        made.mkdir()
        figures = soaked(
            60 * asked.minutes, asked.photos, made, asked.index or Path(place) / "index"
        )
        show(figures, as_json=asked.json)


def soaked(seconds: float, photos: Path | None, made: Path, index: Path) -> dict[str, object]:
    """Figures of so much searching while photos are indexed."""
    random = np.random.default_rng(2)
    names = count()
    took: list[float] = []
    resident: list[int] = []
    wrong: list[str] = []
    job, jobs, ended = "", 0, -BETWEEN
    with served(index, photos or made, made) as (address, process), opened(address) as page:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
        api = httpx.Client(base_url=f"{address}api/v1/", timeout=60)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            if job and (state := api.get(f"jobs/{job}").json()["state"]) in ENDED:
                if state != DONE:
                    wrong.append(f"job {jobs} {state}")
                job, ended = "", passed
            if not job and passed >= ended + BETWEEN:
                folder = photos if photos is not None and jobs == 0 else made
                if folder is made:
                    for _ in range(5):
                        (made / f"{next(names)}.jpg").write_bytes(picture(random))
                answer = api.post("jobs/index", json={"roots": [str(folder)]})
                job, jobs = answer.raise_for_status().json()["id"], jobs + 1
            if passed >= len(resident) * seconds / NOTES:
                resident.append(resident_bytes(process.pid))
            if photos_of(api):
                took.append(page.evaluate(ASK, QUESTIONS[int(random.integers(len(QUESTIONS)))])[1])
                if took[-1] >= TOO_LONG:
                    wrong.append(f"search {len(took)} took too long")
            time.sleep(PAUSE)
        found = photos_of(api)
    median, p95 = np.percentile(took, [50, 95]).tolist()
    return {
        "name": f"soak of {seconds / 60:g} minutes",
        "searches": len(took),
        "jobs": jobs,
        "photos": found,
        "wrong": wrong,
        "ms": median,
        "p95": p95,
        "MB": [round(each / 1e6) for each in resident],
    }


def photos_of(api: httpx.Client) -> int:
    """Number of photos in the index so far."""
    counts = api.get("status").json()["counts"]
    return 0 if counts is None else int(counts["photos"])


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(text.split("VmRSS:")[1].split()[0])


if __name__ == "__main__":
    main()
