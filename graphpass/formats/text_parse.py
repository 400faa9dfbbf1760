"""Text form to graph: statements to records, which become a graph as a file's records do."""

from __future__ import annotations

import re

from graphpass.errors import SymbolError, TextError
from graphpass.formats.symbol_read import build_graph
from graphpass.formats.text_block import Block
from graphpass.formats.text_scope import Scope
from graphpass.formats.text_source import TextSource
from graphpass.formats.text_stamps import natural_stamps
from graphpass.graph import Graph
from graphpass.graph.graph import paused_collector
from graphpass.graph.in_edges import edge_data

__all__ = ["parse_graph"]


def parse_graph(text: str) -> Graph:
    """Read the text form of a graph.

    Parameters
    ----------
    text : str
        What `print_graph` prints, or what a person writes. It is parsed, never executed.

    Returns
    -------
    Graph
        The graph, without the statements that its heads do not reach.

    Raises
    ------
    TextError
        With line, column, the line itself and a caret.

    Examples
    --------
    >>> graph = parse_graph('''
    ... data = variable()
    ... left, right = SliceChannel(data, num_outputs=2)
    ... return relu(left), right
    ... ''')
    >>> graph.outputs
    ['relu0_output', 'left_output1']

    Notes
    -----
    Linear in the length of the text.
    """
    with paused_collector():
        source = TextSource(text)
        block = Block(Scope(source))
        block.read(source.statements())
        if block.heads is None:
            raise source.error(source.end, "the text ends without: return NAME")
        try:
            graph = build_graph(block.record())
        except SymbolError as error:
            raise _located(block, error, source) from None
        _stamp(block, graph)
        return graph


_STEP = re.compile(r"\.?(nodes|subgraphs)\[(\d+)\]")


def _located(block: Block, error: SymbolError, source: TextSource) -> TextError:
    """Turn the path to a record into the place of the call that it was made of."""
    text = str(error)
    place = source.end
    end = 0
    while step := _STEP.match(text, end):
        end = step.end()
        number = int(step[2])
        if step[1] == "nodes":
            position, place = number, block.scope.places[number]
        else:
            block = block.inner[position][number]
    return source.error(place, text[end:].partition(": ")[2] or text)


def _stamp(block: Block, graph: Graph) -> None:
    """Set the version stamps that the text leaves out."""
    for (key, slot), stamp in natural_stamps(graph).items():
        if (key, slot) not in block.scope.stamped:
            source = graph.inputs(key)[slot].node
            into = graph._pred[key]
            edges = into[source] | {slot: edge_data(into[source][slot]["output"], stamp)}
            into[source] = graph._succ[source][key] = edges
    for position, blocks in block.inner.items():
        if position in graph:
            for inner, subgraph in zip(blocks, graph.subgraphs(position), strict=True):
                _stamp(inner, subgraph)
