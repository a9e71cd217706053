"""Which handler a working folder's stages run, and how each is wired. The only place that knows all services."""

from __future__ import annotations
