"""What proves an extraction service: pages drawn on the spot, readers that misbehave on request, hostile files."""
