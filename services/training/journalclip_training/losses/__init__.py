"""Contrastive losses, exact and in blocks: memory O(block x batch), on one process or many."""
