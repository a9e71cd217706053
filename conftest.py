"""What holds for every test: a property is never failed for its time.

A busy machine makes any example slow; speed is a bench's figure and no test's. Whatever a property sets itself
(`max_examples`, a database) stands on top of this profile.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("journalclip", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("journalclip")
