import gzip
from pathlib import Path

import pytest

from model.datasets.treebank import read_treebank
from model.errors import DataMissing

SENTENCE = """# text = Don't feed the dog.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tfeed\tfeed\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tit\t_\tPRON\t_\t_\t_\t_\t_\t_
4\tthe\tthe\tDET\tDT\t_\t5\tdet\t_\t_
5\tdog\tdog\tNOUN\tNN\t_\t3\tobj\t_\t_
"""


@pytest.mark.parametrize("packed", [False, True])
def test_words_their_tags_and_what_they_depend_on_are_read(tmp_path: Path, packed: bool) -> None:
    content = f"{SENTENCE}\n{SENTENCE}".encode()
    if packed:
        (tmp_path / "en-ud-dev.conllu.gz").write_bytes(gzip.compress(content))
    else:
        (tmp_path / "en-ud-dev.conllu").write_bytes(content)
    tree, again = read_treebank(tmp_path, "dev")
    assert tree == again
    assert tree.words == ("Do", "n't", "feed", "the", "dog")
    assert tree.tags == ("AUX", "PART", "VERB", "DET", "NOUN")
    assert tree.heads == (2, 2, 2, 4, 2)
    assert tree.relations == ("aux", "advmod", "root", "det", "obj")
    assert (tree.root, tree.children(4), tree.below(4)) == (2, [3], {3, 4})


@pytest.mark.parametrize(
    "content",
    [b"1\tdog", b"\xff\xfe", SENTENCE.replace("3\tobj", "9\tobj").encode(), b"\x1f\x8b\x08"],
)
def test_what_is_no_treebank_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    ending = ".gz" if content.startswith(b"\x1f") else ""
    (tmp_path / f"en-ud-dev.conllu{ending}").write_bytes(content)
    with pytest.raises(DataMissing, match="is not understood"):
        read_treebank(tmp_path, "dev")
    with pytest.raises(DataMissing, match="holds 0 files"):
        read_treebank(tmp_path, "test")
