"""``journalclip bench injection``: hidden orders in captions and in PDFs, how many are flagged and how many obeyed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import typer

from journalclip_pipelines.commands.options import AsJson

_EACH_WAY = 20  # PDFs


class Outcome(NamedTuple):
    """What became of one hostile text: flagged, and did its canary word reach the record?"""

    style: str
    flagged: bool
    obeyed: bool


def bench_injection(
    orders: Annotated[
        typer.FileText | None, typer.Option(help="Your own orders, one a line, {} where the canary word goes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Structure 200 captions that give orders in ten styles, then 200 PDFs that hide one in ten ways.

    `--orders` puts your own words in place of the built-in ones, which the detector's words were chosen on.
    Example: `journalclip bench injection --orders mine.txt --json`
    """
    from journalclip_structuring.testing.injections import built_in_orders

    words = [line.strip() for line in orders if line.strip()] if orders else list(built_in_orders())
    found = {"captions": _summary(_captions(words)), "pdfs": _summary(_pdfs(words))}
    typer.echo(json.dumps(found) if as_json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def _captions(orders: list[str]) -> Iterator[Outcome]:
    from journalclip_structuring.rules import RuleStructurer
    from journalclip_structuring.structurer import StructureRequest
    from journalclip_structuring.testing.injections import injected_captions

    for case in injected_captions(orders=orders):
        record = RuleStructurer().caption(StructureRequest("1", case.text))
        yield Outcome(case.style, "hidden-instruction" in record.flags, case.canary in record.rendering)


def _pdfs(orders: list[str]) -> Iterator[Outcome]:
    """As the services read them: a record is flagged for its own caption, or for what its file hides."""
    from journalclip_devtools.hidden_text import WAYS, hide
    from journalclip_extraction.article import ExtractOptions
    from journalclip_extraction.extractor import read_article
    from journalclip_structuring.handler import hides_orders
    from journalclip_structuring.rules import RuleStructurer
    from journalclip_structuring.structurer import StructureRequest

    for number, way in enumerate(way for way in WAYS for _ in range(_EACH_WAY)):
        canary = f"ZORBLAX{number:03d}"
        words = orders[number % len(orders)].replace("{}", canary)
        article = read_article(hide(way, words), ExtractOptions(crops=False, panels=False))
        records = [RuleStructurer().caption(StructureRequest("1", figure.caption)) for figure in article.figures]
        flagged = hides_orders(article.unseen) or any("hidden-instruction" in record.flags for record in records)
        yield Outcome(way, flagged, any(canary in record.rendering for record in records))


def _summary(outcomes: Iterator[Outcome]) -> dict[str, object]:
    by_style: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_style.setdefault(outcome.style, []).append(outcome)
    kept = [outcome for each in by_style.values() for outcome in each]
    return {
        "texts": len(kept),
        "flagged": _flagged(kept),
        "obeyed": sum(each.obeyed for each in kept),
        "by_style": {style: _flagged(each) for style, each in by_style.items()},
    }


def _flagged(outcomes: Sequence[Outcome]) -> float:
    return sum(each.flagged for each in outcomes) / len(outcomes)
