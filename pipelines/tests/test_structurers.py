"""A working folder keeps to the structurer that made its records."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_pipelines.local.structurers import refuse_another, structured_by
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, PairsStructured
from journalclip_shared.kinds import KINDS
from journalclip_shared.records.article import ArticleFacts
from journalclip_shared.records.pair import StructuredArticle
from journalclip_structuring.lm.folder import folder_digest


def folder_with(root: Path, structurer: str) -> Workspace:
    workspace = Workspace(root)
    source = workspace.store.put_manifest("figures", "extracted/one", b"{}")
    article = StructuredArticle(
        article_id="art_1",
        structurer=structurer,
        extractor="9",
        source=source,
        name="one.pdf",
        pdf=source,
        facts=ArticleFacts(),
        pairs=(),
    )
    document = workspace.store.put_manifest("figures", "structured/one", article.canonical())
    workspace.bus.publish([Event(PairsStructured(article_id="art_1", document=document, pairs=0), "test")])
    return workspace


def test_a_new_folder_takes_any_structurer(tmp_path: Path) -> None:
    for kind in KINDS:
        assert structured_by(Workspace(tmp_path), kind) == ""
        refuse_another(Workspace(tmp_path), kind, "endpoint")


@pytest.mark.parametrize(
    ("made_by", "asked", "good"),
    [
        ("rules/5-a", "rules", True),
        ("rules/4-b", "rules", True),
        ("rules/5-a", "endpoint", False),
        ("rules/5-a", "models:/reader@champion", False),
        ("endpoint+rules/2-m-p+5-a", "endpoint", True),
        ("local/1-abc-5-a", "models:/reader@champion", True),
        ("local/1-abc-5-a", "rules", False),
    ],
)
def test_another_structurer_is_refused_by_its_name(tmp_path: Path, made_by: str, asked: str, good: bool) -> None:
    workspace = folder_with(tmp_path, made_by)
    if good:
        refuse_another(workspace, "articles", asked)
        return
    with pytest.raises(PermanentError) as caught:
        refuse_another(workspace, "articles", asked)
    assert caught.value.code == "structurer-differs"
    assert made_by in str(caught.value)
    assert "--workdir" in caught.value.remedy


def test_another_models_folder_is_refused_and_the_same_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("a")
    workspace = folder_with(tmp_path / "work", f"local/1-{folder_digest(tmp_path / 'model')}-5-a")
    refuse_another(workspace, "articles", str(tmp_path / "model"))
    (tmp_path / "model" / "weights").write_text("b")
    with pytest.raises(PermanentError, match="made by local"):
        refuse_another(workspace, "articles", str(tmp_path / "model"))
