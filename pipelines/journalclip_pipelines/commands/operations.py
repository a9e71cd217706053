"""``journalclip bootstrap``, ``submit``, ``audit``, ``replay-dlq``, ``reindex``, ``rebuild``, ``smoke``.

Where log, store and registry are comes from settings (``JOURNALCLIP_...``); without any it is the working folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.ids import Json

if TYPE_CHECKING:
    from journalclip_shared.kinds import Kind
    from journalclip_shared.registry import ModelRegistry
    from journalclip_shared.settings import Settings


def _settings(workdir: Path) -> Settings:
    from journalclip_shared.settings import Settings

    return Settings(workdir=workdir)


def _registries(settings: Settings) -> dict[Kind, ModelRegistry]:
    """Each kind's registry; none where nothing was ever registered."""
    from journalclip_shared.kinds import KINDS
    from journalclip_shared.registry import MlflowRegistry

    if not settings.mlflow_uri and not (settings.workdir / "mlflow.db").is_file():
        return {}
    return {kind: MlflowRegistry(settings.registry_uri, settings.registered_model(kind)) for kind in KINDS}


def make_secrets(
    wanted: Annotated[str, typer.Option(help="JSON list of secrets with their keys, as the chart writes it.")],
    namespace: Annotated[str, typer.Option(help="Where they are made.")],
    server: Annotated[str, typer.Option(help="The cluster's API server.")] = "https://kubernetes.default.svc",
    as_json: AsJson = False,
) -> None:
    """In a pod of the chart: make the passwords and keys that are missing, and change none that is there."""
    from journalclip_pipelines.operations.made_secrets import make, parse
    from journalclip_training.launcher.kubernetes import Kubernetes

    found = make(Kubernetes(server, namespace), parse(wanted))
    if as_json:
        print_json({each.name: list(each.keys) for each in found})
    for each in found if not as_json else ():
        typer.echo(f"{each.name}: {f'made {len(each.keys)} keys' if each.keys else 'all there'}")


