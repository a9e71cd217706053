"""Articles in many layouts, with their answers: the check that extraction knows layouts and not journals.

The synthetic journals of `journalclip_synthetic.journals` look like a few houses that always print alike. Here
each article draws its page, columns, type, language of labels and place of captions anew, and each figure its
arrangement: beside its caption, sideways on a page of its own, facing its caption, going on overleaf, framed, tiled,
drawn. Everything is a function of the seed.
"""

from journalclip_synthetic.layouts.article import write_layouts

__all__ = ["write_layouts"]
