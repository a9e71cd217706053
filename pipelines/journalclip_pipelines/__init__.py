"""The journalclip command, the all-in-one local run and the one-shot jobs."""
