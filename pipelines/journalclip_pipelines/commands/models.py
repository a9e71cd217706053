"""``journalclip models``: list, compare, promote, roll back and explain; every change with who, when and why."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, OfKind, Workdir, print_json
from journalclip_shared.kinds import Kind

if TYPE_CHECKING:
    from journalclip_pipelines.operations.installation import Installation
    from journalclip_promotion.decision import Decision
    from journalclip_promotion.overview import Explained

models = typer.Typer(
    help="Registered models: list, compare, promote, roll back, explain. With a cluster's settings in the environment "
    "(`JOURNALCLIP_...`, or `cluster.env` of `journalclip up`) they work on the cluster.",
    no_args_is_help=True,
)

_REFUSED = 3  # the exit code of "a check that was asked for failed"
_Which = Annotated[str, typer.Argument(help="Version, alias (`candidate`, `champion`, `previous`) or model id.")]
_By = Annotated[str, typer.Option("--by", help="Who decides; default: the user of this machine.")]
_Why = Annotated[str, typer.Option(help="The reason, for the record.")]


def _index(there: Installation) -> None:
    """Search follows at once: on a cluster by its services, here by this command."""
    from journalclip_pipelines.local.searching import index_here
    from journalclip_pipelines.progress import reporter

    if waits := index_here(there.settings, (there.kind,), reporter()):
        Console(stderr=True).print(waits)


@models.command("import")
def import_model(
    name: Annotated[str, typer.Option(help="What the start is called: a folder of this name below WORKDIR/starts.")],
    source: Annotated[str, typer.Argument(help="A folder, a weight file, or a hub name.")] = "",
    image: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="An image encoder's folder.")] = None,
    text: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="A text encoder's folder.")] = None,
    licence: Annotated[str, typer.Option(help="SPDX name; default: what the source's own card says.")] = "",
    quick_gelu: Annotated[
        bool | None, typer.Option("--quick-gelu/--gelu", help="The activation, where a bare weight file cannot say.")
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(exists=True, help="A tokenizer's folder or CLIP's table of merges, where none is there."),
    ] = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Convert a foreign checkpoint once to a start that recipes train from; vectors are compared before and after.

    Known: Hugging Face CLIP, SigLIP, MetaCLIP 2 and VisionTextDualEncoder folders (whole, in shards, .bin), open_clip
    folders, OpenAI's `.pt` files, and two encoders joined by --image and --text.

    Examples:

        journalclip models import biomedclip-folder --name biomedclip --licence MIT

        journalclip models import ViT-B-32.pt --name clip-b32

        journalclip models import --image efficientnet-folder --text minilm-folder --name joined
    """
    from dataclasses import asdict

    from journalclip_modeling.starts.imports import import_joined, import_start

    if bool(source) == (image is not None or text is not None) or (image is None) != (text is None):
        raise typer.BadParameter("give either a source, or both --image and --text")
    if Path(name).name != name or name.startswith("."):
        raise typer.BadParameter("a plain name, not a path", param_hint="--name")
    folder = workdir / "starts" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    if image is not None and text is not None:
        note = import_joined(image, text, folder, licence=licence)
    else:
        note = import_start(source, folder, licence=licence, quick_gelu=quick_gelu, tokenizer=tokenizer)
    found = {**asdict(note), "folder": str(folder)}
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        typer.echo(f"{key:>14}  {value if value is not None else 'not checked: the source library is not installed'}")
    typer.echo(f"Train from it: journalclip train ... --set model.base={folder}")


