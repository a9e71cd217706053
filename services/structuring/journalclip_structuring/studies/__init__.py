"""Studies' reports: structured, and paired with the sequences they describe."""
