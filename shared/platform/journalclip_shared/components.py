"""Connected components: the one union-find. What links join is one group, in any order of the links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

Node = TypeVar("Node", str, int)


def roots(nodes: Iterable[Node], links: Iterable[tuple[Node, Node]]) -> dict[Node, Node]:
    """The smallest member of each node's group. Links name known nodes only."""
    parent = {node: node for node in nodes}

    def root(node: Node) -> Node:
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # halves the path
            node = parent[node]
        return node

    for one, other in links:
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    return {node: root(node) for node in parent}


def components(nodes: Iterable[Node], links: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """Groups of nodes that links connect, each sorted, in the order of their smallest."""
    groups: dict[Node, list[Node]] = defaultdict(list)
    for node, first in sorted(roots(nodes, links).items()):
        groups[first].append(node)
    return [groups[key] for key in sorted(groups)]
