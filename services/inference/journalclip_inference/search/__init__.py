"""From a reader's query to a ranking: look-ups first, then words and looks fused.

``query`` takes the query apart, ``planner`` turns its words into weighted terms, ``spelling`` mends words that no
caption has, ``fusion`` joins what captions say with what pictures look like, ``ranker`` asks the parts of a collection.
"""
