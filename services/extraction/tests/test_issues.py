"""Issues drawn here: with and without outline, contents, cover, advertisements, and one article that is no issue."""

from __future__ import annotations

import pytest

from journalclip_devtools.doubles.pdfs import Journal
from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.documents import identify
from journalclip_extraction.extractor import read_article, read_pdf
from journalclip_extraction.issue.split import SeveralArticles

QUICK = ExtractOptions(crops=False, panels=False)
TITLES = (
    "Outcome of shunts in late hydrocephalus",
    "Diffusion of small lesions after long fever",
    "Three readers and one scale of atrophy",
)


def body(
    journal: Journal, x: float, y: float, rows: int, line: str = "and two readers who did not know applied"
) -> Journal:
    """A column of running text; its lines are all of one length."""
    return journal.text(x, y, *([line] * rows), size=10, font="tiro", lead=1.2)


def opening(journal: Journal, number: int, doi: bool = True) -> Journal:
    """An article's first page."""
    journal.text(50, 90, TITLES[number], size=18, font="hebo")
    journal.text(50, 120, "Anna Author, Ben Writer", size=10, font="tiro")
    if doi:
        journal.text(50, 140, f"doi: 10.5555/made.{number + 1}", size=7)
    journal.text(50, 155, "Abstract", size=10, font="hebo").text(50, 170, "Keywords: brain, scale", size=8)
    return body(body(journal, 50, 200, 30), 305, 200, 30)


def ending(journal: Journal, number: int, figure: int = 1) -> Journal:
    """Its second page, with a figure."""
    journal.turn().picture((50, 80, 285, 260)).text(50, 275, f"Figure {figure}. Axial CT of the head, view {number}.")
    journal.paragraph(50, 320, rows=25)
    return journal.paragraph(
        305, 80, rows=40, text=f"The scan in Figure {figure} was read twice by all who took part. "
    )


def issue(count: int = 3, *, front: int = 0, doi: bool = True) -> Journal:
    journal = Journal()
    for page in range(front):
        journal.text(50, 90, "Contents" if page else "Yearbook of Made Things", size=30, font="hebo")
        if page:
            journal.text(50, 150, *(f"{title} .... {at}" for at, title in enumerate(TITLES[:count])), size=10)
        journal.turn()
    for number in range(count):
        ending(opening(journal, number, doi), number)
        if number < count - 1:
            journal.turn()
    return journal


def ranges(read: ReadDelivery) -> list[tuple[int, int]]:
    return [(each.first_page, each.last_page) for each in read.articles]


@pytest.mark.parametrize("doi", [True, False])
@pytest.mark.parametrize("front", [0, 1, 2])
def test_an_issue_comes_apart_without_an_outline(front: int, doi: bool) -> None:
    read = read_pdf(issue(front=front, doi=doi).pdf(), QUICK)
    assert ranges(read) == [(front + 2 * at + 1, front + 2 * at + 2) for at in range(3)]
    assert [each.facts.title.value for each in read.articles] == list(TITLES)
    assert read.left_over == tuple(f"page {page}" for page in range(1, front + 1))


def test_each_article_has_its_own_figure_and_mentions() -> None:
    for at, article in enumerate(read_pdf(issue().pdf(), QUICK).articles):
        (figure,) = article.figures
        assert figure.caption == f"Axial CT of the head, view {at}."
        assert {mention.page for mention in figure.mentions} <= {2 * at + 1, 2 * at + 2}


def test_an_outline_names_articles_and_not_sections() -> None:
    journal = issue(2, doi=False)
    journal.document.set_toc([[1, TITLES[0], 1], [1, TITLES[1], 3]])
    assert ranges(read_pdf(journal.pdf(), QUICK)) == [(1, 2), (3, 4)]
    alone = ending(opening(Journal(), 0), 0)
    alone.document.set_toc([[1, "Introduction", 1], [1, "Results", 2], [1, "Discussion", 2]])
    assert ranges(read_pdf(alone.pdf(), QUICK)) == [(1, 2)]


def test_an_advertisement_belongs_to_no_article() -> None:
    journal = ending(opening(Journal(), 0), 0).turn()
    journal.text(
        100, 400, "Buy the new lamp!", "It shines on every desk", "of every ward.", size=24, font="cobo"
    ).turn()
    ending(opening(journal, 1), 1)
    read = read_pdf(journal.pdf(), QUICK)
    assert ranges(read) == [(1, 2), (4, 5)]
    assert read.left_over == ("page 3",)


def test_cases_under_one_title_are_one_article() -> None:
    journal = opening(Journal(), 0)
    for case in (1, 2):
        ending(journal, case)
        journal.text(50, 60, f"Case {case}", size=14, font="hebo")
    assert ranges(read_pdf(journal.pdf(), QUICK)) == [(1, 3)]


def test_what_may_be_several_is_refused_by_code() -> None:
    journal = ending(body(Journal().text(50, 60, "Notes from one ward", size=22, font="hebo"), 50, 90, 50), 0)
    body(journal.turn(), 50, 90, 50)
    body(journal.turn().text(50, 60, "Something else is told", size=26, font="heit"), 50, 90, 50)
    with pytest.raises(SeveralArticles) as caught:
        read_pdf(ending(journal, 1).pdf(), QUICK)
    assert caught.value.code == "several-articles"


def test_an_article_is_the_same_alone_and_in_an_issue() -> None:
    for doi in (True, False):
        whole = issue(doi=doi)
        second = read_pdf(whole.pdf(), QUICK).articles[1]
        whole.document.select([2, 3])
        alone = read_article(whole.pdf(), QUICK)
        assert identify(alone) == identify(second)
        assert [figure.caption for figure in alone.figures] == [figure.caption for figure in second.figures]


def test_one_article_is_asked_for_and_several_are_there() -> None:
    with pytest.raises(SeveralArticles):
        read_article(issue().pdf(), QUICK)
