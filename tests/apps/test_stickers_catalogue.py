"""The public catalogue: what can be suggested, by which words, and what its rows have in common."""

import gzip

import numpy as np
import pytest

from choral.apps.stickers import Catalogue, Sticker, item_features, normal, shipped
from choral.apps.stickers.device.embedding import GRID, from_grid, to_grid
from choral.apps.stickers.device.messages import Candidates, Preference, candidates
from choral.errors import PeerError, UsageError
from choral.protocol import decode, encode

HEADER = "id,symbol,name,keywords_en,keywords_ja\n"


def written(tmp_path, text, name="own.csv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_every_shipped_sticker_has_keywords_in_both_languages():
    catalogue = shipped()
    assert len(catalogue) == 1_914
    assert [sticker.id for sticker in catalogue.stickers] == list(range(1_914))
    assert all(
        sticker.symbol and sticker.name and sticker.keywords_en and sticker.keywords_ja for sticker in catalogue.stickers
    )
    assert len({sticker.symbol for sticker in catalogue.stickers}) == 1_914


def test_keywords_are_in_the_form_in_which_texts_are_compared_and_each_stands_once():
    for sticker in shipped().stickers:
        assert all(word == normal(word) and "|" not in word for word in sticker.keywords)
        assert len(set(sticker.keywords_en)) == len(sticker.keywords_en)
        assert len(set(sticker.keywords_ja)) == len(sticker.keywords_ja)
        assert all(len(word) > 1 for word in sticker.keywords_en)


@pytest.mark.parametrize("phrase", ["おはよう", "ありがとう", "おやすみ", "thank you", "good morning", "happy birthday"])
def test_what_people_say_every_day_finds_at_least_ten_stickers(phrase):
    assert sum(phrase in sticker.keywords for sticker in shipped().stickers) >= 10


def test_a_team_reads_its_own_stickers(tmp_path):
    text = HEADER + "7,🐻,a bear,Bear|GOOD  morning|bear,くま|おはよう\n3,🐰,a rabbit,,うさぎ\n"
    for name in ("own.csv", "own.csv.gz"):
        catalogue = Catalogue.read(written(tmp_path, text, name))
        assert catalogue[7] == Sticker(7, "🐻", "a bear", ("bear", "good morning"), ("くま", "おはよう"))
        assert catalogue.places == {7: 0, 3: 1}
        assert catalogue[3].keywords == ("うさぎ",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column 'id'"),
        ("id,symbol,name,keywords_en\n1,a,a,a\n", "has no column 'keywords_ja'"),
        (HEADER, "holds no sticker"),
        (HEADER + "1,a,a,x,y\n2,b,b,,\n", "line 3: sticker 2 has no keyword in either language"),
        (HEADER + "1,a,a, | ,\n", "line 2: sticker 1 has no keyword"),
        (HEADER + "1,,a,x,y\n", "line 2: sticker 1 has no symbol"),
        (HEADER + "one,a,a,x,y\n", "line 2: the column 'id' holds no number"),
        (HEADER + "-1,a,a,x,y\n", "line 2: the column 'id' holds no number"),
        (HEADER + "4000000000,a,a,x,y\n", "line 2: need an id"),
        (HEADER + "1,a,a,x,y\n1,b,b,x,y\n", "line 3: the id 1 was given before"),
        (HEADER + "1,a,a\n", "line 2: the line ends before the column 'keywords_en'"),
        (HEADER + f"1,a,a,{'x' * 65},y\n", "line 2: the column 'keywords_en' holds a keyword that is too long"),
        (HEADER + '1,a,a,"x,y\n', "line"),
    ],
)
def test_a_catalogue_that_is_not_as_it_should_be_is_refused_with_line_and_column(tmp_path, text, words):
    with pytest.raises(UsageError, match=r"own\.csv") as caught:
        Catalogue.read(written(tmp_path, text))
    assert words in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x1f\x8b garbage"])
def test_what_is_no_text_is_refused(tmp_path, data):
    for name in ("own.csv", "own.csv.gz"):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(UsageError, match="cannot be read"):
            Catalogue.read(path)


def test_item_features_are_the_strongest_directions_of_the_keyword_matrix():
    catalogue = Catalogue(shipped().stickers[:300])
    rows = item_features(catalogue, 7)
    dense = _dense(catalogue)
    left, values, _ = np.linalg.svd(dense, full_matrices=False)
    exact = left[:, :7] * values[:7]
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    placed = lengths[:, 0] > 1e-9  # the rest share no keyword
    exact = exact[placed] / lengths[placed]
    signs = np.sign((exact * rows[placed]).sum(axis=0))
    assert placed.sum() > 290
    assert np.abs(rows[placed] - exact * signs).max() <= 1.01 / GRID


