"""The index: every pair of a dataset as one model sees it, and the facts a hit must show.

An index belongs to exactly one model and one dataset and never changes: vectors of all images and all captions
(float32, unit length), a table with one row a pair in the same order, a flat map of the collection, and, where the
collection is large, an approximate index whose recall was measured when it was built. Its manifest
``indexes/<model_id>/<dataset_id>`` is written last, so an index that can be found is whole. Articles that came later
are added as small segments by the same model, without touching what is there.
"""
