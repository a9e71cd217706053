"""The HTML page: plain sections, tables that line up, no script. All text from data is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from journalclip_evaluation.retrieval import Direction, Retrieval

_STYLE = """
:root { color-scheme: light; --ink: #1c1c1c; --soft: #5d6470; --line: #e3e5e8; --blue: #1b5e7a; }
* { box-sizing: border-box; }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); max-width: 68rem;
  margin: 0 auto; padding: 1.6rem 1.5rem 4rem; background: #fff; }
h1 { font-size: 1.55rem; line-height: 1.25; margin: 0 0 .2rem; } h2 { font-size: 1.2rem; margin: 2.6rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .5rem; }
p.lead, p.note { color: var(--soft); margin: .2rem 0 .9rem; max-width: 50rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding: .7rem 0; margin: .8rem 0 0; border: solid var(--line);
  border-width: 1px 0; font-size: .87rem; } nav a { color: var(--blue); text-decoration: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .8rem; margin: 1rem 0; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; }
.tile span { display: block; color: var(--soft); font-size: .8rem; } .tile b { font-size: 1.45rem; font-weight: 600; }
.pill { display: inline-block; border-radius: 1rem; padding: .1rem .7rem; font-size: .85rem; font-weight: 600; }
.yes { background: #e4f2e6; color: #1f6b2c; } .no { background: #fbe6e4; color: #a3261c; }
.open { background: #eef0f3; color: #4a5160; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 1rem; font-size: .9rem; }
th, td { text-align: right; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
table.text th, table.text td { text-align: left; white-space: normal; } table.text td:first-child { min-width: 9rem; }
td small { color: var(--soft); white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(17.5rem, 1fr)); gap: 1rem; }
.case { border: 1px solid var(--line); border-radius: 8px; padding: .8rem; margin: 0; font-size: .82rem;
  break-inside: avoid; }
.case .query { display: block; max-width: 100%; height: 170px; object-fit: contain; margin: 0 auto .5rem; }
.case figcaption { color: var(--blue); font-weight: 600; } .case p { margin: .5rem 0 .1rem; }
.case ol { margin: 0; padding-left: 1.2rem; color: var(--soft); } .case .own { color: var(--blue); font-weight: 600; }
.strip { display: flex; gap: .4rem; } .strip img { height: 64px; max-width: 31%; object-fit: contain;
  border: 2px solid transparent; } .strip img.own { border-color: var(--blue); }
.warn { background: #fff6e0; border-left: 4px solid #d9a400; padding: .6rem 1rem; max-width: 50rem; }
svg { max-width: 100%; height: auto; display: block; margin: .5rem 0; }
footer { margin-top: 3rem; color: var(--soft); font-size: .82rem; border-top: 1px solid var(--line);
  padding-top: .8rem; }
@media print { body { padding: 0; } nav { display: none; } h2 { break-after: avoid; } }
"""


def page(title: str, head: str, sections: Sequence[tuple[str, str]], foot: str) -> str:
    """``sections`` are ``(heading, html)``; ``head`` stands before the list of links to them."""
    links = "".join(f'<a href="#{anchor(heading)}">{escape(heading)}</a>' for heading, _ in sections)
    body = "\n".join(
        f'<section id="{anchor(heading)}"><h2>{escape(heading)}</h2>{html}</section>' for heading, html in sections
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>\n{head}\n<nav>{links}</nav>\n{body}\n<footer>{foot}</footer></body></html>\n"
    )


def anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def warning(text: str) -> str:
    return f'<p class="warn">{escape(text)}</p>'


def facts(pairs: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs.items()) + "</dl>"


def tiles(pairs: Sequence[tuple[str, str, str]]) -> str:
    """``(label, value, small print)`` each."""
    each = (
        f'<div class="tile"><span>{escape(a)}</span><b>{escape(b)}</b><span>{escape(c)}</span></div>'
        for a, b, c in pairs
    )
    return f'<div class="tiles">{"".join(each)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], text: bool = False) -> str:
    """Cells are HTML already; the head is text. ``text`` is for columns of sentences."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    kind = ' class="text"' if text else ""
    return f'<div class="wide"><table{kind}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def retrieval_table(models: Mapping[str, Retrieval]) -> str:
    head = ("", "queries", "pool", "R@1", "R@5", "R@10", "chance R@10", "median rank", "MRR")
    rows = []
    for name, found in models.items():
        for side, direction in (("image → text", found.image_to_text), ("text → image", found.text_to_image)):
            rows.append((escape(f"{name}, {side}"), *_direction(direction)))
    return table(head, rows)


def measured(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f}<br><small>{interval[0]:.3f} – {interval[1]:.3f}</small>"


def pill(passed: bool | None, text: str) -> str:
    kind = "open" if passed is None else ("yes" if passed else "no")
    return f'<span class="pill {kind}">{escape(text)}</span>'


def _direction(found: Direction) -> tuple[str, ...]:
    return (
        f"{found.queries:,}",
        f"{found.pool:,}",
        measured(found.r1, found.r1_ci),
        measured(found.r5, found.r5_ci),
        measured(found.r10, found.r10_ci),
        f"{found.chance10:.3f}",
        f"{found.median_rank:g}",
        measured(found.mrr, found.mrr_ci),
    )
