"""``journalclip bench mri``: does the similarity-enhanced loss pay where reports are near-identical, all else equal?"""
