"""A suite: a named classification or retrieval task outside our own datasets, as a small YAML beside its data.

The YAML says what the classes are called, how they are prompted, and how the folder lies; data is never shipped. A
folder is one of three:

    folder        <data>/<split>/<class folder>/*.{png,jpg,jpeg}   ImageNet's own layout
    jsonl         <data>/<split>.jsonl, lines {"image": path, "text": ..., "group": ...}   retrieval
    huggingface   what ``save_to_disk`` wrote, or a dataset repository's Parquet files (<split>-*.parquet)   both kinds

The layout ``synthetic`` draws its own pictures and needs no folder.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from journalclip_evaluation.errors import SuiteUnusable

Protocol = Literal["zero-shot", "linear-probe", "fine-tune"]
_OURS = resources.files("journalclip_evaluation") / "definitions"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(_Part):
    """One class: its name, its folder (the name, where it is not given), and the words it is prompted with."""

    name: str
    folder: str = ""
    words: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        return self.words or (self.name,)


class Suite(_Part):
    """One task. ``classes`` may be left to the folder's own names."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    kind: Literal["classification", "retrieval"] = "classification"
    layout: Literal["folder", "huggingface", "jsonl", "synthetic"] = "folder"
    data: str = Field("", description="Where the data lies, below the data root unless absolute.")
    classes: tuple[ClassSpec, ...] = ()
    templates: tuple[str, ...] = ("a photo of a {}.",)
    protocols: tuple[Protocol, ...] = ("zero-shot",)
    train_split: str = "train"
    test_split: str = "test"
    group: str = Field("", description="Pattern whose first group, in a file's name, names the patient.")
    label_column: str = "label"
    image_column: str = "image"
    text_column: str = "text"
    group_column: str = Field("", description="Column that names the patient or article; empty: every row its own.")
    source: str = Field("", description="Where the data can be had, and under which terms.")

    @model_validator(mode="after")
    def _whole(self) -> Suite:
        if self.kind == "retrieval" and self.layout not in ("jsonl", "huggingface"):
            raise ValueError("a retrieval suite has the layout jsonl or huggingface")
        if self.kind == "classification" and self.layout == "jsonl":
            raise ValueError("the layout jsonl is for retrieval")
        for template in self.templates:
            try:
                whole = "{}" in template and "\0" in template.format("\0")
            except (IndexError, KeyError, ValueError):
                whole = False
            if not whole:
                raise ValueError(f"a template has one place {{}} for the class and no other braces: {template!r}")
        if self.group:
            re.compile(self.group)
        return self


def definition(name: str) -> str:
    """The YAML of one of ours, as a start for one's own. Raises `SuiteUnusable`."""
    path = _OURS / f"{name}.yaml"
    if not path.is_file():
        raise SuiteUnusable(name, f"no such definition; there are {', '.join(shipped_suites())}")
    return path.read_text()


def load_suite(where: str) -> Suite:
    """One of ours by name, or a YAML file. Raises `SuiteUnusable`."""
    ours = _OURS / f"{where}.yaml"
    try:
        text = ours.read_text() if ours.is_file() else Path(where).read_text()
        return Suite.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError, re.error) as error:
        raise SuiteUnusable(where, str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise SuiteUnusable(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def shipped_suites() -> list[str]:
    """Names of the definitions that come with us."""
    return sorted(path.name.removesuffix(".yaml") for path in _OURS.iterdir() if path.name.endswith(".yaml"))
