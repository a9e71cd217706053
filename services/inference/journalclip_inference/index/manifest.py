"""What an index consists of: references, sizes and what was measured."""

from __future__ import annotations

from pydantic import Field

from journalclip_inference.analysis import ANALYSIS
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.ids import make_id
from journalclip_shared.records import Document

# Part of every index id and name: raise it when rows or vectors change their meaning, and all indexes are built anew.
FORMAT = "3"
# Words are analysed alike or not at all: another analysis is another index, with the vectors of the one before.
EDITION = f"{FORMAT}-{ANALYSIS}"
STUDY_EDITION = f"studies-2-{ANALYSIS}"  # of an index of studies and its segments


class AnnPart(Document):
    """An approximate index of the image vectors, and how good it was found to be."""

    index: ArtifactRef
    probes: int = Field(gt=0, description="Inverted lists looked into for each query.")
    recall_at_10: float = Field(ge=0, le=1, description="Against exact search, over queries drawn at build time.")


class IndexManifest(Document):
    """One index, or one later segment of it."""

    index_id: str
    model_id: str
    dataset_id: str
    dim: int = Field(gt=0)
    pairs: int = Field(ge=0)
    images: ArtifactRef = Field(description="float32 [pairs, dim] as .npy: image vectors.")
    texts: ArtifactRef = Field(description="float32 [pairs, dim] as .npy: caption vectors.")
    table: ArtifactRef = Field(description="Parquet, one row a pair, in the order of the vectors.")
    words: ArtifactRef = Field(description="Tar of a tantivy index: the words of each row; see `index.words`.")
    analysis: str = Field(description="Version of the analysis that made the words.")
    map: ArtifactRef = Field(description="float32 [pairs, 2] as .npy: where each pair lies on the map, 0 to 1.")
    ann: AnnPart | None = None


def index_name(model_id: str, dataset_id: str, edition: str = EDITION) -> str:
    return f"{editions_of(model_id, dataset_id)}{edition}"


def editions_of(model_id: str, dataset_id: str) -> str:
    """What the names of all editions of an index begin with."""
    return f"{names.index(model_id, dataset_id)}/"


def segment_name(model_id: str, dataset_id: str, source_id: str, edition: str = EDITION) -> str:
    return f"segments/{model_id}/{dataset_id}/{edition}/{source_id}"


def note_name(model_id: str, dataset_id: str, source_id: str, edition: str = EDITION) -> str:
    """Why nothing of a source can be searched."""
    return f"unsearchable/{model_id}/{dataset_id}/{edition}/{source_id}"


def index_id(model_id: str, dataset_id: str, part: str = "") -> str:
    return make_id("idx", EDITION, model_id, dataset_id, part)
