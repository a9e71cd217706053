import threading
from pathlib import Path

import pytest

from journalclip_devtools.doubles.readers import PNG
from journalclip_extraction import __main__ as service
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.sandbox import Sandbox
from journalclip_extraction.settings import ExtractionSettings
from journalclip_shared import wiring
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.events import ArticleSubmitted, Event, FiguresExtracted, SourceQuarantined, decode
from journalclip_shared.ids import article_id
from journalclip_sources.sandbox import Limits


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNALCLIP_LIMITS__CPU_S", "3")
    monkeypatch.setenv("JOURNALCLIP_EXTRACT__DPI", "150")
    settings = ExtractionSettings()
    assert settings.limits == Limits(cpu_s=3)
    assert settings.extract == ExtractOptions(dpi=150)


def test_the_service_serves_good_and_bad_articles_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stand_in(limits: Limits, container: Path | None) -> Sandbox:
        assert container is None
        return Sandbox(limits, "journalclip_devtools.doubles.readers:read")

    monkeypatch.setattr(service, "Sandbox", stand_in)
    bus, store = SqliteBus(tmp_path / "events.db"), LocalArtifacts(tmp_path / "artifacts")
    for deed in (b"echo fine", b"crash null", b"none"):
        pdf = store.put("articles", deed, "application/pdf")
        bus.publish([Event(ArticleSubmitted(article_id=article_id(pdf.sha256), pdf=pdf, name="a.pdf"), "test")])
    stop, settings = threading.Event(), ExtractionSettings(workdir=tmp_path)
    serving = threading.Thread(target=wiring.serve, args=(settings, service.build(settings, "articles"), stop))
    serving.start()
    while len(list(bus.read(SourceQuarantined.topic))) < 2 or not list(bus.read(FiguresExtracted.topic)):
        assert serving.is_alive()
        stop.wait(0.05)
    stop.set()
    serving.join()
    dead = [decode(each.headers, each.body).fact for each in bus.read(SourceQuarantined.topic)]
    assert {fact.code for fact in dead if isinstance(fact, SourceQuarantined)} == {"parse-crashed", "pdf-invalid"}
    (image,) = (tmp_path / "artifacts" / "figures" / "sha256").rglob("*.png")
    assert image.read_bytes() == PNG
