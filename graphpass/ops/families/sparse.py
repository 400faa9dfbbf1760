"""Operators on sparse matrices: rows that are kept, and graphs whose edges are their elements.

Source of the shapes of graphs: ``src/operator/contrib/dgl_graph.cc`` of MXNet 1.9.1.
"""

from __future__ import annotations

from graphpass.ops.families.common import every_like_first, of_kinds
from graphpass.ops.shape import Shape, differ, exactly, need, printed
from graphpass.ops.sites import DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS"]


def stored_elements(site: ShapeSite, data: Shape) -> Shape:
    """How many elements are stored: of all, of each column, or of each row."""
    exactly(data, 2)
    axis = site["axis"]
    if axis is None:
        return (1,)
    need(axis in (0, 1), f"there is no axis {axis}")
    return (data[1 - axis],)


def edge_ids(site: ShapeSite) -> None:
    """One number for each pair of vertices."""
    exactly(site.same([1, 2], [0]), 1)


def neighbours(site: ShapeSite, graph: Shape) -> None:
    """For each set of seeds: vertices and their number, edges, (probabilities,) and layers."""
    exactly(graph, 2)
    need(not differ(*graph), f"{printed(graph)} is not square")
    for seeds in site.inputs[1:]:
        exactly(seeds, 1)
    most = site["max_num_vertices"]
    sets = len(site.inputs) - (2 if "non_uniform" in site.op else 1)
    kinds: list[Shape] = [(most + 1,), (most, graph[1]), (most,), (most,)]
    for slot in range(len(site.outputs)):
        site.output(slot, kinds[slot // sets])


def neighbours_dtype(site: DtypeSite) -> None:
    """Vertices and layers are as the seeds, edges as the graph, probabilities as given."""
    weighted = "non_uniform" in site.op
    sets = len(site.inputs) - 1 - weighted
    seeds = site.inputs[1 + weighted]
    kinds = [seeds, site.inputs[0], *site.inputs[1 : 1 + weighted], seeds]
    for slot in range(len(site.outputs)):
        site.output(slot, kinds[slot // sets])


def subgraphs_dtype(site: DtypeSite) -> None:
    """Vertices are int64; subgraphs are as the graph."""
    for slot in range(1, len(site.inputs)):
        site.input(slot, "int64")
    site.every_output(site.inputs[0])


def compact_dtype(site: DtypeSite) -> None:
    """All is int64."""
    for slot in range(len(site.inputs)):
        site.input(slot, "int64")
    site.every_output("int64")


def subgraphs(site: ShapeSite) -> None:
    """A square matrix for each set of vertices, and another one that maps its edges."""
    sets = len(site.inputs) - 1
    exactly(site.inputs[0], 2)
    for slot in range(len(site.outputs)):
        vertices = site.inputs[1 + slot % sets]
        if vertices is not None:
            exactly(vertices, 1)
            site.output(slot, (vertices[0], vertices[0]))


def compact(site: ShapeSite) -> None:
    """Square matrices of the given sizes."""
    sets = len(site.inputs) // 2
    need(len(site.inputs) == 2 * sets, "each graph has a mapping")
    for vertices, size in zip(site.inputs[sets:], site["graph_sizes"], strict=False):
        exactly(vertices, 1)
        need(not vertices or (vertices[0] or size) >= size, f"{printed(vertices)} are too few")
    for shape in site.inputs[:1]:
        exactly(shape, 2)
    sizes = site["graph_sizes"]
    need(len(sizes) >= sets, f"graph_sizes={sizes} has too few numbers")
    for shape, size in zip(site.inputs[:sets], sizes, strict=False):
        small = shape and min(extent or size for extent in shape) < size
        need(not small, f"{printed(shape)} is smaller than {size}")
    for slot in range(len(site.outputs)):
        site.output(slot, (sizes[slot % sets],) * 2)


def adjacency(site: ShapeSite, data: Shape) -> Shape:
    need(len(data) <= 6, f"{printed(data)} is no matrix")
    return data


ROWS = {
    "_sparse_retain": Meaning(every_like_first, every_like_first),
    "_contrib_getnnz": Meaning(stored_elements, lambda site: "int64"),
    "_contrib_edge_id": Meaning(edge_ids, every_like_first),
    """_contrib_dgl_csr_neighbor_uniform_sample _contrib_dgl_csr_neighbor_non_uniform_sample
    """: Meaning(neighbours, neighbours_dtype, random="always"),
    "_contrib_dgl_subgraph": Meaning(subgraphs, subgraphs_dtype),
    "_contrib_dgl_graph_compact": Meaning(compact, compact_dtype),
    "_contrib_dgl_adjacency": Meaning(adjacency, of_kinds({"int64"}, lambda site: "float32")),
}
