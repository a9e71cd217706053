"""Promotion: a candidate in; gates, then a champion or a refusal that names its gate."""
