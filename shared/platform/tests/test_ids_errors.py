"""Ids depend on content and nothing else; errors keep their code across a process border."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.errors import JournalclipError, PermanentError, TransientError
from journalclip_shared.ids import article_id, canonical_json, make_id, sha256_hex

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])),  # noqa: E501 - one expression
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),  # noqa: E501 - one expression
    max_leaves=12,
)  # fmt: skip


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_an_id_is_its_kind_and_a_hundred_bits(parts: list[str]) -> None:
    made = make_id("pair", *parts)
    assert re.fullmatch(r"pair_[a-z2-7]{20}", made)
    assert made == make_id("pair", *parts)
    assert made != make_id("fig", *parts)


def test_parts_cannot_run_into_each_other() -> None:
    assert (
        len({make_id("fig", "ab", "c"), make_id("fig", "a", "bc"), make_id("fig", "abc"), make_id("fig", "abc", "")})
        == 4
    )


def test_ids_never_change() -> None:
    # Every stored id would break if these did.
    assert article_id(sha256_hex(b"")) == "art_js4sswdjarvnbx3x65dr"
    assert make_id("pair", "fig", "A", "rules-1") == "pair_7zgqnzu2wqmvtyw5ualf"


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), _json, max_size=5))
def test_canonical_json_does_not_depend_on_order(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(turned)  # type: ignore[arg-type]


def test_canonical_json_refuses_what_json_has_not() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_errors_keep_code_reason_and_remedy_across_processes() -> None:
    error = pickle.loads(pickle.dumps(PermanentError("pdf-empty", "0 bytes", "Send it again.")))
    assert (error.code, error.reason, error.remedy) == ("pdf-empty", "0 bytes", "Send it again.")
    assert str(error) == "pdf-empty: 0 bytes"


def test_the_kinds_are_apart() -> None:
    assert issubclass(TransientError, JournalclipError)
    assert issubclass(PermanentError, JournalclipError)
    assert not issubclass(TransientError, PermanentError)