def fetch_model(
    source: Annotated[str, typer.Argument(help="hub:ORG/NAME@REVISION or s3://BUCKET/PREFIX.")],
    folder: Annotated[Path, typer.Argument(help="Where it goes: whole or not at all.")],
    token_file: Annotated[Path | None, typer.Option(help="File with the hub's token.")] = None,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """In a pod of the chart: fetch a language model's folder, once."""
    from journalclip_pipelines.operations.fetched_model import fetch, from_bucket, from_hub

    token = token_file.read_text().strip() if token_file else ""
    made, new = fetch(source, folder, from_hub(token), from_bucket(_settings(workdir).s3))
    if as_json:
        print_json({**made.model_dump(mode="json"), "new": new})
    else:
        typer.echo(f"{folder}: {made.files} files, {made.bytes / 1e9:.2f} GB{'' if new else ', there already'}")


def bootstrap(
    workdir: Workdir = DEFAULT_WORKDIR,
    acls: Annotated[bool, typer.Option("--acls", help="Kafka access rights too, one principal a service.")] = False,
    users: Annotated[
        Path | None,
        typer.Option(help="MinIO users too, one a service: a folder with its secret key in a file of its name."),
    ] = None,
    kafka_users: Annotated[
        Path | None,
        typer.Option(help="Kafka logins (SCRAM) too: a folder with each service's password in a file of its name."),
    ] = None,
    notifications: Annotated[
        bool, typer.Option("--notifications", help="Have MinIO announce dropped PDFs to Kafka.")
    ] = False,
    wait_s: Annotated[float, typer.Option(min=0, help="Wait so long for servers that are still starting.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Topics, buckets and access rights as declared; what is there and right is left alone.

    Examples:

        JOURNALCLIP_BUS=kafka JOURNALCLIP_KAFKA__SERVERS=kafka:9092 journalclip bootstrap --acls

        journalclip bootstrap --wait-s 600 --acls --users /etc/journalclip/users --notifications
    """
    from time import sleep

    from journalclip_pipelines.operations.bootstrap import Extras, bootstrap_within

    extras = Extras(acls, users, kafka_users, notifications)
    report = bootstrap_within(_settings(workdir), extras, wait_s, Console(stderr=True).print, sleep)
    if as_json:
        print_json(report.as_json())
        return
    for note in [*(f"made {each}" for each in report.made), *report.notes]:
        Console().print(note)
    Console().print(f"{len(report.found)} were there already")


def submit(
    folder: Annotated[Path, typer.Argument(help="A folder of PDFs and packages, or one of them.", metavar="DIR")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Store PDFs and packages and announce them; what was submitted before is recognised.

    Examples:

        journalclip submit issues/ --workdir W
    """
    from journalclip_intake.articles import find_deliveries
    from journalclip_intake.articles import submit as run
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = _settings(workdir)
    store, bus = open_artifacts(settings), open_bus(settings)
    done = [run(store, bus, path) for path in find_deliveries(folder)]
    bus.close()
    if as_json:
        print_json([{"article_id": each.article_id, "name": each.name, "new": each.new} for each in done])
    else:
        Console().print(f"{len(done)} submitted, {sum(each.new for each in done)} of them new")


def audit(
    workdir: Workdir = DEFAULT_WORKDIR,
    unsettled: Annotated[bool, typer.Option("--unsettled", help="Sources may be on their way.")] = False,
    from_log: Annotated[
        bool, typer.Option("--from-log", help="Read the whole log, and hold the catalogue against it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the invariants over catalogue, store and registry; exit code 3 where one is broken.

    Examples:

        journalclip audit --workdir W --json

        journalclip audit --from-log
    """
    from journalclip_catalogue.rebuild import check
    from journalclip_pipelines.operations.audit import Violation
    from journalclip_pipelines.operations.audit import audit as run
    from journalclip_pipelines.operations.catalogue import opened
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings, there = _settings(workdir), opened(workdir)
    bus, store = open_bus(settings), open_artifacts(settings)
    found = run(bus, store, _registries(settings), not unsettled, None if from_log else there.engine)
    if from_log and not there.behind:
        differing = check(there.engine, bus, store)
        found.violations += [Violation("catalogue-differs", name, f"{rows} rows") for name, rows in differing.items()]
    if as_json:
        print_json({**found.as_json(), "behind": there.behind})
    else:
        if there.behind:
            Console(stderr=True).print(f"the catalogue is {there.behind} events behind the log", style="yellow")
        for each in found.violations:
            Console().print(f"[red]{each.code}[/red] {each.subject} {each.detail}")
        sources = ", ".join(f"{count} {kind}" for kind, count in found.sources.items())
        Console().print(f"{sources}, {found.pairs} pairs, {len(found.violations)} violations")
    if found.violations:
        raise typer.Exit(3)


def replay_dlq(
    workdir: Workdir = DEFAULT_WORKDIR,
    topic: Annotated[list[str], typer.Option(help="Only this topic's dead letters; may be repeated.")] = [],  # noqa: B006 - typer reads it
    code: Annotated[list[str], typer.Option(help="Only letters with this code; may be repeated.")] = [],  # noqa: B006 - typer reads it
    as_json: AsJson = False,
) -> None:
    """Publish dead letters to their topics again, each once.

    Examples:

        journalclip replay-dlq --code retries-exhausted
    """
    from journalclip_pipelines.operations.repair import replay
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = _settings(workdir)
    bus = open_bus(settings)
    done = replay(bus, tuple(topic), tuple(code), open_artifacts(settings))
    bus.close()
    if as_json:
        print_json([{"origin": each.origin, "code": each.code} for each in done])
    else:
        Console().print(f"{len(done)} dead letters replayed")


def rebuild(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Say again into an empty log what manifests and registry know, after the log was lost.

    Examples:

        journalclip bootstrap && journalclip rebuild
    """
    from journalclip_pipelines.operations.repair import rebuild as run
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = _settings(workdir)
    bus = open_bus(settings)
    counts = run(bus, open_artifacts(settings), _registries(settings))
    bus.close()
    if as_json:
        print_json(counts)
    else:
        Console().print(", ".join(f"{count} {topic}" for topic, count in counts.items()))


def reindex(workdir: Workdir = DEFAULT_WORKDIR, as_json: AsJson = False) -> None:
    """Announce each kind's champion again, so that every structured source is indexed; on a laptop that is done here.

    Examples:

        journalclip reindex --workdir W
    """
    from journalclip_pipelines.local.searching import index_here
    from journalclip_pipelines.operations.repair import reindex as run
    from journalclip_pipelines.progress import reporter
    from journalclip_shared.wiring import open_bus

    settings = _settings(workdir)
    bus = open_bus(settings)
    found = [run(bus, kind, registry) for kind, registry in _registries(settings).items()]
    bus.close()
    facts = [fact for fact in found if fact is not None]
    told: dict[str, Json] = {fact.kind: fact.model_id for fact in facts}
    if waits := index_here(settings, [fact.kind for fact in facts], reporter()):
        Console(stderr=True).print(waits)
    if as_json:
        print_json({"announced": told})
    else:
        for kind, model_id in told.items():
            Console().print(f"announced {model_id} of {kind} again")
        if not told:
            Console().print("no model is champion yet")


def smoke(
    url: Annotated[str, typer.Option(help="The page's server.")] = "http://127.0.0.1:8080",
    token_file: Annotated[Path | None, typer.Option(help="File with a token; none: without one.")] = None,
    wait_s: Annotated[float, typer.Option(min=0, help="Wait so long for pairs, and so long for the hit.")] = 600.0,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """One drawn article through a whole installation: sign in, drop, find, explain, and out again; else code 3.

    Without a champion nothing can be found yet: the command says what is missing and ends well.

    Examples:

        journalclip smoke --url http://journalclip-inference --token-file /run/token
    """
    import secrets

    from journalclip import Client
    from journalclip_pipelines.operations.catalogue import caught_up
    from journalclip_pipelines.operations.erasure import Eraser
    from journalclip_pipelines.operations.smoke import Smoke, drawn
    from journalclip_pipelines.operations.withdrawal import Steward
    from journalclip_shared.catalogue import Catalogue
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = _settings(workdir)
    store, bus = open_artifacts(settings), open_bus(settings)

    def take_out(article_id: str) -> None:
        engine = caught_up(workdir)
        steward = Steward(store, bus, engine)
        for each in steward.withdraw(article_id, "erasure-request", "journalclip smoke", erase=True):
            Eraser(store, engine, workdir / "cache").erase(each.word)

    with Client(url, token_file.read_text().strip() if token_file else "") as server:
        found = []
        smoke = Smoke(store, bus, server, lambda: Catalogue(caught_up(workdir)), take_out, wait_s)
        for step in smoke.run(drawn(workdir / "smoke", secrets.randbelow(2**31))):
            found.append(step)
            if not as_json:
                typer.echo(f"{step.outcome:8} {step.name}: {step.said}")
    bus.close()
    if as_json:
        print_json([each.as_json() for each in found])
    if any(each.outcome == "failed" for each in found):
        raise typer.Exit(3)
