"""Invented journals and head-MRI studies with known truth: what `journalclip demo` and `synthesize` write."""
