"""``journalclip explain``: from any id back to the page, and forward to dataset, model and alias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.tree import Tree

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.ids import Json

_IDS = "pair_..., fig_..., pan_..., art_..., std_..., ser_..., ds_... or mdl_..."


def explain(
    wanted: Annotated[str, typer.Argument(metavar="ID", help=_IDS)],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Walk a search hit (or any id) back to page and box, PDF digest, versions, dataset and run.

    Examples:

        journalclip explain pair_4x... --workdir W

        journalclip explain art_k2... --json
    """
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_pipelines.operations.explaining import explained
    from journalclip_pipelines.operations.installation import store_of

    steps = explained(store_of(workdir), caught_up(workdir), wanted)
    if as_json:
        print_json(steps)
    else:
        Console().print(_story(steps))
        Console().print("`--json` prints every step whole.", style="dim")


def _story(steps: Mapping[str, Json]) -> Tree:
    """The trail as a person reads it: from the hit to the file, then from the dataset to the model."""
    tree = Tree(f"[bold]{steps['id']}[/bold]")
    if steps.get("present_id"):
        tree.add(f"called now {steps['present_id']}")
    for word in _rows(steps, "withdrawn"):
        tree.add(f"[red]withdrawn[/red] {word['scope']} {word['subject']}: {word['reason']}, by {word['who']}")
    pair, figure = _part(steps, "pair"), _part(steps, "figure") or (steps if "figure_id" in steps else {})
    if pair:
        record = _part(pair, "record") or _part(pair, "description")  # of an article's pair, of a study's
        tree.add(f"text      {pair['text']}")
        tree.add(f"record    {record.get('rendering') or 'nothing coded'}  [dim]({steps['structurer']})[/dim]")
    if figure:
        _figure_branch(tree, figure)
    article = _part(figure, "article") or (steps if "pdf" in steps else {})
    if article.get("name"):
        _article_branch(tree, article)
    series = _part(steps, "series") or (steps if "series_id" in steps else {})
    if series:
        _series_branch(tree, series)
    study = _part(series, "study") or (steps if "report_text" in steps else {})
    if study:
        _study_branch(tree, study)
    for dataset in _rows(steps, "datasets"):
        models = ", ".join(f"{model['model_id']} (run {model['run_id']})" for model in _rows(dataset, "models"))
        tree.add(f"dataset   {dataset['dataset_id']}, split {dataset['split']}; models: {models or 'none yet'}")
    if earlier := steps.get("earlier_datasets"):
        tree.add(f"and {earlier} earlier datasets")
    for name in ("dataset", "model"):
        if part := _part(steps, name):
            _grow(tree.add(name), part)
    return tree


def _figure_branch(tree: Tree, figure: Mapping[str, Json]) -> None:
    box = _part(figure, "box")
    corners = ", ".join(f"{box[side]:.0f}" for side in ("x0", "y0", "x1", "y1")) if box else "not found"
    letter = f" panel {figure['letter']}" if figure.get("letter") else ""
    tree.add(f"figure    {figure['label']}{letter}, page {figure['page']}, box ({corners}) in points from the top left")
    image = _part(figure, "image")
    tree.add(f"image     {image.get('uri', 'none')}")
    tree.add(f"extractor {figure['extractor']}")


def _article_branch(tree: Tree, article: Mapping[str, Json]) -> None:
    pdf, facts = _part(article, "pdf"), _part(article, "facts")
    title = _part(facts, "title").get("value") or "title not found"
    tree.add(f"article   {title} [dim]({article['article_id']})[/dim]")
    tree.add(f"file      {article['name']}, {article['pages']} pages, licence {facts['licence']}")
    tree.add(f"sha256    {pdf['sha256']}")


def _series_branch(tree: Tree, series: Mapping[str, Json]) -> None:
    on_grid = "" if series.get("on_grid") else ", not on a grid yet"
    tree.add(f"series    {series['sequence']} by {series['recognised_by']}{on_grid} [dim]({series['series_id']})[/dim]")


def _study_branch(tree: Tree, study: Mapping[str, Json]) -> None:
    sequences = study.get("sequences")
    held = ", ".join(map(str, sequences)) if isinstance(sequences, list) else ""
    tree.add(f"study     {study['study_id']}: {held}; patient {study['patient']}, read by {study['reader']}")
    tree.add(f"report    {study['report_source']}; its text: {study['report_text']}")


def _part(steps: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = steps.get(name)
    return found if isinstance(found, Mapping) else {}


def _rows(steps: Mapping[str, Json], name: str) -> list[Mapping[str, Json]]:
    found = steps.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def tree_of(name: str, value: Json) -> Tree:
    """Any answer as a tree, empty parts left out; other commands print theirs with it."""
    tree = Tree(name)
    _grow(tree, value)
    return tree


def _grow(tree: Tree, value: Json) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                _grow(tree.add(f"[bold]{name}[/bold]"), inner)
            elif inner not in (None, "", [], {}):
                tree.add(f"{name}: {inner}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            if isinstance(inner, dict | list):
                _grow(tree.add(f"[{position}]"), inner)
            else:
                tree.add(str(inner))
