"""An article as a bundle: its pages, its XML and pictures beside them become one article."""
