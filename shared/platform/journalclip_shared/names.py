"""Names that several services and the chart share, each declared once."""

from __future__ import annotations

# Where the object store's own notifications arrive, before intake makes facts of them.
NOTIFICATIONS = "bucket.notifications"
