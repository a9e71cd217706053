"""Studies from a PACS: held until they are whole, over broken and parallel associations; nothing on a disk."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage  # type: ignore[attr-defined]  # made at import

from journalclip_intake.receive import Broken, HoldingArea, ReceiveOptions, Receiver, Whole
from journalclip_sources.studies.heads import FileFacts, SurveyOptions, survey_files
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions, dicom_files

QUIET = 10.0


class Heads:
    """The survey without its child."""

    def read(self, data: bytes, options: SurveyOptions) -> tuple[FileFacts, ...]:
        return survey_files(data, options)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Listening:
    """A receiver on a free port, with what it holds."""

    held: HoldingArea
    receiver: Receiver
    clock: Clock = field(default_factory=Clock)

    def after(self, seconds: float) -> list[Whole | Broken]:
        self.clock.now += seconds
        return list(self.held.ready(self.clock.now))

    def association(self, title: str = "PACS"):  # type: ignore[no-untyped-def]  # pynetdicom's own type
        entity = AE(ae_title=title)
        entity.add_requested_context(MRImageStorage)
        return entity.associate("127.0.0.1", self.receiver.port, ae_title="JOURNALCLIP")

    def send(self, slices: Sequence[Dataset], stop_after: int | None = None) -> None:
        association = self.association()
        assert association.is_established
        for slice_ in slices[:stop_after]:
            assert association.send_c_store(slice_).Status == 0
        association.release() if stop_after is None else association.abort()


@pytest.fixture
def listening() -> Iterator[Listening]:
    clock, held = Clock(), HoldingArea(Heads(), QUIET, 1 << 24)
    with Receiver(ReceiveOptions(("PACS",), port=0), held, clock) as receiver:
        yield Listening(held, receiver, clock)


def study(number: int) -> list[Dataset]:
    drawn = draw_study(draw_truth(number, 4, ("FLAIR",)), 16, 6)
    return [dcmread(io.BytesIO(data)) for data in dicom_files(drawn, DicomOptions(number=number)).values()]


def sizes(found: Sequence[Whole | Broken]) -> list[int]:
    return sorted(len(bundle.entries) for each in found if isinstance(each, Whole) for bundle in each.archive.bundles)


def test_two_associations_at_once_and_one_that_breaks_off(listening: Listening) -> None:
    first, second, broken = study(1), study(2), study(3)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(listening.send, (first, second, broken), (None, None, 2)))
    _closed(listening)
    assert listening.after(QUIET / 2) == [], "a sender may have more"
    assert sizes(listening.after(QUIET)) == [len(first), len(second)]
    assert listening.after(QUIET) == [], "each study once; the broken one waits for its sender"
    (lost,) = listening.after(5 * QUIET)
    assert isinstance(lost, Broken)
    assert lost.objects == 2
    assert listening.held.empty(), "nothing is left behind"


def test_a_study_that_is_sent_again_after_a_break_is_whole(listening: Listening) -> None:
    slices = study(4)
    listening.send(slices, stop_after=2)
    listening.send(slices)
    _closed(listening)
    assert sizes(listening.after(2 * QUIET)) == [len(slices) + 2], "doubles are told apart when the study is read"


def test_only_named_senders_are_let_in_and_a_full_house_says_so(listening: Listening) -> None:
    assert not listening.association("STRANGER").is_established
    full = HoldingArea(Heads(), QUIET, 10)
    assert not full.add(1, "1.2.3", b"x" * 11, 0.0)
    assert full.empty()


def _closed(listening: Listening) -> None:
    """Until the server's threads have seen every end."""
    for _ in range(200):
        if not listening.held._open:
            return
        time.sleep(0.02)
    raise AssertionError("an association did not end")
