"""What each method asks and how it reads the answer; shared by both clients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from pydantic import RootModel

from journalclip.answers import ClassifyAnswer, EmbedAnswer, Figure, Health, Hit, Me, SearchAnswer
from journalclip.errors import ServerRefused, TextsCut
from journalclip.exchange import Call, Plan, asked, sent
from journalclip.pictures import Picture, encoded, opened
from journalclip.results import Results

if TYPE_CHECKING:
    from PIL import Image

Mode = Literal["best", "words", "looks"]
Filters = Mapping[str, Sequence[str]]
Item = TypeVar("Item")
TEXTS, IMAGES = 256, 16  # of one request: what the server takes, and what its largest body holds


def search(text: str | None, image: Picture | None, like: str | None, k: int, filters: Filters | None, mode: Mode
           ) -> Plan[Results]:  # fmt: skip
    body: dict[str, object] = {"k": k, "filters": {name: list(values) for name, values in (filters or {}).items()}}
    given = {"text": text, "image": encoded(image) if image is not None else None, "like": like, "mode": mode}
    body.update({name: value for name, value in given.items() if value is not None})
    return Results((yield from asked(Call("POST", "/v1/search", body), SearchAnswer)))


def embed_texts(texts: Sequence[str]) -> Plan[NDArray[np.float32]]:
    return _embedded("texts", texts, TEXTS, str)


def embed_images(images: Sequence[Picture]) -> Plan[NDArray[np.float32]]:
    return _embedded("images", images, IMAGES, encoded)


def _embedded(kind: Literal["texts", "images"], items: Sequence[Item], most: int, written: Callable[[Item], str]
              ) -> Plan[NDArray[np.float32]]:  # fmt: skip
    """In requests of ``most`` items, each written when its turn comes.

    Raises `ServerRefused` ``model-changed`` where a new model came in between. Warns `TextsCut`.
    """
    vectors: list[NDArray[np.float32]] = []
    cut: list[int] = []
    model_id = ""
    for start in range(0, max(1, len(items)), most):  # of nothing too: the server says what it thinks of that
        batch = [written(item) for item in items[start : start + most]]
        answer = yield from asked(Call("POST", "/v1/embed", {kind: batch}), EmbedAnswer)
        if model_id not in {"", answer.served.model_id}:
            raise ServerRefused(409, "model-changed", "a new model was promoted in between", "Embed all of them again.")
        model_id = answer.served.model_id
        vectors.append(np.array(getattr(answer, kind), np.float32))
        cut += [start + number for number in answer.cut]
    if cut:
        some = ", ".join(map(str, cut[:10])) + (", ..." if len(cut) > 10 else "")
        warnings.warn(TextsCut(f"the model read only the beginning of {len(cut)} texts, numbers {some}"), stacklevel=4)
    return np.concatenate(vectors)


def classify(image: Picture, labels: Sequence[str]) -> Plan[dict[str, float]]:
    call = Call("POST", "/v1/classify", {"image": encoded(image), "labels": list(labels)})
    found = yield from asked(call, ClassifyAnswer)
    return {score.label: score.probability for score in found.labels}


def figure(figure_id: str) -> Plan[Figure]:
    return asked(Call("GET", f"/v1/figures/{quote(figure_id, safe='')}"), Figure)


def explain(wanted: str) -> Plan[dict[str, object]]:
    found = yield from asked(Call("GET", f"/v1/explain/{quote(wanted, safe='')}"), RootModel[dict[str, object]])
    return found.root


def picture(hit: Hit) -> Plan[Image.Image]:
    # By id, not by the address in the answer: the token goes to this server alone.
    response = yield from sent(Call("GET", f"/v1/images/{quote(hit.pair_id, safe='')}"))
    return opened(response.content)


def me() -> Plan[Me]:
    return asked(Call("GET", "/v1/me"), Me)


def health(empty: bool) -> Plan[Health]:
    return asked(Call("GET", "/readyz?empty=ok" if empty else "/readyz"), Health)
