"""Records of a curation survive being written as JSON."""

import json

import pytest

from model.curation.records import Box, Caption, Phrase

CAPTION = Caption("A white cat on a seat.", "scene", "side-files")
REGION = Caption("a seat", "object", "florence-2", (0.1, 0.2, 0.5, 0.75))
PHRASE = Phrase("white cat on a seat", "white cat", (2, 21), "", CAPTION)
BOX = Box((0.0, 0.25, 0.5, 1.0), PHRASE, 0.5, "nano", ("white cat on a seat", "white cat"))


@pytest.mark.parametrize("record", [CAPTION, REGION, PHRASE, BOX])
def test_a_record_is_read_back_from_json(record: Caption | Phrase | Box) -> None:
    assert type(record).from_dict(json.loads(json.dumps(record.to_dict()))) == record
