"""``journalclip withdraw`` and ``reinstate``: a person's word on what may not be used, and on what may again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from journalclip_pipelines.commands.options import DEFAULT_WORKDIR, AsJson, Workdir, print_json
from journalclip_shared.ids import Json
from journalclip_shared.records.withdrawal import Erasure, WithdrawalReason

if TYPE_CHECKING:
    from journalclip_pipelines.operations.withdrawal import Spoken, Steward

_Asked = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="An article (id or DOI), figure, panel, pair, study, patient's pseudonym or journal's name."
    ),
]
_Who = Annotated[str, typer.Option("--who", help="Who says so, for the record.")]


def withdraw(
    asked: _Asked = "",
    reason: Annotated[WithdrawalReason | None, typer.Option(help="Why.")] = None,
    who: _Who = "",
    note: Annotated[str, typer.Option(help="More about why, for the record; no names of patients.")] = "",
    erase: Annotated[
        bool, typer.Option("--erase", help="Delete its files, pictures and texts as well; digests and ids stay.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Show what is withdrawn now.")] = False,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="Show what retraction notices give reason to withdraw.")
    ] = False,
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Take a source, or a part of one, out of search and of all later datasets; within seconds, until reinstated.

    Models that saw it are named by `journalclip models explain`.

    Examples:

        journalclip withdraw 10.1234/xyz.5 --reason retraction --who "Ada Stone"

        journalclip withdraw fig_... --reason identifiable-person --who "Ada Stone" --json

        journalclip withdraw PSEUDONYM --reason erasure-request --who "Ada Stone" --erase

        journalclip withdraw --list

        journalclip withdraw --proposed
    """
    steward = _steward(workdir)
    if listing:
        _list(steward, as_json)
        return
    if proposed:
        _list_proposed(steward, as_json)
        return
    if not asked or reason is None or not who.strip():
        raise typer.BadParameter("give an ID, --reason and --who; or --list, or --proposed")
    spoken = steward.withdraw(asked, reason, who.strip(), note, erase)
    receipts = _erase(steward, spoken, workdir) if erase else []
    _say(spoken, as_json, receipts)


def reinstate(
    asked: _Asked,
    who: _Who,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    workdir: Workdir = DEFAULT_WORKDIR,
    as_json: AsJson = False,
) -> None:
    """Allow again what was withdrawn; what was refused meanwhile is read again.

    Examples:

        journalclip reinstate 10.1234/xyz.5 --who "Ada Stone" --reason "the notice was for another article"
    """
    _say(_steward(workdir).reinstate(asked, who, reason), as_json)


def _steward(workdir: Path) -> Steward:
    from journalclip_pipelines.operations.catalogue import caught_up, settings_of
    from journalclip_pipelines.operations.withdrawal import Steward
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = settings_of(workdir)
    return Steward(open_artifacts(settings), open_bus(settings), caught_up(workdir))


def _erase(steward: Steward, spoken: list[Spoken], workdir: Path) -> list[Erasure]:
    from journalclip_pipelines.operations.erasure import Eraser

    eraser = Eraser(steward.store, steward.engine, workdir / "cache")
    return [eraser.erase(each.word) for each in spoken]


def _say(spoken: list[Spoken], as_json: bool, receipts: Sequence[Erasure] = ()) -> None:
    if as_json:
        rows: list[Json] = [
            {**each.word.model_dump(mode="json"), "new": each.new, "read_again": each.again} for each in spoken
        ]
        for row, receipt in zip(rows, receipts, strict=False):
            assert isinstance(row, dict)
            row["erasure"] = receipt.model_dump(mode="json", exclude={"erased": {"__all__": {"rows"}}})
        print_json(rows)
        return
    for each in spoken:
        word = each.word
        what = f"{word.scope} {word.subject}"
        if word.action == "reinstate":
            Console().print(f"{what} is reinstated; {each.again} deliveries are read again")
        else:
            held = "" if each.new else ", as it was before"
            Console().print(f"{what} is withdrawn ({word.reason}){held}; search hides it within seconds")
    for receipt in receipts:
        Console().print(f"{receipt.scope} {receipt.subject}: {len(receipt.erased)} objects erased")
        for what, ids in receipt.rewritten.items():
            Console().print(f"  {what} written anew without it: {', '.join(ids)}")
        for what, ids in receipt.kept.items():
            Console().print(f"  [yellow]copies remain[/yellow] in {what}: {', '.join(ids)}")


def _list(steward: Steward, as_json: bool) -> None:
    from journalclip_shared.catalogue.resolve import Resolver

    found = Resolver(steward.engine).withdrawn()
    if as_json:
        print_json({"withdrawn": [dict(each) for each in found]})
        return
    for each in found:
        Console().print(f"{each['scope']} {each['subject']}: {each['reason']}, by {each['who']} on {each['at'][:10]}")
    if not found:
        Console().print("nothing is withdrawn")


def _list_proposed(steward: Steward, as_json: bool) -> None:
    found = steward.proposed()
    if as_json:
        print_json({"proposed": [{**each.proposal.model_dump(mode="json"), "present": each.present} for each in found]})
        return
    for each in found:
        proposal = each.proposal
        target = each.present or proposal.target_doi or proposal.target_title or "an article that it does not name"
        Console().print(f"{target}{'' if each.present else ' (not here)'}: {proposal.why}: {proposal.title!r}")
        if each.present:
            Console().print(f"  -> journalclip withdraw {each.present} --reason retraction --who YOU")
    if not found:
        Console().print("nothing is proposed")
