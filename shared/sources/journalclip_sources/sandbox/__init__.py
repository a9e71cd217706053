"""The parser's sandbox: hostile bytes are read in a process that has nothing to lose and nothing to give away.

One *zygote* per sandbox imports the parser once, gives up network, exec and most of the file system, and then forks a
fresh child for each article (a few milliseconds). The child has limits on wall-clock, CPU, memory and output, no
environment, no descriptor but its input and its answer, and may neither fork nor signal. It answers in frames of JSON
and raw bytes, which the parent checks; nothing is ever unpickled. Whatever a child does, it costs its own article only.
"""

from journalclip_sources.sandbox.limits import Limits
from journalclip_sources.sandbox.pool import Cell, Outcome
from journalclip_sources.sandbox.usage import Usage

__all__ = ["Cell", "Limits", "Outcome", "Usage"]
