from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_devtools.doubles.readers import PNG, article, delivery
from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadFigure, ReadPanel
from journalclip_extraction.codec import decode, decode_options, encode_delivery, encode_options
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import ArticleFacts, Box, Mention, Quality, Sourced
from journalclip_sources.sandbox.codec import encode_error
from journalclip_sources.sandbox.frames import BadFrames, split_frames

texts = st.text(max_size=30).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))
numbers = st.floats(-1e4, 1e4)
boxes = st.builds(Box, x0=numbers, y0=numbers, x1=numbers, y1=numbers)
crops = st.one_of(
    st.none(),
    st.builds(
        lambda tail: Crop(PNG + tail, "image/png", 3, 4),
        st.binary(max_size=50),
    ),
    st.builds(lambda tail: Crop(b"\xff\xd8\xff" + tail, "image/jpeg", 1, 1), st.binary(max_size=50)),
)
pages = st.integers(1, 999)
panels = st.builds(ReadPanel, st.none() | texts, pages, boxes, st.none() | texts, crops, st.none())
figures = st.builds(
    ReadFigure,
    texts,
    texts,
    texts,
    pages,
    pages,
    st.none() | boxes,
    boxes=st.lists(boxes, max_size=2).map(tuple),
    crop=crops,
    panels=st.lists(panels, max_size=3).map(tuple),
    mentions=st.lists(st.builds(Mention, page=pages, text=texts), max_size=2).map(tuple),
    quality=st.none() | st.just(Quality(usefulness="other", score=0.5, by="rules")),
)
articles = st.builds(
    ReadArticle,
    pages,
    st.builds(ArticleFacts, title=st.builds(Sourced, value=texts)),
    st.lists(figures, max_size=4).map(tuple),
)


@given(st.lists(articles, min_size=1, max_size=3).map(tuple))
def test_a_delivery_survives_the_way(read: tuple[ReadArticle, ...]) -> None:
    assert decode(encode_delivery(delivery(*read))) == delivery(*read)


@given(st.integers(1, 600), st.booleans())
def test_options_survive_the_way(dpi: int, crops: bool) -> None:
    options = ExtractOptions(dpi=dpi, crops=crops)
    assert decode_options(encode_options(options)) == options


@given(texts, texts)
def test_an_error_survives_the_way(reason: str, remedy: str) -> None:
    error = decode(encode_error(PermanentError("pdf-invalid", reason, remedy)))
    assert isinstance(error, PermanentError)
    assert (error.code, error.reason, error.remedy) == ("pdf-invalid", reason, remedy)


def test_a_child_cannot_fill_the_log_with_its_reason() -> None:
    error = decode(encode_error(PermanentError("pdf-invalid", "x" * 10**6, "y" * 10**6)))
    assert isinstance(error, PermanentError)
    assert len(error.reason) + len(error.remedy) < 5000


@given(st.lists(st.binary(max_size=40), max_size=3))
def test_arbitrary_frames_are_refused(frames: list[bytes]) -> None:
    with pytest.raises(BadFrames):
        decode(frames)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_split_whole_or_not_at_all(data: bytes) -> None:
    try:
        frames = split_frames(data)
    except BadFrames:
        return
    assert b"".join(len(frame).to_bytes(8, "big") + frame for frame in frames) == data


@pytest.mark.parametrize("code", ["", "Not Kebab", "../etc", "x" * 10 + "_", "a-b-c-d-e-f-g-h"])
def test_only_codes_of_our_form_come_through(code: str) -> None:
    with pytest.raises(BadFrames, match="code"):
        decode(encode_error(PermanentError(code, "r")))


def test_neither_article_nor_error_is_refused() -> None:
    with pytest.raises(BadFrames, match="neither"):
        decode([b"{}"])


def test_an_image_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadFrames, match="not there"):
        decode(encode_delivery(delivery(article("T")))[:1])


def test_an_image_of_another_kind_is_refused() -> None:
    frames = encode_delivery(delivery(article("T")))
    with pytest.raises(BadFrames, match="image/png"):
        decode([frames[0], b"<script>"])


def test_an_image_index_that_is_no_number_is_refused() -> None:
    frames = encode_delivery(delivery(article("T")))
    with pytest.raises(BadFrames, match="not there"):
        decode([frames[0].replace(b'"data":"0"', b'"data":"-1"'), PNG])


def test_a_page_count_of_another_type_is_refused() -> None:
    frames = encode_delivery(replace(delivery(article("T")), pages=7))
    with pytest.raises(BadFrames, match="types"):
        decode([frames[0].replace(b'"pages":7', b'"pages":"many"'), PNG])