def test_item_features_lie_on_the_grid_and_have_length_one():
    rows = item_features(shipped(), 14)
    assert rows.dtype == np.float32
    assert np.array_equal(from_grid(to_grid(rows)), rows)
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 0.5 / GRID * np.sqrt(14) + 1e-6
    assert not rows.flags.writeable


def test_stickers_that_share_keywords_lie_together():
    catalogue, rows = shipped(), item_features(shipped(), 14)
    places = {sticker.symbol: place for place, sticker in enumerate(catalogue.stickers)}
    near, far = rows[places["😂"]] @ rows[places["🤣"]], rows[places["😂"]] @ rows[places["🍕"]]
    assert near > 0.8
    assert far < 0.4


def test_a_sticker_that_shares_no_keyword_and_a_tiny_catalogue_have_rows_too():
    alone = tuple(Sticker(number, f"{number}", "", (f"word{number}",), ()) for number in range(3))
    shared = tuple(Sticker(number, f"{number}", "", ("same", f"word{number % 5}"), ()) for number in range(3, 12))
    for catalogue in (Catalogue(alone), Catalogue(alone + shared)):
        assert np.isfinite(item_features(catalogue, 2)).all()
        assert (np.linalg.norm(item_features(catalogue, 2), axis=1) > 0.9).all()
    with pytest.raises(ValueError, match="need 1 <= q <= 64"):
        item_features(Catalogue(alone), 4)


def test_candidates_come_back_from_their_bytes():
    catalogue = shipped()
    message = some_candidates(catalogue)
    back = decode(encode(message), Candidates)
    assert encode(back) == encode(message)
    assert back.catalogue().stickers == tuple(catalogue.stickers[row] for row in (3, 5, 700))
    assert np.array_equal(back.rows(), item_features(catalogue, 14)[[3, 5, 700]])
    assert back.held.tolist() == [False, True, False]
    assert back.log_popularity().tolist() == pytest.approx([0.003, 0.005, 0.7])


def test_all_of_the_shipped_catalogue_fits_into_a_message():
    catalogue = shipped()
    everything = np.arange(len(catalogue))
    message = candidates(
        catalogue,
        rows=everything,
        held=everything % 2 == 0,
        popularity=everything.astype(np.int16),
        features=to_grid(item_features(catalogue, 14)),
    )
    assert decode(encode(message), Candidates).catalogue() == catalogue


def test_bytes_that_are_no_candidates_are_refused():
    body = encode(some_candidates(shipped()))
    for wrong in (b"", body[:-1], body + b"\0", b"\2" + body[1:], body[:1] + b"\5" + body[2:], body.replace(b"|", b"\x01", 1)):
        with pytest.raises(PeerError):
            decode(wrong, Candidates)
    generator = np.random.default_rng(1)
    for _ in range(300):
        changed = bytearray(body)
        changed[generator.integers(len(body))] ^= 1 << generator.integers(8)
        try:
            decode(bytes(changed), Candidates).catalogue()
        except PeerError:
            continue


@pytest.mark.parametrize("numbers", [np.zeros(0, np.int8), np.zeros(3, np.int16), np.zeros((2, 2), np.int8)])
def test_preference_information_is_a_row_of_int8(numbers):
    with pytest.raises(ValueError, match="int8"):
        Preference(numbers)


def some_candidates(catalogue):
    everything = np.arange(len(catalogue))
    return candidates(
        catalogue,
        rows=np.array([700, 3, 5]),
        held=everything == 5,
        popularity=everything.astype(np.int16),
        features=to_grid(item_features(catalogue, 14)),
    )


def _dense(catalogue):
    """The weighted keyword matrix, written out."""
    holders = {}
    for place, sticker in enumerate(catalogue.stickers):
        for word in [("en", one) for one in sticker.keywords_en] + [("ja", one) for one in sticker.keywords_ja]:
            holders.setdefault(word, []).append(place)
    shared = [places for places in holders.values() if len(places) > 1]
    dense = np.zeros((len(catalogue), len(shared)))
    for column, places in enumerate(shared):
        dense[places, column] = np.log((len(catalogue) + 1) / len(places))
    return dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-12)
