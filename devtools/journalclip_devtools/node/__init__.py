"""The chart on a real node: pods, policies, limits and volumes that a kubelet enforces."""
