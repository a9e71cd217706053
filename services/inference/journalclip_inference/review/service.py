"""Where decisions are taken: checked, cropped where a box was drawn, stored, announced."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from PIL import Image
from pydantic import Field

from journalclip_inference.auth import Principal
from journalclip_inference.errors import NotFound, QueryInvalid
from journalclip_inference.index.rows import Row
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import ReviewDecided
from journalclip_shared.records import Document
from journalclip_shared.records.article import Box
from journalclip_shared.records.review import Choice, Reason, ReviewDecision, decision_id
from journalclip_shared.records.withdrawal import Picture
from journalclip_shared.reviews import (
    fact_of,
    read_decisions,
    read_study_decisions,
    standing_decisions,
    write_decision,
)

_MIN_POINTS = 5.0  # a box narrower than a line of text is a slip of the hand


class Decide(Document):
    """What a reviewer sends."""

    pair_id: str = Field(max_length=64, pattern=r"^[A-Za-z0-9_]+$", description="Of a study its id.")
    choice: Choice
    reason: Reason = "good"
    note: str = Field("", max_length=2000)
    text: str | None = Field(None, min_length=1, max_length=20_000)
    box: Box | None = None
    undoes: str | None = Field(None, max_length=64)


class ReviewService:
    """Takes decisions for one store; ``announce`` puts the event on the bus."""

    def __init__(
        self,
        store: ArtifactStore,
        announce: Callable[[ReviewDecided], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._announce = announce
        self._clock = clock

    def decide(self, row: Row, wanted: Decide, who: Principal) -> ReviewDecision:
        """Raises `QueryInvalid` for an edit of nothing or a box outside the figure, `NotFound` for a foreign undo."""
        if wanted.choice == "edit" and wanted.text is None and wanted.box is None:
            raise QueryInvalid("an edit changes the caption or the box", "Send `text`, `box`, or both.")
        return self._decided(
            wanted,
            who,
            article_id=row.pair.article_id,
            text=wanted.text if wanted.choice == "edit" else None,
            box=wanted.box if wanted.choice == "edit" else None,
            image=self._crop(row, wanted.box) if wanted.choice == "edit" and wanted.box else None,
            picture=Picture(sha256=row.pair.image.sha256, phash=row.pair.phash),
        )

    def decide_study(self, wanted: Decide, who: Principal) -> ReviewDecision:
        """About a study of the archive. Raises `QueryInvalid` for an edit, `NotFound` for a foreign undo."""
        if wanted.choice == "edit":
            raise QueryInvalid("a study is not edited here", "Accept or reject it, or send it again mended.")
        return self._decided(wanted, who, article_id=wanted.pair_id)

    def _decided(self, wanted: Decide, who: Principal, **about: Any) -> ReviewDecision:
        """Stored and announced; ``about`` are the decision's other fields."""
        if wanted.choice == "undo":
            self._check_undo(wanted, who)
        time = self._clock().isoformat(timespec="milliseconds")
        decision = ReviewDecision(
            **wanted.model_dump(exclude={"text", "box"}),
            decision_id=decision_id(wanted.pair_id, who.name, time),
            reviewer=who.name,
            role=who.role,
            time=time,
            **about,
        )
        self._announce(fact_of(decision, write_decision(self._store, decision)))
        return decision

    def decisions(self) -> list[ReviewDecision]:
        return read_decisions(self._store)

    def about(self, subject_id: str) -> list[ReviewDecision]:
        """All decisions about one pair or study, oldest first."""
        return read_decisions(self._store, subject_id)

    def study_decisions(self) -> list[ReviewDecision]:
        return read_study_decisions(self._store)

    @staticmethod
    def decided_by(decisions: Sequence[ReviewDecision], who: Principal) -> frozenset[str]:
        """Pairs, or studies, on which this reviewer has a standing decision among these."""
        standing = standing_decisions(decisions)
        return frozenset(pair for pair, by in standing.items() if any(d.reviewer == who.name for d in by))

    @staticmethod
    def seen_by(who: Principal, decisions: Sequence[ReviewDecision]) -> list[ReviewDecision]:
        """What a reviewer may see: a second reader stays blind to the first until the pair is decided by both."""
        if who.may("steward"):
            return list(decisions)
        own = {decision.pair_id for decision in decisions if decision.reviewer == who.name}
        return [decision for decision in decisions if decision.pair_id in own]

    def _check_undo(self, wanted: Decide, who: Principal) -> None:
        found = read_decisions(self._store, wanted.pair_id)
        standing = standing_decisions(found).get(wanted.pair_id, [])
        if not any(d.decision_id == wanted.undoes and d.reviewer == who.name for d in standing):
            raise NotFound("standing decision of yours", wanted.undoes or "")

    def _crop(self, row: Row, box: Box) -> ArtifactRef:
        figure, image = row.figure_box, row.figure_image
        if figure is None or image is None:
            raise QueryInvalid("this pair's figure has no box to cut from", "Edit the caption, or reject the pair.")
        inside = figure.x0 <= box.x0 and figure.y0 <= box.y0 and box.x1 <= figure.x1 and box.y1 <= figure.y1
        if not inside or box.x1 - box.x0 < _MIN_POINTS or box.y1 - box.y0 < _MIN_POINTS:
            raise QueryInvalid("the box must lie on the figure and be larger than a line of text", "Draw it again.")
        with Image.open(io.BytesIO(self._store.get(image))) as picture:
            across, down = picture.width / (figure.x1 - figure.x0), picture.height / (figure.y1 - figure.y0)
            part = picture.convert("RGB").crop(
                (
                    round((box.x0 - figure.x0) * across),
                    round((box.y0 - figure.y0) * down),
                    round((box.x1 - figure.x0) * across),
                    round((box.y1 - figure.y0) * down),
                )
            )
        buffer = io.BytesIO()
        part.save(buffer, "PNG")
        return self._store.put("figures", buffer.getvalue(), "image/png")
