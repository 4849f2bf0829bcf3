from model.segmenters.dense.nearer import ADDED, near_selection
from model.segmenters.dense.selection import Selection


def test_a_piece_s_segments_are_small_in_the_photo() -> None:
    window = (slice(0, 384), slice(0, 512))  # a quarter
    chosen = near_selection(Selection(), window, (768, 1024), looks=3)
    assert (chosen.most, chosen.added, chosen.votes) == (2 * ADDED, 0, 3)
    assert chosen.smallest < 4 * Selection().smallest
    assert 0.04 <= chosen.largest <= 0.2
    # of a piece that is all of the photo nothing is too large
    everything = (slice(0, 10), slice(0, 20))
    assert near_selection(Selection(), everything, (10, 20), looks=1).largest <= 1
