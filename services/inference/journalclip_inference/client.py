"""The typed Python client: search and embed from a notebook, answers as data frames, pictures or arrays.

    from journalclip import Client
    client = Client("http://127.0.0.1:8080", token="jc_...")
    client.search("axial CT showing subdural haematoma").frame()

A refusal is raised as `ServerRefused` with the server's stable code; 429 and 503 are waited out, as long as the server
asks for, a bounded number of times, and a broken connection is tried again. Long lists are sent in several requests.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

import httpx
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from journalclip_inference.api.schemas import ClassifyAnswer, EmbedAnswer, FigureView, Health, HitView, Me, SearchAnswer
from journalclip_inference.search.ranker import Mode
from journalclip_shared.errors import PermanentError

Picture = Image.Image | Path | bytes
Answer = TypeVar("Answer", bound=BaseModel)

_ATTEMPTS = 5  # with the server's own waits, about half a minute
_LONGEST_WAIT_S = 30.0
_TEXTS, _IMAGES = 256, 16  # of one request: what the server takes, and what its largest body holds
_FRAME = ("rank", "score", "pair_id", "figure_id", "label", "caption", "modality", "title", "journal", "year", "doi")


class ServerRefused(PermanentError):
    """The server's answer was no; ``status`` is HTTP's."""

    def __init__(self, status: int, code: str, reason: str, remedy: str) -> None:
        super().__init__(code, reason, remedy)
        self.status = status


@dataclass(frozen=True)
class Results:
    """An answer to a search."""

    answer: SearchAnswer

    def __len__(self) -> int:
        return len(self.answer.hits)

    def __getitem__(self, position: int) -> HitView:
        return self.answer.hits[position]

    def frame(self) -> pd.DataFrame:
        """One row a hit, best first."""
        rows = [hit.model_dump(include={*_FRAME, "page", "licence", "name"}) for hit in self.answer.hits]
        return pd.DataFrame(rows, columns=[*_FRAME, "page", "licence", "name"])


class Client:
    """One server. Usable as a context manager; not shared between threads."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8080",
        token: str = "",
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout_s, transport=transport)
        self._sleep = sleep

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def search(
        self,
        text: str | None = None,
        image: Picture | None = None,
        like: str | None = None,
        k: int = 24,
        filters: dict[str, Sequence[str]] | None = None,
        mode: Mode = "best",
    ) -> Results:
        """Hits for words, a picture, both, or a pair's id. Raises `ServerRefused`."""
        body: dict[str, object] = {"k": k, "filters": {name: list(values) for name, values in (filters or {}).items()}}
        given = {"text": text, "image": encoded(image) if image is not None else None, "like": like, "mode": mode}
        body.update({name: value for name, value in given.items() if value is not None})
        return Results(self._post("/v1/search", body, SearchAnswer))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [N, dim], unit length, all by one model; any number of texts. Raises `ServerRefused`."""
        return self._embedded("texts", list(texts), _TEXTS)

    def embed_images(self, images: Sequence[Picture]) -> NDArray[np.float32]:
        """float32 [N, dim], unit length, all by one model; any number of pictures. Raises `ServerRefused`."""
        return self._embedded("images", [encoded(image) for image in images], _IMAGES)

    def _embedded(self, kind: Literal["texts", "images"], items: Sequence[str], most: int) -> NDArray[np.float32]:
        """In requests of ``most`` items. Raises `ServerRefused` ``model-changed`` where a new model came in between."""
        answers = [
            self._post("/v1/embed", {kind: list(items[start : start + most])}, EmbedAnswer)
            for start in range(0, max(1, len(items)), most)
        ]
        if len({answer.served.model_id for answer in answers}) > 1:
            raise ServerRefused(409, "model-changed", "a new model was promoted in between", "Embed all of them again.")
        return np.array([vector for answer in answers for vector in getattr(answer, kind)], np.float32)

    def classify(self, image: Picture, labels: Sequence[str]) -> dict[str, float]:
        """Each label's share, most probable first."""
        found = self._post("/v1/classify", {"image": encoded(image), "labels": list(labels)}, ClassifyAnswer)
        return {score.label: score.probability for score in found.labels}

    def figure(self, figure_id: str) -> FigureView:
        return FigureView.model_validate_json(self._get(f"/v1/figures/{figure_id}").content)

    def explain(self, wanted: str) -> dict[str, object]:
        found: dict[str, object] = self._get(f"/v1/explain/{wanted}").json()
        return found

    def picture(self, hit: HitView) -> Image.Image:
        """A hit's own picture."""
        return Image.open(io.BytesIO(self._get(hit.image_url).content))

    def me(self) -> Me:
        """Who the server takes this client for. Raises `ServerRefused` where it takes it for nobody."""
        return Me.model_validate_json(self._get("/v1/me").content)

    def health(self, empty: bool = False) -> Health:
        """``empty``: a server without any champion yet is well too. Raises `ServerRefused` where it is not ready."""
        return Health.model_validate_json(self._get("/readyz?empty=ok" if empty else "/readyz").content)

    def _post(self, path: str, body: Mapping[str, object], answer: type[Answer]) -> Answer:
        return answer.model_validate_json(self._send(self._http.build_request("POST", path, json=body)).content)

    def _get(self, path: str) -> httpx.Response:
        return self._send(self._http.build_request("GET", path))

    def _send(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._http.send(request)
            except httpx.TransportError:  # every request only reads, so it may be sent again
                if attempt == _ATTEMPTS:
                    raise
                self._sleep(1.0)
                continue
            if answer.status_code not in {429, 503} or attempt == _ATTEMPTS:
                break
            self._sleep(min(_LONGEST_WAIT_S, float(answer.headers.get("retry-after", "1"))))
        if answer.is_success:
            return answer
        is_json = "json" in answer.headers.get("content-type", "").partition(";")[0]
        found = answer.json() if is_json else {}
        reason = str(found.get("reason", f"HTTP {answer.status_code}"))
        raise ServerRefused(answer.status_code, str(found.get("code", "http")), reason, str(found.get("remedy", "")))


def encoded(picture: Picture) -> str:
    """The picture's file in base64; an open image is written as PNG."""
    if isinstance(picture, Path):
        data = picture.read_bytes()
    elif isinstance(picture, bytes):
        data = picture
    else:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        data = buffer.getvalue()
    return base64.b64encode(data).decode()
