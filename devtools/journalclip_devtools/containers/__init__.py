"""The rendered chart as podman containers, and the whole chain across them."""
