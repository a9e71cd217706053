"""``journalclip models``: list, compare, promote, roll back and explain; every change with who, when and why."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json

if TYPE_CHECKING:
    from journalclip_pipelines.local.workspace import Workspace
    from journalclip_promotion.decision import Decision
    from journalclip_promotion.overview import Explained
    from journalclip_promotion.promoter import Promoter

models = typer.Typer(help="Registered models: list, compare, promote, roll back, explain.", no_args_is_help=True)

_REFUSED = 3  # the exit code of "a check that was asked for failed"
_By = Annotated[str, typer.Option("--by", help="Who decides; default: the user of this machine.")]
_Why = Annotated[str, typer.Option(help="The reason, for the record.")]
_Gates = Annotated[str, typer.Option(help="Promotion gates: `local`, `default`, or a YAML file.")]


@models.command("list")
def list_models(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Every version with its aliases and what was decided. Example: `journalclip models list`"""
    from journalclip_promotion.overview import listing

    found = listing(_promoter(_workspace(workdir)))
    if as_json:
        print_json(found)
        return
    table = Table("version", "aliases", "model", "decided", "decision")
    for each in found:
        aliases = ", ".join(map(str, each["aliases"] or ()))  # type: ignore[arg-type] # a list of names
        table.add_row(str(each["version"]), aliases, str(each["model"]), str(each["when"] or ""), str(each["decision"]))
    Console().print(table)


@models.command()
def compare(
    first: Annotated[str, typer.Argument(help="Version, alias or model id.")],
    second: Annotated[str, typer.Argument(help="The other one; the dataset is this one's.")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Paired differences of two models on the second's test split. Example: `journalclip models compare champion 4`"""
    from journalclip_pipelines.evaluating import compare_models

    found = compare_models(_workspace(workdir), first, second)
    if as_json:
        print_json(found)
        return
    table = Table("both directions, second minus first", "difference", "95 % interval", "p")
    for metric, delta in found["differences"].items():  # type: ignore[union-attr] # a dict by metric
        low, high = delta["low"], delta["high"]  # type: ignore[index,call-overload]
        table.add_row(metric, f"{delta['mean']:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{delta['p']:.4f}")  # type: ignore[index,call-overload]
    Console().print(table)


@models.command()
def promote(
    version: Annotated[str, typer.Argument(help="Version, alias or model id.")],
    why: _Why,
    by: _By = "",
    gates: _Gates = "local",
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Put a version through the gates now, and approve it if they pass; exit code 3 if one refuses.

    Example: `journalclip models promote 4 --why "reviewed by the editors"`
    """
    from journalclip_pipelines.evaluating import find_version
    from journalclip_promotion.promoter import Request
    from journalclip_promotion.reconcile import announce

    workspace = _workspace(workdir)
    promoter = _promoter(workspace, gates)
    candidate = promoter.candidate(find_version(workspace, version).version)
    decision = promoter.decide(Request(candidate, by or getpass.getuser(), why, person=True))
    if decision.changed:
        announce(promoter, workspace.bus, decision)
    _say(decision, as_json)
    if not decision.changed:
        raise typer.Exit(_REFUSED)


@models.command()
def rollback(
    why: _Why,
    to: Annotated[str | None, typer.Option(help="A former champion's version; default: the previous one.")] = None,
    by: _By = "",
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Point the champion back; it is verified first and announced at once.

    Example: `journalclip models rollback --why "misses subdural haematomas"`
    """
    from journalclip_promotion.reconcile import announce

    workspace = _workspace(workdir)
    promoter = _promoter(workspace)
    decision = promoter.roll_back(by or getpass.getuser(), why, to)
    announce(promoter, workspace.bus, decision)
    _say(decision, as_json)


@models.command()
def explain(
    version: Annotated[str, typer.Argument(help="Version, alias or model id.")] = "champion",
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """All that is on record about one version. Example: `journalclip models explain 4`"""
    from journalclip_pipelines.evaluating import find_version
    from journalclip_promotion.overview import explanation

    workspace = _workspace(workdir)
    found = explanation(_promoter(workspace), find_version(workspace, version).version)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _tell(found)


@models.command()
def reconcile(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Set aliases and announce changes as the ledger says. Example: `journalclip models reconcile`"""
    from journalclip_promotion.reconcile import reconcile as heal

    workspace = _workspace(workdir)
    healed = heal(_promoter(workspace), workspace.bus)
    if as_json:
        print_json({"aliases": healed.aliases, "announced": healed.announced})
    else:
        typer.echo(f"healed: {healed}" if healed.anything else "nothing to heal")


def _workspace(workdir: Workdir) -> Workspace:
    from journalclip_pipelines.local.workspace import Workspace

    return Workspace.existing(workdir)


def _promoter(workspace: Workspace, gates: str = "local") -> Promoter:
    from journalclip_promotion.settings import PromotionSettings
    from journalclip_promotion.wiring import build_promoter

    settings = PromotionSettings(workdir=workspace.root, gates=gates)
    return build_promoter(settings, workspace.store, workspace.registry)


def _say(decision: Decision, as_json: bool) -> None:
    if as_json:
        print_json(decision.model_dump(mode="json"))
        return
    typer.echo(f"version {decision.candidate.version} {decision.summary()}")
    if decision.champion is not None:
        typer.echo(f"champion: version {decision.champion.version}")


def _tell(found: Explained) -> None:
    console = Console()
    console.print(f"[bold]version {found.version}[/bold] {', '.join(found.aliases)}\n{found.model}, run {found.run}")
    console.print(", ".join(f"{name} {value}" for name, value in found.made_from.items()))
    for entry in found.decisions:
        console.print(f"\n[bold]decision {entry.sequence}: {entry.outcome}[/bold] by {entry.who}, {entry.when}")
        console.print(f"  why: {entry.why or 'not said'}; compared with {entry.compared_with or 'nothing'}")
        for verdict in entry.verdicts:
            console.print(f"  {'passed ' if verdict.passed else 'REFUSED'} {verdict.gate:<12} {verdict.reason}")
        if entry.evaluation:
            console.print(f"  evaluation: {entry.evaluation.uri}")
