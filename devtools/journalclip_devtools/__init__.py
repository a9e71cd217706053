"""Development tools that no image installs: benches, test doubles, real servers, fault tests, the chart generator."""