@models.command("list")
def list_models(kind: OfKind = None, workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Every version with its aliases, and what was decided by whom.

    Examples:

        journalclip models list

        journalclip models list --json
    """
    from journalclip_promotion.overview import listing

    found = [{"kind": there.kind, **each} for there in _every(workdir, kind) for each in listing(there.promoter())]
    if as_json:
        print_json(found)
        return
    table = Table("kind", "version", "aliases", "model", "decided", "by", "decision")
    for each in found:
        aliases = ", ".join(map(str, each["aliases"] or ()))  # type: ignore[arg-type] # a list of names
        cells = (each["model"], each["when"] or "", each["who"] or "", each["decision"])
        table.add_row(str(each["kind"]), str(each["version"]), aliases, *(escape(str(cell)) for cell in cells))
    Console().print(table if found else "no model is registered yet")


@models.command()
def history(kind: OfKind = None, workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """All decisions in their order: promotions, refusals, rollbacks, with who, when and why.

    Examples:

        journalclip models history
    """
    from journalclip_promotion.overview import history as decisions

    found = [entry for there in _every(workdir, kind) for entry in decisions(there.promoter())]
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    table = Table("kind", "no.", "when", "by", "version", "decision", "why", "champion then")
    for entry in found:
        champion = entry.champion.version if entry.champion else "none"
        cells = (entry.when, entry.who, entry.candidate.version, entry.summary(), entry.why, champion)
        table.add_row(entry.candidate.kind, str(entry.sequence), *(escape(cell) for cell in cells))
    Console().print(table if found else "nothing was decided yet")


@models.command()
def compare(
    first: _Which,
    second: Annotated[str, typer.Argument(help="The other one; the dataset is this one's.")],
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Paired differences of two models on the second's test split, by bootstrap over articles.

    Examples:

        journalclip models compare champion candidate

        journalclip models compare 3 4 --json
    """
    from journalclip_pipelines.evaluating import compare_models, find_installation
    from journalclip_pipelines.progress import reporter

    with reporter().stage("compare", 0) as bar:
        found = compare_models(find_installation(workdir, second, kind), first, second, bar.update)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    title = f"{found.second} minus {found.first}, on {found.dataset}, pool {found.pool}"
    table = Table("mean of both directions", "difference", "95 % interval", "p", title=title)
    for form, metrics in found.differences.items():
        for metric, delta in metrics.items():
            cells = (f"{delta.mean:+.4f}", f"{delta.low:+.4f} to {delta.high:+.4f}", f"{delta.p:.4f}")
            table.add_row(f"{metric}, {'strict' if form == 'strict' else 'multi-positive'}", *cells)
    Console().print(table)


@models.command()
def promote(
    version: _Which,
    why: _Why,
    by: _By = "",
    gates: Annotated[
        str | None, typer.Option(help="`local`, `default`, or a YAML file; default: the installation's own.")
    ] = None,
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Put a version through the gates now, and approve it if they pass; exit code 3 if one refuses.

    Nothing can be forced past a gate: where `approval` is asked for, this is how a person gives it.

    Examples:

        journalclip models promote 4 --why "reviewed by the editors"

        journalclip models promote candidate --why "stricter for the society" --gates gates.yaml --json
    """
    from journalclip_pipelines.evaluating import find_installation, find_version
    from journalclip_pipelines.progress import reporter
    from journalclip_promotion.filing import file_documents
    from journalclip_promotion.promoter import Request
    from journalclip_promotion.reconcile import announce

    there = find_installation(workdir, version, kind)
    promoter = there.promoter(gates)
    candidate = promoter.candidate(find_version(there, version).version)
    with reporter().stage("gates", 0):
        decision = promoter.decide(Request(candidate, by or getpass.getuser(), why, person=True))
    if decision.changed:
        announce(promoter, there.bus, decision)
        _index(there)
    file_documents(promoter, there.runs)
    _say(decision, as_json)
    if not decision.changed:
        raise typer.Exit(_REFUSED)


@models.command()
def judge(
    version: _Which = "candidate",
    by: _By = "",
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "the gates have changed",
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Put a refused version through the installation's present gates. It grants no approval.

    Where the gates are those that refused it, the decision stands and nothing is measured. Exit code 3 if one refuses.

    Examples:

        journalclip models judge 4
    """
    from journalclip_pipelines.evaluating import find_installation, find_version
    from journalclip_pipelines.progress import reporter
    from journalclip_promotion.filing import file_documents
    from journalclip_promotion.promoter import Request
    from journalclip_promotion.reconcile import announce

    there = find_installation(workdir, version, kind)
    promoter = there.promoter()
    candidate = promoter.candidate(find_version(there, version).version)
    with reporter().stage("gates", 0):
        decision = promoter.decide(Request(candidate, by or getpass.getuser(), why, again=True))
    if decision.changed and not promoter.ledger.announced(decision.sequence):
        announce(promoter, there.bus, decision)
        _index(there)
    file_documents(promoter, there.runs)
    _say(decision, as_json)
    if decision.outcome == "refused":
        raise typer.Exit(_REFUSED)


@models.command()
def rollback(
    why: _Why,
    to: Annotated[str | None, typer.Option(help="A former champion's version; default: the previous one.")] = None,
    by: _By = "",
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Point the champion back; every byte is verified first, and serving is told at once.

    Examples:

        journalclip models rollback --why "misses subdural haematomas"

        journalclip models rollback --to 2 --why "the last one the editors approved" --by ada
    """
    from journalclip_pipelines.evaluating import find_installation
    from journalclip_promotion.reconcile import announce

    there = find_installation(workdir, "champion", kind)
    promoter = there.promoter()
    decision = promoter.roll_back(by or getpass.getuser(), why, to)
    announce(promoter, there.bus, decision)
    _index(there)
    _say(decision, as_json)


@models.command()
def explain(
    version: _Which = "champion", kind: OfKind = None, workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False
) -> None:
    """All that is on record about one version: what it was made from, and every gate of every decision.

    Examples:

        journalclip models explain champion

        journalclip models explain 4 --json
    """
    from journalclip_pipelines.evaluating import find_installation, find_version
    from journalclip_promotion.overview import explanation

    there = find_installation(workdir, version, kind)
    found = explanation(there.promoter(), find_version(there, version).version)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _tell(found)


@models.command()
def report(
    version: _Which = "champion",
    to: Annotated[Path, typer.Option(help="Folder to write into.")] = Path(),
    kind: OfKind = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Write the report and the model card that its last decision was made with; nothing is measured again.

    Examples:

        journalclip models report candidate --to review/
    """
    from journalclip_pipelines.evaluating import find_installation, find_version
    from journalclip_promotion.overview import documents

    there = find_installation(workdir, version, kind)
    found = documents(there.promoter(), find_version(there, version).version)
    to.mkdir(parents=True, exist_ok=True)
    for name, data in found.items():
        (to / name).write_bytes(data)
    written = [str(to / name) for name in found]
    if as_json:
        print_json({"written": written})
    else:
        typer.echo("\n".join(f"wrote {path}" for path in written))


@models.command()
def reconcile(kind: OfKind = None, workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Set aliases, announce changes and attach documents as the ledger says; a service does so every minute.

    Examples:

        journalclip models reconcile
    """
    from journalclip_promotion.reconcile import reconcile as heal

    healed = {there.kind: heal(there.promoter(), there.bus, there.runs) for there in _every(workdir, kind)}
    if as_json:
        print_json([
            {"kind": name, "aliases": each.aliases, "announced": each.announced, "filed": list(each.filed)}
            for name, each in healed.items()
        ])  # fmt: skip
        return
    for name, each in healed.items():
        typer.echo(f"{name}: {'healed: ' if each.anything else ''}{each}")


def _every(workdir: Path, kind: Kind | None) -> list[Installation]:
    from journalclip_pipelines.operations.installation import Installation

    return Installation.every(workdir, kind)


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
    console.print(escape(", ".join(f"{name} {value}" for name, value in found.made_from.items())))
    if found.withdrawn:
        names = ", ".join(f"{name}: {count} pairs" for name, count in found.withdrawn.items())
        console.print(f"[red]{len(found.withdrawn)} withdrawn sources are in its dataset[/red]: {escape(names)}")
    if not found.decisions:
        console.print("nothing was decided about it yet")
    for entry in found.decisions:
        console.print(f"\n[bold]decision {entry.sequence}: {entry.outcome}[/bold] by {escape(entry.who)}, {entry.when}")
        console.print(f"  why: {escape(entry.why) or 'not said'}; compared with {entry.compared_with or 'nothing'}")
        for verdict in entry.verdicts:
            word = "[green]passed [/green]" if verdict.passed else "[red]REFUSED[/red]"
            console.print(f"  {word} {verdict.gate:<12} {escape(verdict.reason)}")
        if entry.report:
            console.print(f"  report: `journalclip models report {found.version}`")
