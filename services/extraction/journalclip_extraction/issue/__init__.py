"""One PDF, several articles: where each begins and ends."""
