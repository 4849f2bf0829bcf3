import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

from model.errors import PhotoUnreadable
from model.photos.images import read_image
from model.photos.library_messages import Messages, printed_messages


def fax() -> bytes:
    file = io.BytesIO()
    dots = np.random.default_rng(1).integers(0, 2, (64, 64)) * 255
    image = PillowImage.fromarray(dots.astype(np.uint8)).convert("1")
    image.save(file, "TIFF", compression="group4")
    return file.getvalue()


def damaged() -> bytes:
    data = bytearray(fax())
    data[40:300] = bytes(range(256)) + bytes(4)
    return bytes(data)


def test_what_is_printed_is_kept_and_told(capfd: pytest.CaptureFixture[str]) -> None:
    messages = Messages()
    with printed_messages(messages):
        os.write(2, b"Fax4Decode:  bad code\nanother line\n")
    os.write(2, b"shown")
    assert messages.first == "Fax4Decode: bad code"
    assert capfd.readouterr().err == "shown"


def test_after_an_error_standard_error_is_there_again(capfd: pytest.CaptureFixture[str]) -> None:
    messages = Messages()

    def fail() -> None:
        with printed_messages(messages):
            os.write(2, b"why\n")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    os.write(2, b"shown")
    assert (messages.first, capfd.readouterr().err) == ("why", "shown")


def test_a_library_says_why_a_photo_is_damaged_and_nothing_reaches_the_user(
    capfd: pytest.CaptureFixture[str],
) -> None:
    whole = fax()
    assert read_image(io.BytesIO(whole)).size == (64, 64)
    for end in range(150, len(whole), 7):
        with contextlib.suppress(PhotoUnreadable):
            read_image(io.BytesIO(damaged()[:end]))
    printed = capfd.readouterr()
    assert printed.err == printed.out == ""


def test_without_standard_error_photos_are_read_all_the_same() -> None:
    code = (
        "import io, os, sys; os.close(2); sys.path.insert(0, '.');"
        "from model.photos.library_messages import Messages, printed_messages\n"
        "with printed_messages(Messages()): print('read')"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"read\n"


def test_what_decoders_log_is_not_printed() -> None:
    code = """
import io, sys
sys.path.insert(0, ".")
import numpy as np, tifffile
from model.errors import PhotoError
from model.photos.images import read_image
file = io.BytesIO()
tifffile.imwrite(file, np.zeros((4, 4), np.uint8))
data = bytearray(file.getvalue())
entry = data.index(b"\\x15\\x01\\x03\\x00")  # SamplesPerPixel
data[entry + 8 : entry + 10] = b"\\x00\\x08"
try:
    read_image(io.BytesIO(bytes(data)))
except PhotoError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
