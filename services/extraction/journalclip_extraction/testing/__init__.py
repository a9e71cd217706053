"""What proves an extraction service: readers that misbehave on request, and a generator of hostile files."""
