"""Symbol JSON: the text form in which MXNet saves a graph.

`loads` reads every dialect from MXNet 0.8 to 2.0; `dumps` prints what MXNet 1.9.1 prints.
"""

from __future__ import annotations

from graphpass.errors import SymbolError, UsageError
from graphpass.formats.symbol_build import read_symbol
from graphpass.formats.symbol_encode import encode, version_of_dialect
from graphpass.graph import Graph
from graphpass.graph.graph import paused_collector

__all__ = ["dumps", "loads"]


def loads(text: str | bytes) -> Graph:
    """Read symbol JSON.

    Parameters
    ----------
    text : str or bytes
        What MXNet 0.8 to 2.0 wrote. Bytes that are not UTF-8 are kept in names as they are.

    Returns
    -------
    Graph
        As MXNet 1.9.1 holds it after loading, its upgrades of old files included.

    Raises
    ------
    SymbolError
        With the place in the file and what to do.
    CycleError
        With the names on the cycle.
    UsageError
        If it is neither text nor bytes.

    Examples
    --------
    >>> graph = loads('{"nodes": [{"op": "null", "name": "data", "inputs": []},'
    ...               ' {"op": "relu", "name": "r", "inputs": [[0, 0]]}],'
    ...               ' "arg_nodes": [0], "heads": [[1, 0]]}')
    >>> graph.arguments, graph.outputs
    (['data'], ['r_output'])

    Notes
    -----
    Linear in the length of the text.
    """
    return read_symbol(as_bytes(text))


def as_bytes(text: str | bytes) -> bytes:
    """Return the bytes that stand for `text` in a file."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise UsageError(
            f"symbol JSON is text or bytes, not {type(text).__name__}; graphpass.load reads files"
        )
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise SymbolError(
            f"character {error.start} of the text is half a character ({text[error.start]!r}); "
            "no file can hold it"
        ) from None


def dumps(graph: Graph, *, dialect: str = "1.9.1", np_shape: bool = False) -> str:
    """Print a graph as symbol JSON.

    Parameters
    ----------
    graph : Graph
        The graph to print.
    dialect : str
        The MXNet release to write for, from ``"0.9"`` to ``"1.9.1"``. The default is byte for byte
        what ``tojson(remove_amp_cast=False)`` of MXNet 1.9.1 prints for the same graph.
    np_shape : bool
        Whether to mark the symbol as saved in NumPy-shape mode, as MXNet does in that mode.

    Returns
    -------
    str
        Without a final newline. Bytes that were not UTF-8 are surrogate escapes.

    Raises
    ------
    SymbolError
        If the dialect does not exist, or can't hold the graph.
    UsageError
        If these are no graph and no text.
    """
    if not isinstance(graph, Graph):
        raise UsageError(
            f"a graph is printed, not {type(graph).__name__}; that of a model is model.graph"
        )
    if not isinstance(dialect, str):
        raise UsageError(f"a dialect is a text, such as '1.9.1'; {dialect!r} is none")
    with paused_collector():
        text = encode(graph, version=version_of_dialect(dialect), np_shape=np_shape)
    as_bytes(text)
    return text
