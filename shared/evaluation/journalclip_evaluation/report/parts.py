"""The report's sections, each from the evidence it shows to HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from journalclip_evaluation.classification import Classification, ClassificationChange
from journalclip_evaluation.embedding_map import Sketch
from journalclip_evaluation.published import PublishedTable, rows_of
from journalclip_evaluation.reader_queries import ReaderQueries
from journalclip_evaluation.report import gallery, page, plots
from journalclip_evaluation.report.shown import Check, Forgetting, SuiteResults
from journalclip_evaluation.retrieval import METRICS, Ranked, Retrieval, by_modality, compare, summarise
from journalclip_evaluation.unique_texts import UniqueTextRetrieval
from journalclip_modeling.data import FrozenDataset
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.runs import Curve

FOOT = "Written by journalclip. Research use only; not for diagnosis."
_MANY = 16  # differences drawn as points; more are read better in their table

METHODS = "".join(
    f"<p>{escape(text)}</p>"
    for text in (
        "Retrieval: every picture asks for its caption among all captions of the split, and every caption for its "
        "picture. Strict figures accept only the pair's own counterpart; multi-positive ones also accept the same "
        "picture or the same wording elsewhere in the pool. Where scores are level, figures are expectations over the "
        "order of the level items, so a model that gives everything the same vector scores exactly chance.",
        "Intervals are 95 % percentile intervals of 2,000 bootstrap draws of whole articles (patients in suites); "
        "differences between models are paired over the same draws. A share of exactly 0 or 1 has an interval without "
        "width. AUROC intervals and paired tests are DeLong's.",
        "Chance is what a random ranking of this pool scores. Figures of pools of different sizes do not compare.",
    )
)


def head(verdict: str, every: Mapping[str, Ranked]) -> str:
    """The verdict, and the four numbers a reader wants first."""
    *others, this = every
    found = summarise(every[this])
    tiles = [
        (
            f"R@10, {label}",
            f"{each.r10:.3f}",
            f"{each.r10_ci[0]:.3f} to {each.r10_ci[1]:.3f}; chance {each.chance10:.3f}",
        )
        for label, each in (("image → text", found.image_to_text), ("text → image", found.text_to_image))
    ]
    for name in others:
        delta = compare(every[name], every[this], "r10")
        small = f"{delta.low:+.3f} to {delta.high:+.3f}; p {_p(delta.p)}"
        tiles.append((f"R@10 against {name}", f"{delta.mean:+.3f}", small))
    word, _, reason = verdict.partition(": ")
    told = f"<p>{page.pill(_good(word), word)} {escape(reason)}</p>" if verdict else ""
    return '<p class="lead">Research use only; not for diagnosis.</p>' + told + page.tiles(tiles)


def facts(dataset: FrozenDataset, split: Split, model: ModelManifest | None) -> str:
    data = dataset.manifest
    part = data.splits[split]
    known = {
        "dataset": data.dataset_id,
        "split": f"{split}: {part.pairs:,} pairs of {part.articles:,} articles",
        "leaks between splits": str(data.leaks.total),
        "licences": ", ".join(f"{name} {count:,}" for name, count in sorted(data.licences.items())) or "none recorded",
    }
    warning = ""
    if model is not None:
        known = {
            "model": model.model_id, "recipe": model.recipe, "started from": model.base,
            "training steps": f"{model.steps:,}", "run": model.run_id or "none", **known,
        }  # fmt: skip
        if model.base.startswith("scratch"):
            warning = page.warning("Trained from random weights: a demonstration of the path, not of the quality.")
    return warning + page.facts(known)


def gates(checks: Sequence[Check]) -> str:
    rows = [
        (page.pill(each.passed, "passed" if each.passed else "refused"), escape(each.gate), escape(each.reason))
        for each in checks
    ]
    return page.note("What promotion asked of this model, on exactly these bytes.") + page.table(
        ("", "gate", "what it found"), rows, text=True
    )


def retrieval(every: Mapping[str, Ranked]) -> str:
    strict = {name: summarise(ranked) for name, ranked in every.items()}
    multi = {name: summarise(ranked, multi=True) for name, ranked in every.items()}
    rows = [row for name, found in strict.items() for row in _rows(name, found)]
    chance = next(iter(strict.values())).image_to_text.chance10
    return (
        page.note("Small print in tables: 95 % intervals by bootstrap over articles.")
        + "<h3>Strict: only the pair's own counterpart is right</h3>" + page.retrieval_table(strict)
        + plots.recall_curves(every) + plots.intervals(rows, "recall@10, strict", chance)
        + "<h3>Multi-positive: duplicates are right as well</h3>" + page.retrieval_table(multi)
    )  # fmt: skip


def paired(others: Mapping[str, Ranked], this: Ranked) -> str:
    """Mean of both directions, this model minus the other."""
    rows, drawn = [], []
    for name, before in others.items():
        for multi in (False, True):
            for metric in METRICS:
                delta = compare(before, this, metric, multi)
                label = f"{_METRIC[metric]}, {'multi-positive' if multi else 'strict'}"
                rows.append(
                    (
                        escape(f"{label}, against {name}"),
                        f"{delta.mean:+.3f}",
                        f"{delta.low:+.3f} to {delta.high:+.3f}",
                        _p(delta.p),
                    )
                )
                drawn.append((f"{label}, {name}", delta.mean, (delta.low, delta.high)))
    note = page.note("This model minus the other, mean of both directions, paired over the same articles.")
    plot = plots.differences(drawn, "difference") if len(drawn) <= _MANY else ""
    return note + plot + page.table(("", "difference", "95 % interval", "p"), rows)


def reader_queries(every: Mapping[str, ReaderQueries]) -> str:
    rows = [
        (escape(name), escape(each.type), str(each.queries), page.measured(each.precision, each.precision_ci),
         page.measured(each.ndcg, each.ndcg_ci), page.measured(each.reciprocal_rank, each.reciprocal_rank_ci))
        for name, found in every.items() for each in found.types
    ]  # fmt: skip
    note = page.note(
        "Queries made from the records of this split, which also say what is right; answered by vectors alone. "
        "The interval is over queries. nDCG counts the same finding at another place as half right."
    )
    return note + page.table(("", "type", "queries", "P@10", "nDCG@10", "MRR"), rows)


def modalities(ranked: Ranked) -> str:
    strict = by_modality(ranked)
    note = page.note("Queries of one modality against the whole pool; few queries mean wide intervals.")
    rows = [row for name, found in strict.items() for row in _rows(name, found)]
    return (
        note + plots.intervals(rows, "recall@10, strict", summarise(ranked).image_to_text.chance10)
        + "<h3>Strict</h3>" + page.retrieval_table(strict)
        + "<h3>Multi-positive</h3>" + page.retrieval_table(by_modality(ranked, multi=True))
    )  # fmt: skip


def embedding_map(sketch: Sketch) -> str:
    note = (
        "Two principal components of the split's vectors, each tower centred on its own mean. "
        f"The towers' means are {sketch.map.gap:.2f} apart (unit vectors: at most 2)."
    )
    return page.note(note) + plots.embedding_map(sketch.map)


def gallery_of(sketch: Sketch, dataset: FrozenDataset, split: Split) -> str:
    shown = gallery.look_up(dataset, split, (*sketch.best, *sketch.worst))
    note = page.note("One pair an article. Its own caption and picture are in blue.")
    return (
        note
        + "<h3>Best</h3>"
        + gallery.cards(sketch.best, shown)
        + "<h3>Worst</h3>"
        + gallery.cards(sketch.worst, shown)
    )


def suite(found: SuiteResults) -> str:
    html = [page.retrieval_table(found.retrieval)] if found.retrieval else []
    if found.models:
        html.append(page.note("AUROC of each class against the rest; intervals are DeLong's, over patients."))
    protocols = [each.protocol for each in next(iter(found.models.values()), ())]
    for protocol in protocols:
        of = {name: next(e for e in each if e.protocol == protocol) for name, each in found.models.items()}
        this = list(of.values())[-1]
        drawn = [(label, each.auroc, each.auroc_ci) for label, each in this.classes.items()]
        drawn.append(("macro", this.macro_auroc, this.macro_auroc_ci))
        html += [f"<h3>{protocol}</h3>", _classes(of), plots.intervals(drawn, f"AUROC, {protocol}, this model", 0.5)]
    rows = [row for name, each in found.changes.items() for change in each for row in _change(name, change)]
    if rows:
        html += ["<h3>Paired differences</h3>", page.table(("", "difference", "95 % interval", "p"), rows)]
    return "".join(html)


def forgetting(found: Forgetting) -> str:
    """Two pictures, since they are of different pairs: this evaluation's models, and training's sweep."""
    html = []
    if found.points:
        axes = (f"general: zero-shot accuracy on {found.suite}", "domain: recall@10, mean of both directions")
        rows = [(escape(name), f"{at[0]:.3f}", f"{at[1]:.3f}") for name, at in found.points.items()]
        html += [
            page.note(f"General: zero-shot accuracy on {found.suite}. Up and to the right is better."),
            plots.pareto(found.points, (), axes),
            page.table(("", "general", "domain"), rows),
        ]
    if found.sweep:
        note = "Training's sweep of the weights between its start (0) and the tuned model (1), on the validation split."
        axes = ("general: training's own reference set", "domain: validation split")
        html += ["<h3>Weight interpolation</h3>", page.note(note), plots.pareto({}, found.sweep, axes)]
    return "".join(html)


def training(curves: Mapping[str, Curve], model: ModelManifest | None) -> str:
    known = {name: f"{value:.4g}" for name, value in sorted(model.metrics.items())} if model else {}
    return page.note("Logged while it trained.") + plots.curves(curves) + page.facts(known)


def published(
    table: PublishedTable,
    every: Mapping[str, Ranked],
    suites: Sequence[SuiteResults],
    general: Forgetting | None,
    unique: Mapping[str, UniqueTextRetrieval],
) -> str:
    rows = [[escape(cell) for cell in row] for row in rows_of(table, every, suites, general, unique)]
    head = ("measure", "published", *every, "what differs")
    return page.note(table.published) + page.table(head, rows, text=True) + page.warning(table.caveat)


_METRIC = {"r1": "R@1", "r5": "R@5", "r10": "R@10", "mrr": "MRR"}


def _rows(name: str, found: Retrieval) -> list[plots.Row]:
    sides = (("image → text", found.image_to_text), ("text → image", found.text_to_image))
    return [(f"{name}, {label}", each.r10, each.r10_ci) for label, each in sides]


def _classes(models: Mapping[str, Classification]) -> str:
    """Classes down, models across."""
    first = next(iter(models.values()))
    rows = [
        (
            escape(label),
            str(each.positives),
            *(page.measured(m.classes[label].auroc, m.classes[label].auroc_ci) for m in models.values()),
        )
        for label, each in first.classes.items()
    ]
    rows.append(
        ("macro", f"{first.items:,}", *(page.measured(m.macro_auroc, m.macro_auroc_ci) for m in models.values()))
    )
    hits = [page.measured(m.accuracy, m.accuracy_ci) for m in models.values()]
    rows.append((f"accuracy (chance {first.chance:.3f})", f"{first.items:,}", *hits))
    return page.table((f"{first.groups:,} patients", "pictures", *(f"AUROC, {name}" for name in models)), rows)


def _change(name: str, found: ClassificationChange) -> list[tuple[str, ...]]:
    return [
        (
            escape(f"{what}, {found.protocol}, against {name}"),
            f"{each.mean:+.3f}",
            f"{each.low:+.3f} to {each.high:+.3f}",
            _p(each.p),
        )
        for what, each in (("macro AUROC", found.macro_auroc), ("accuracy", found.accuracy))
    ]


def _good(word: str) -> bool | None:
    return {"promoted": True, "refused": False}.get(word)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
