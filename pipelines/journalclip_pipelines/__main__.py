"""``python -m journalclip_pipelines`` is the ``journalclip`` command."""

from journalclip_pipelines.cli import main

main()
