"""The review queue: pairs the pipeline doubts, put before people whose decisions change the next frozen dataset.

A pair is doubted for its quality score, for a flag of its record (an order in its text, a text hardly read), for an
alignment that could not be made, or for a loss that says its picture and its caption do not fit. Decisions are stored
before they are announced and are never changed, only undone.
"""
