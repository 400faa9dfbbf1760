"""Arrays that come and go with the variables whose values they are."""

from __future__ import annotations

from collections.abc import Iterable

from graphpass.errors import OperationError
from graphpass.formats.ndarray_binary import is_newer
from graphpass.formats.parameters import ParameterClass, Parameters
from graphpass.model import Model

__all__ = ["copy_parameter", "drop_parameters", "new_class", "refuse_newer_types"]


def copy_parameter(parameters: Parameters, old: str, new: str) -> None:
    """Give `new` the value and the class of `old`, if it has one; the array is shared."""
    if old in parameters:
        parameters.set(new, parameters[old], parameters.class_of(old))


def new_class(parameters: Parameters, *, is_state: bool) -> ParameterClass:
    """Return the class of a new parameter: none where no parameter has one, as Gluon saves them."""
    if parameters and not any(parameters.class_of(name) for name in parameters):
        return ""
    return "aux" if is_state else "arg"


def drop_parameters(model: Model, leaving: Iterable[int]) -> None:
    """Drop the arrays of variables that are about to leave the graph.

    An array that no variable uses stays, and so does one whose name another variable has too.
    """
    graph = model.graph
    going = {key for key in leaving if graph.is_variable(key)}
    for key in going:
        name = graph.name(key)
        if all(other in going or not graph.is_variable(other) for other in graph.named(name)):
            model.parameters.pop(name, None)


def refuse_newer_types(before: Parameters, after: Parameters) -> None:
    """Refuse an array of a type that MXNet 1.9.1 can't load, if there was none of that type before.

    Raises
    ------
    OperationError
        With the name of the parameter.
    """
    newer = [name for name in after.new_since(before) if is_newer(after[name].dtype)]
    known = {array.dtype for array in before.values()} if newer else ()
    for name in newer:
        array = after[name]
        if array.dtype not in known:
            raise OperationError(
                f"the parameter {name!r} would be of {array.dtype}, which MXNet 1.9.1 can't load; "
                "make it float32, int32 or int64, say"
            )
