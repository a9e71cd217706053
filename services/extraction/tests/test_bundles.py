"""Bundles made here: what XML, pages and pictures each give, and what is refused."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from journalclip_devtools.doubles.pdfs import Journal, jpeg
from journalclip_extraction.article import ExtractOptions, ReadArticle
from journalclip_extraction.delivery import read_delivery
from journalclip_extraction.documents import identify
from journalclip_extraction.retractions import proposals
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.deliveries import pack
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import identify_article
from journalclip_shared.records.article import ArticleFacts, Sourced
from journalclip_sources.jats.parse import MAX_BYTES
from journalclip_sources.sandbox import Limits

OPTIONS = ExtractOptions(panels=False)
TITLE = "A made article about made pictures of heads"
CAPTION = "Axial CT with 10<sup>6</sup> counts &amp; a <italic>bright</italic> rim."
PRINTED = "Axial CT with 106 counts & a bright rim."


def xml(figures: str = "", article_type: str = "case-report", doi: str = "10.5555/made.77") -> bytes:
    own = figures or fig("f1", "Figure 1", CAPTION, "head-1")
    return f"""<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "JATS.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink" article-type="{article_type}"><front>
<journal-meta><journal-title-group><journal-title>Made Journal</journal-title></journal-title-group></journal-meta>
<article-meta><article-id pub-id-type="doi">{doi}</article-id>
<title-group><article-title>{TITLE}</article-title></title-group>
<contrib-group><contrib contrib-type="author">
<name><surname>Writer</surname><given-names>Ben</given-names></name></contrib>
</contrib-group><pub-date><year>2025</year></pub-date><permissions>
<license xlink:href="https://creativecommons.org/licenses/by/4.0/"><license-p>Open access.</license-p></license>
</permissions></article-meta></front><body><p>As <xref ref-type="fig" rid="f1">Fig. 1</xref> shows, it is bright.
{"Words that fill the body of this text. " * 12}</p>{own}</body>
<sub-article><body>{fig("s1", "Figure 9", "Of a letter.", "other")}</body></sub-article></article>""".encode()


def fig(identity: str, label: str, caption: str, href: str) -> str:
    return (
        f'<fig id="{identity}"><label>{label}</label><caption><title>{caption}</title></caption>'
        f'<graphic xlink:href="{href}"/></fig>'
    )


def pages() -> bytes:
    journal = Journal().text(50, 60, TITLE, size=16, font="hebo").text(50, 80, "doi: 10.5555/made.77", size=7)
    journal.paragraph(50, 100, rows=10).picture((50, 240, 285, 416), jpeg(320, 240))
    return journal.text(50, 430, f"Figure 1. {PRINTED}").paragraph(305, 100, rows=50).pdf()


def picture(width: int, height: int, kind: str = "TIFF", tint: int = 90) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg(320, 240, tint))).resize((width, height), Image.Resampling.LANCZOS).save(out, kind)
    return out.getvalue()


def read(**files: bytes) -> ReadArticle:
    delivery = read_delivery(
        pack({name.replace("__", "/").replace("_", "."): data for name, data in files.items()}), OPTIONS
    )
    (article,) = delivery.articles
    return article


def test_words_come_from_the_xml_and_the_place_from_the_pages() -> None:
    article = read(a_xml=xml(), a_pdf=pages())
    (figure,) = article.figures
    assert figure.caption == "Axial CT with 10⁶ counts & a bright rim."
    assert (figure.label, figure.number, figure.page) == ("Figure 1", "1", 1)
    assert figure.box is not None
    assert figure.mentions[0].text.startswith("As Fig. 1 shows")
    assert (article.facts.licence, article.facts.journal.value, article.article_type) == (
        "CC BY",
        "Made Journal",
        "case-report",
    )
    assert article.agreement is not None
    assert (article.agreement.figures, article.agreement.found, article.agreement.extra) == (1, 1, 0)
    assert article.sources == ("pdf", "xml")


@pytest.mark.parametrize(("side", "taken"), [((1280, 960), "package"), ((240, 180), "page, sharper")])
def test_the_sharper_picture_is_taken(side: tuple[int, int], taken: str) -> None:
    article = read(a_xml=xml(), a_pdf=pages(), **{"head-1_tif": picture(*side)})
    (figure,) = article.figures
    assert figure.crop is not None
    assert (figure.crop.width > 1000) == (taken == "package")
    assert article.agreement is not None
    assert article.agreement.pictures == (("1", taken),)
    assert article.sources == ("package", "pdf", "xml")


def test_another_picture_under_the_name_is_not_taken() -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((1280, 960)).rotate(90).save(out, "PNG")
    article = read(a_xml=xml(), a_pdf=pages(), **{"head-1_png": out.getvalue()})
    assert article.agreement is not None
    assert article.agreement.pictures == (("1", "page, the package shows another"),)


def test_xml_and_pictures_are_enough() -> None:
    article = read(a_xml=xml(), **{"head-1_tif": picture(640, 480)})
    (figure,) = article.figures
    assert figure.crop is not None
    assert (figure.crop.width, figure.box, article.pages, article.sources) == (640, None, 0, ("package", "xml"))


def test_pages_and_bundle_are_one_article() -> None:
    alone = read_delivery(pages(), OPTIONS).articles[0]
    assert identify(alone) == identify(read(a_xml=xml(), a_pdf=pages()))
    assert [each.number for each in alone.figures] == ["1"]


def test_several_articles_of_one_archive_keep_their_files() -> None:
    second = xml(fig("f1", "Figure 1", "A second head.", "b-1"), doi="10.5555/made.78").replace(
        TITLE.encode(), b"Another made title of another text"
    )
    files = {
        "i/a.xml": xml(),
        "i/a.pdf": pages(),
        "i/b.xml": second,
        "i/b-1.png": picture(400, 300, "PNG"),
        "__MACOSX/i/._a.xml": b"\0" * 40,
        "notes.docx": b"PK-not-really",
    }
    delivery = read_delivery(pack(files), OPTIONS)
    assert [[each.caption for each in article.figures] for article in delivery.articles] == [
        ["Axial CT with 10⁶ counts & a bright rim."],
        ["A second head."],
    ]
    assert [article.sources for article in delivery.articles] == [("pdf", "xml"), ("package", "xml")]
    assert delivery.left_over == ("notes.docx",)


def is_left_out(article: ReadArticle) -> bool:
    (figure,) = article.figures
    return figure.quality is not None and (figure.quality.usefulness, figure.quality.by) == ("discard", "article-type")


def test_a_retraction_makes_no_pairs() -> None:
    assert is_left_out(read(a_xml=xml(article_type="retraction"), a_pdf=pages()))
    assert not is_left_out(read(a_xml=xml(), a_pdf=pages()))
    retracted = {"a.xml": xml(), "a.pdf": pages(), "a.json": b'{"is_retracted": true}'}
    assert is_left_out(read_delivery(pack(retracted), OPTIONS).articles[0])


@pytest.mark.parametrize(
    ("title", "above", "kind"),
    [
        ("Correction to: a made article about heads", "", "correction"),
        ("Corrigendum to a made article about heads", "", "correction"),
        ("RETRACTED: a made article about heads", "", "retracted-article"),
        ("A made article about made heads again", "ERRATUM", "correction"),
        ("A made article about made heads again", "Retraction note", "retraction"),
        ("Correction of a made head in four cases", "CASE REPORT", ""),
        ("Retraction of the frontal lobe in four cases", "", ""),
    ],
)
def test_pages_alone_tell_notices_from_surgery(title: str, above: str, kind: str) -> None:
    journal = Journal().text(50, 40, above or " ", size=8).text(50, 60, title, size=16, font="hebo")
    journal.paragraph(50, 100, rows=10).picture((50, 240, 285, 416), jpeg(320, 240))
    pdf = journal.text(50, 430, f"Figure 1. {PRINTED}").paragraph(305, 100, rows=50).pdf()
    (article,) = read_delivery(pdf, OPTIONS).articles
    assert article.facts.title.value == title
    assert (article.article_type, is_left_out(article)) == (kind, bool(kind))


def test_panels_and_terms_are_the_xmls() -> None:
    words = "Axial heads. (A) A bright <italic>rim</italic>. (B) A dark rim with 10<sup>6</sup> counts."
    journal = Journal().text(50, 60, TITLE, size=16, font="hebo").text(50, 80, "doi: 10.5555/made.77", size=7)
    for letter, left in (("A", 50.0), ("B", 170.0)):
        journal.picture((left, 240, left + 110, 340), jpeg(320, 240)).text(left + 4, 252, letter, size=9)
    journal.paragraph(50, 100, rows=10).paragraph(305, 100, rows=50)
    pdf = journal.text(50, 360, "Figure 1. Axial heads. (A) A bright rim. (B) A dark rim.").pdf()
    files = {"a.xml": xml(fig("f1", "Figure 1", words, "none")), "a.pdf": pdf}
    (article,) = read_delivery(pack(files), replace(OPTIONS, panels=True)).articles
    (figure,) = article.figures
    assert [panel.text for panel in figure.panels] == [
        "Axial heads. A bright rim",
        "Axial heads. A dark rim with 10⁶ counts",
    ]
    facts = article.facts
    assert (facts.licence_version, facts.licence_url) == ("4.0", "https://creativecommons.org/licenses/by/4.0/")


def code_of(data: bytes) -> str:
    with pytest.raises(PermanentError) as caught:
        read_delivery(data, OPTIONS)
    return caught.value.code


def test_what_is_refused() -> None:
    entity = b'<?xml version="1.0"?><!DOCTYPE article [<!ENTITY a "b">]><article>&a;</article>'
    include = b'<article xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></article>'
    assert code_of(entity) == "xml-hostile"
    assert code_of(entity.decode().encode("utf-16")) == "xml-hostile"
    assert code_of(include) == "xml-hostile"
    assert code_of(b"<article>" + b"<p>" * 230 + b"</p>" * 230 + b"</article>") == "xml-hostile"
    assert code_of(pack({"a.xml": entity, "a.pdf": pages()})) == "xml-hostile"
    assert code_of(b"<article><p></article>") == "xml-invalid"
    assert code_of(b"<?xml version='1.0'?><doi_batch/>") == "xml-schema-unsupported"
    assert code_of(pack({"a.docx": b"nothing to read", "b.txt": b"nothing either"})) == "bundle-empty"


@pytest.mark.slow
def test_the_largest_xml_is_read_within_the_sandboxs_limits_and_a_larger_one_refused_by_code() -> None:
    """Both in the child, under the limits that every article has."""
    body = b"<p>Words that make an article's text long without end.</p>"
    head, tail = xml().split(b"</body>", 1)
    room = MAX_BYTES - len(head) - len(tail) - len(b"</body>")
    largest = head + body * (room // len(body)) + b"</body>" + tail
    larger = largest.replace(b"</article>", b" " * (MAX_BYTES + 1 - len(largest)) + b"</article>")
    assert len(largest) > MAX_BYTES - len(body)
    assert len(larger) == MAX_BYTES + 1
    with Sandbox(Limits()) as sandbox:
        (article,) = sandbox.read(largest, OPTIONS).articles
        assert [figure.caption for figure in article.figures] == ["Axial CT with 10⁶ counts & a bright rim."]
        refused = sandbox.run(larger, OPTIONS).result
    assert isinstance(refused, PermanentError)
    assert refused.code == "xml-too-large"


def test_an_archive_that_bursts_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b" " * (64 << 20))
    assert code_of(out.getvalue()) == "bundle-too-large"
    assert code_of(out.getvalue()[:-30]) == "bundle-invalid"


def test_a_notice_proposes_what_it_retracts_and_withdraws_nothing() -> None:
    related = '<related-article related-article-type="retracted-article" xlink:href="10.5555/made.12"/>'
    notice = xml(article_type="retraction").replace(b"<permissions>", related.encode() + b"<permissions>")
    (article,) = read_delivery(pack({"a.xml": notice}), OPTIONS).articles
    assert article.retracts == ("10.5555/made.12",)
    (found,) = proposals(article, "art_notice", "art_delivery")
    assert (found.target, found.target_doi) == (identify_article("10.5555/made.12", None, ""), "10.5555/made.12")
    forward = xml().replace(
        b"<permissions>", related.replace("retracted-article", "retraction-forward").encode() + b"<permissions>"
    )
    assert read_delivery(pack({"a.xml": forward}), OPTIONS).articles[0].retracts == ()


@pytest.mark.parametrize(
    ("title", "target_title", "own"),
    [
        ("Retraction: A bright head", "A bright head", False),
        ("Retraction notice to: A bright head", "A bright head", False),
        ("RETRACTED: A bright head", "", True),
        ("Retracted article: A bright head", "", True),
        ("Retraction Note: A bright head", "A bright head", False),
        ("[Retracted] A bright head", "", True),
    ],
)
def test_a_title_proposes(title: str, target_title: str, own: bool) -> None:
    article = replace(read(a_xml=xml(), a_pdf=pages()), facts=ArticleFacts(title=Sourced(value=title)))
    (found,) = proposals(article, "art_this", "art_delivery")
    assert found.target_title == target_title
    assert (found.target == "art_this") == own


@pytest.mark.parametrize(
    "title",
    [
        "Retraction of the frontal lobe in 12 patients",
        "Retraction-related injury",
        "Withdrawal of aspirin before surgery",
    ],
)
def test_surgery_is_no_retraction_notice(title: str) -> None:
    article = replace(read(a_xml=xml(), a_pdf=pages()), facts=ArticleFacts(title=Sourced(value=title)))
    assert proposals(article, "art_this", "art_delivery") == []


def test_metadata_beside_an_article_may_call_it_retracted() -> None:
    said = {"a.xml": xml(), "a.json": b'{"doi": "10.5555/made.77", "is_retracted": true}'}
    (article,) = read_delivery(pack(said), OPTIONS).articles
    assert [each.target for each in proposals(article, "art_this", "art_delivery")] == ["art_this"]
    for other in (b'{"is_retracted": false}', b"{", b'["is_retracted"]'):
        (plain,) = read_delivery(pack({**said, "a.json": other}), OPTIONS).articles
        assert proposals(plain, "art_this", "art_delivery") == []
