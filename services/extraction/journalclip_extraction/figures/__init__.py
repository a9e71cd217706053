"""Figures: which marks of a page form one picture, which caption each belongs to, and what its crop is."""
