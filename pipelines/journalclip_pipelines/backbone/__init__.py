"""Running journalclip on real servers: intake, supervision, audit, repair, and the measurement of the backbone."""
