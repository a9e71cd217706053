"""JATS and NLM XML: what an article's own XML says of it and of its figures."""
