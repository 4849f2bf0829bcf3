import io

from hypothesis import given
from hypothesis import strategies as st

from model.photos.containers.spliced_file import Stretch, spliced

CONTENT = bytes(range(100))
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=9),
        st.builds(Stretch, st.integers(0, 90), st.integers(0, 10)),
    ),
    max_size=8,
)


@given(pieces=PIECES, steps=st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 30))))
def test_it_reads_as_its_pieces_one_after_another(
    pieces: list[bytes | Stretch], steps: list[tuple[int, int]]
) -> None:
    whole = b"".join(
        piece if isinstance(piece, bytes) else CONTENT[piece.start : piece.start + piece.length]
        for piece in pieces
    )
    file, plain = spliced(io.BytesIO(CONTENT), pieces), io.BytesIO(whole)
    for place, length in steps:
        assert file.seek(place) == plain.seek(place)
        assert file.read(length) == plain.read(length)
        assert file.tell() == plain.tell()
    assert file.seek(0, 2) == len(whole)
