"""``journalclip bench selip``: three losses on two towers over single volumes, as SeLIP pairs them, all else equal."""
