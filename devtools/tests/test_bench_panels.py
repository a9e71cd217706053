import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_devtools.benches.panels import LabelledFigure, bench_real
from journalclip_pipelines.cli import app
from journalclip_shared.errors import PermanentError

LABELS = Path(__file__).parents[2] / "services/extraction/tests/data/real_panels.json"


def test_synthetic_compounds_are_scored_with_slices() -> None:
    result = CliRunner().invoke(app, ["bench", "panels", "--figures", "6", "--seed", "1", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)["synthetic"]
    assert report["figures"] == 6
    assert 0.5 < report["f1"] <= 1
    assert sum(report["reasons"].values()) == 6
    assert {"gap", "no gap"} & set(report["slices"])


def test_labels_of_real_figures_are_sound() -> None:
    figures = [LabelledFigure.model_validate(entry) for entry in json.loads(LABELS.read_text())]
    assert len(figures) >= 60
    assert len({(figure.file, figure.number) for figure in figures}) == len(figures)
    for figure in figures:
        x0, y0, x1, y1 = figure.figure_bbox
        assert len(figure.panels) >= 2
        assert len({panel.letter for panel in figure.panels}) == len(figure.panels)
        for panel in figure.panels:
            assert x0 - 1 <= panel.bbox[0] < panel.bbox[2] <= x1 + 1
            assert y0 - 1 <= panel.bbox[1] < panel.bbox[3] <= y1 + 1


def test_a_folder_without_the_articles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="bench-input"):
        bench_real(tmp_path, LABELS)
    (tmp_path / "gold.json").write_text("{}")
    with pytest.raises(PermanentError, match="lacks"):
        bench_real(tmp_path, LABELS)
