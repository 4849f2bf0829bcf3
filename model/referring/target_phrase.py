"""Target phrase: the words that name what an expression means, as Global-Local CLIP takes them."""

from __future__ import annotations

from model.errors import ExtraMissing
from model.language.dependency_parser import dependency_parser


def root_phrase(text: str) -> str:
    """The noun phrase of the root of the text's dependency tree, as a `TargetPhrase`.

    Where the root stands in none, that of the root's first child; where that does not either, the
    whole text, in lower case (Yu et al., CVPR 2023; the released code).

    Raises:
        ExtraMissing: no dependency parser is installed.
    """
    parser = dependency_parser()
    if parser is None:
        raise ExtraMissing(
            "there is no dependency parser", "install the extra: pip install 'segsearch[language]'"
        )
    lowered = text.lower()
    return parser.root_phrase(lowered) or lowered
