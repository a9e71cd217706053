"""Which flags keep something out of a dataset: those of the command, else of the setting, else the usual ones."""

from __future__ import annotations

import pytest

from journalclip_pipelines.commands.options import left_out
from journalclip_shared.errors import PermanentError


def test_the_command_comes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_out(None, False) is None
    monkeypatch.setenv("JOURNALCLIP_FREEZE_LEAVE_OUT", '["low-read-share"]')
    assert left_out(None, False) == ("low-read-share",)
    assert left_out(["hidden-instruction", "fallback"], False) == ("hidden-instruction", "fallback")
    assert left_out(None, True) == ()


@pytest.mark.parametrize(
    ("flags", "keep", "code"), [(["odd"], False, "flag-unknown"), (["fallback"], True, "options-contradict")]
)
def test_what_cannot_be_meant_is_refused(flags: list[str], keep: bool, code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        left_out(flags, keep)
    assert caught.value.code == code
