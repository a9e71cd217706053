"""The HTML page: plain sections, tables that line up, no script. All text from data is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from journalclip_evaluation.classification import Classification
from journalclip_evaluation.report.gallery import Case
from journalclip_evaluation.retrieval import Direction, Retrieval

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p.note { color: #555; margin: .2rem 0 .8rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { text-align: right; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #e2e2e2; vertical-align: top; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; } th { font-weight: 600; color: #444; }
td small { color: #666; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; } dt { color: #555; } dd { margin: 0; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
.case { border: 1px solid #ddd; border-radius: 6px; padding: .7rem; font-size: .85rem; break-inside: avoid; }
.case img { display: block; max-width: 100%; height: 180px; object-fit: contain; margin: 0 auto .5rem; }
.case ol { margin: .3rem 0 0; padding-left: 1.2rem; color: #555; } .own { color: #1b5e7a; font-weight: 600; }
.warn { background: #fff6e0; border-left: 4px solid #d9a400; padding: .6rem 1rem; }
svg { max-width: 100%; height: auto; }
@media print { body { margin: 0; } }
"""


def page(title: str, sections: Iterable[str]) -> str:
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def section(heading: str, note: str, *parts: str) -> str:
    return f'<section><h2>{escape(heading)}</h2><p class="note">{escape(note)}</p>{"".join(parts)}</section>'


def facts(pairs: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs.items()) + "</dl>"


def warning(text: str) -> str:
    return f'<p class="warn">{escape(text)}</p>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; the head is text."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def retrieval_table(models: Mapping[str, Retrieval]) -> str:
    head = ("", "queries", "pool", "R@1", "R@5", "R@10", "chance R@10", "median rank", "MRR")
    rows = []
    for name, found in models.items():
        for side, direction in (("image → text", found.image_to_text), ("text → image", found.text_to_image)):
            rows.append((escape(f"{name}, {side}"), *_direction(direction)))
    return table(head, rows)


def classification_table(found: Classification) -> str:
    rows = [
        (escape(name), str(each.positives), measured(each.auroc, each.auroc_ci)) for name, each in found.classes.items()
    ]
    rows.append(("macro", str(found.items), measured(found.macro_auroc, found.macro_auroc_ci)))
    caption = f"{found.protocol}: accuracy {found.accuracy:.3f} ({found.accuracy_ci[0]:.3f} to "
    caption += f"{found.accuracy_ci[1]:.3f}), chance {found.chance:.3f}, {found.groups} patients"
    return f"<p>{escape(caption)}</p>" + table(("class", "pictures", "AUROC"), rows)


def gallery(cases: Sequence[Case]) -> str:
    cards = "".join(_case(case) for case in cases)
    return f'<div class="cases">{cards}</div>'


def measured(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f}<br><small>{interval[0]:.3f} – {interval[1]:.3f}</small>"


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


def _case(case: Case) -> str:
    found = "".join(
        f'<li class="own">{escape(_short(text))}</li>' if text == case.caption else f"<li>{escape(_short(text))}</li>"
        for text in case.found
    )
    return (
        f'<div class="case"><img alt="{escape(case.pair_id)}" src="{case.picture}">'
        f'<div class="own">rank {case.rank:g}: {escape(_short(case.caption))}</div>'
        f"<div>came first:</div><ol>{found}</ol></div>"
    )


def _short(text: str, length: int = 160) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + "…"
