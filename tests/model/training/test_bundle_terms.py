"""The bundled terms."""

import gzip
import re
from pathlib import Path

from model.language.multilingual import terms
from model.training import bundle_terms


def bundled() -> list[str]:
    file = Path(terms.__file__).with_name("terms.txt.gz")
    return gzip.decompress(file.read_bytes()).decode("ascii").splitlines()


def test_the_terms_are_names_of_things() -> None:
    found = bundled()
    assert len(found) == len(set(found)) == bundle_terms.TERMS
    assert all(re.fullmatch(r"[a-z][a-z' -]+", term) for term in found)
    for term in ("dog", "elephant", "umbrella", "headlight", "traffic light", "giraffe"):
        assert term in found


def test_nouns_are_chosen_by_what_they_mean(tmp_path: Path) -> None:
    (tmp_path / "data.noun").write_text(
        "  1 a licence\n"
        "00000001 05 n 01 dog 0 000 | an animal\n"
        "00000002 09 n 01 idea 0 000 | a thought\n"
        "00000003 15 n 01 Paris 0 000 | a city\n"
        "00000004 18 n 01 oaf 0 001 ;u 00000005 n 0000 | somebody\n"
        "00000005 10 n 01 disparagement 0 000 | talk\n"
        "00000006 06 n 02 dog_house 0 kennel 0 000 | a house of a dog\n"
        "00000007 11 n 01 storm 0 000 | weather\n"
    )
    (tmp_path / "index.noun").write_text(
        "  1 a licence\n"
        "dog n 1 0 1 0 00000001\n"
        "dog_house n 1 0 1 0 00000006\n"
        "idea n 1 0 1 0 00000002\n"
        "oaf n 1 0 1 0 00000004\n"
        "paris n 1 0 1 0 00000003\n"
        "storm n 1 0 1 0 00000007\n"
    )
    ranks = {word: rank for rank, word in enumerate(("storm", "dog", "house", "idea", "oaf"))}
    assert bundle_terms._seen(tmp_path, ranks) == ["dog", "storm", "dog house"]
    assert bundle_terms._rank("doghouse", ranks) == 2
    assert bundle_terms._rank("doghut", ranks) is None
