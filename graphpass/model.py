"""A model: a graph with its parameters, loaded and saved as a pair of files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphpass.errors import GraphpassError, ParamsError, SaveError, UsageError, suggestion
from graphpass.formats.files import Files, find_files, is_pointer, make_folder, target_files
from graphpass.formats.saving import is_replacing, refuse_existing, write_together
from graphpass.formats.symbol_read import loads
from graphpass.formats.symbol_write import as_bytes, dumps
from graphpass.graph import Edit, Entry, Graph
from graphpass.lazy import Drawn

if TYPE_CHECKING:
    from graphpass.formats.parameters import ParameterClass, Parameters
    from graphpass.shapes import Inference, Shape

__all__ = [
    "Files",
    "Lineage",
    "Merged",
    "Model",
    "find_files",
    "is_judged_by_name",
    "load",
    "looks_trained",
]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What heads and variables of a changed model stand for in the model that it was made from.

    Every other variable of the changed model stands for the one of its own key, if there is one.
    """

    heads: tuple[Entry | None, ...]
    """For each head a value of the former model, or None if it is new."""

    variables: Mapping[int, Entry]
    """Key of a variable that is a copy, or that took the place of a value, to what it was."""

    merged: tuple[Merged, ...] = ()
    """Models that were merged into it. Their nodes have keys below 0 here."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A model that was merged into another one, and where the two meet."""

    model: Model

    keys: Mapping[int, int]
    """Key of a node in its own graph to the one below 0 that stands for it."""

    inputs: Mapping[int, Entry]
    """Key of an input in its own graph to the value of the former model that it gets."""

    fed: Mapping[int, Entry]
    """Key of an input of the former model to the value of this one that it gets."""


_TRAINED_SLOTS = frozenset({"weight", "bias", "gamma", "beta", "parameters"})
_TRAINED_ENDINGS = tuple(
    f"{before}{word}"
    for before in "_."
    for word in ("weight", "bias", "gamma", "beta", "alpha", "parameters", "moving_mean",
                 "moving_var", "running_mean", "running_var")
)  # fmt: skip
_TRAINED_HINTS = frozenset({"__init__", "__lr_mult__", "__wd_mult__"})


def looks_trained(graph: Graph, key: int) -> bool:
    """Return whether a variable is one that training gives a value, by its readers and hints.

    What an operator that nobody knows reads is judged by its name, see `is_judged_by_name`. A hint
    says nothing where an operator with weights reads the variable as its data, or any as its
    label: MXNet's ``AttrScope`` hangs hints on all variables that are made inside it.
    """
    is_fed = False
    for consumer, slot in graph.uses(key):
        names = graph.signature(consumer).input_names or ()
        if slot >= len(names):
            if _is_unknown(graph, consumer) and graph.name(key).endswith(_TRAINED_ENDINGS):
                return True
            continue
        if names[slot] in _TRAINED_SLOTS:
            return True
        # The data of a slice_like, say, may well be a stored constant.
        with_weights = names[slot] == "data" and not _TRAINED_SLOTS.isdisjoint(names)
        is_fed = is_fed or with_weights or names[slot] == "label"
    return not is_fed and not _TRAINED_HINTS.isdisjoint(graph.attrs(key))


def is_judged_by_name(graph: Graph, key: int) -> bool:
    """Return whether an operator that MXNet 1.9.1 does not have, or that is a plugin, reads it."""
    return any(_is_unknown(graph, use.node) for use in graph.uses(key))


def _is_unknown(graph: Graph, key: int) -> bool:
    operator = graph.node(key).operator
    return operator is None or operator.opaque


class Model(Drawn):
    """A graph with its parameters. Edit both together in `edit`, or by `graphpass.apply`.

    Attributes
    ----------
    graph : Graph
        The graph.
    parameters : Parameters
        Name of a variable -> array; mapped from the file, not read.
    files : Files
        Where the model came from.
    sources : list of Path
        Further files that were read to make it.
    is_known : bool
        Whether the parameters are all there are, even if there is none.
    """

    __slots__ = ("files", "graph", "is_known", "parameters", "sources")

    def __init__(
        self, graph: Graph, parameters: Parameters | None = None, *, files: Files | None = None
    ) -> None:
        from graphpass.formats.parameters import Parameters

        self.graph = graph
        self.parameters = Parameters() if parameters is None else parameters
        self.files = Files() if files is None else files
        self.sources: list[Path] = []
        self.is_known = False

    @property
    def inputs(self) -> list[str]:
        """Names of the arguments without a stored value: data and labels.

        A symbol that was loaded without any parameters does not say which arguments have values.
        Then those are left out that an operator reads as its weight, bias, gamma, beta or
        parameters, and those that carry a training hint such as ``__init__``, unless an operator
        with weights reads them as its data, or any as its label.
        """
        if self.parameters or self.is_known:
            return [name for name in self.graph.arguments if name not in self.parameters]
        graph = self.graph
        keys = graph.variable_keys().arguments
        return [graph.name(key) for key in keys if not looks_trained(graph, key)]

    def input_shapes(self, shapes: Mapping[str, Shape] | None) -> dict[str, Shape]:
        """Return shapes that a user gives inputs; an extent of 0 is open, as None is.

        Raises
        ------
        UsageError
            If one is no argument, or one with a stored value.
        """
        if not shapes:
            return {}
        known = [name for name in self.graph.arguments if name not in self.parameters]
        for name in shapes:
            if name not in known:
                raise UsageError(
                    f"the model has no input {name!r}{suggestion(name, known)}; its inputs are "
                    f"{', '.join(self.inputs) or 'none'}"
                )
        return {name: tuple([each or None for each in shape]) for name, shape in shapes.items()}

    def infer(self, shapes: Mapping[str, Shape] | None = None) -> Inference:
        """Infer shapes and dtypes of all values from the parameters and the shapes of inputs.

        Raises
        ------
        UsageError
            As `input_shapes`.

        Notes
        -----
        Linear in the graph; see `graphpass.shapes`. No array is read.
        """
        from graphpass.shapes import infer

        parameters = self.parameters
        known = {**parameters.shapes, **self.input_shapes(shapes)}
        return infer(self.graph, known, parameters.dtypes)

    def copy(self) -> Model:
        """Return an independent model; the arrays, which nothing changes in place, are shared."""
        twin = Model(self.graph.copy(), self.parameters.copy(), files=self.files)
        twin.sources, twin.is_known = list(self.sources), self.is_known
        return twin

    @contextmanager
    def edit(self) -> Iterator[Edit]:
        """Open a transaction over graph and parameters.

        If the block raises, or the graph's invariants do not hold at its end, both are as before.
        """
        saved = self.parameters.copy()
        try:
            with self.graph.edit() as edit:
                yield edit
        except BaseException:
            self.parameters.restore(saved)
            raise

    def save(
        self,
        prefix: str | PathLike[str],
        epoch: int = 0,
        *,
        dialect: str = "1.9.1",
        overwrite: bool = False,
    ) -> Files:
        """Write ``PREFIX-symbol.json`` and, if there are parameters, ``PREFIX-EPOCH.params``.

        Parameters
        ----------
        prefix : path
            Start of both file names; its folder is made if it does not exist.
        epoch : int
            Written with four digits.
        dialect : str
            The MXNet release to write the symbol for, see `graphpass.dumps`.
        overwrite : bool
            Whether files that are there may be replaced.

        Returns
        -------
        Files
            What was written.

        Raises
        ------
        SaveError
            If a file can't be written, or is there already, or a transaction is open. Nothing is
            written then.
        SymbolError
            If the dialect can't hold the graph.

        Notes
        -----
        Both files are replaced together or not at all, see `graphpass.formats.saving`. A model of a
        NumPy-shape process is marked as such again. Parameters whose variable has become an
        auxiliary state, or no longer is one, change their class with it.
        """
        if self.graph._journal is not None:
            raise SaveError(
                f"{prefix}: the model can't be saved while a transaction on it is open, since its "
                "edits are not checked yet; save it behind the `with` block"
            )
        files = self.target(prefix, epoch)
        symbol, params = files.symbol, files.params
        assert symbol is not None
        paths = [path for path in (params, symbol) if path is not None]
        refuse_existing(*paths, overwrite=overwrite)
        np_shape = self.graph.origin is not None and self.graph.origin.np_shape
        text = as_bytes(dumps(self.graph, dialect=dialect, np_shape=np_shape))
        make_folder(symbol.parent)
        with write_together(*paths, overwrite=overwrite) as written:
            written[-1].write(text)
            if params is not None:
                from graphpass.formats.params import write_params

                write_params(self._classed(), written[0])
        return files

    def target(self, prefix: str | PathLike[str], epoch: int = 0) -> Files:
        """Return the files that `save` would write.

        A model that came with a parameters file is saved with one, even if none are left: an old
        file of that name would be taken for its parameters.

        Raises
        ------
        UsageError
            If the prefix names no file, or the epoch is negative.
        SaveError
            If the model was loaded without its values, and would be saved beside them.
        """
        files = target_files(prefix, epoch)
        if self.parameters or self.files.params is not None:
            return files
        pointer, beside = self.files.pointer, files.params
        if pointer and beside and beside.exists() and beside.samefile(pointer):
            raise SaveError(
                f"{pointer} is a Git LFS pointer, and its values would no longer fit the symbol; "
                "fetch it with `git lfs pull` first, or choose another output"
            )
        return Files(files.symbol)

    def _classed(self) -> Parameters:
        """Return the parameters, each of the class that its variable has in the graph.

        Those of a symbol of NumPy-shape mode are for that mode.
        """
        classed = self.parameters.copy()
        if self.graph.origin is not None and self.graph.origin.np_shape:
            classed.np_shape = True  # MXNet refuses V2 in the mode that the symbol is marked with
        states = set(self.graph.auxiliary_states)
        for name in (*self.graph.arguments, *states):
            wanted: ParameterClass = "aux" if name in states else "arg"
            if name in classed and classed.class_of(name) not in ("", wanted):
                classed.set(name, classed[name], wanted)
        return classed

    def refuse_input(self, target: Path) -> None:
        """Refuse to write something else to a file that the model was read from.

        Raises
        ------
        SaveError
            If `target` is such a file, by whatever name.
        """
        for own in (self.files.symbol, self.files.params, *self.sources):
            if own is not None and target.exists() and own.exists() and target.samefile(own):
                raise SaveError(f"{target} is the input itself; choose another output")

    def to_mxnet(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Return symbol, arguments' values and auxiliary states' values as MXNet has them.

        Raises
        ------
        BackendError
            If MXNet is not installed.
        SymbolError
            If MXNet 1.9.1 can't hold the graph.

        Examples
        --------
        ``symbol, arg_params, aux_params = model.to_mxnet()``, as of ``mx.model.load_checkpoint``.
        """
        from graphpass.formats.mxnet_objects import arrays_for_mxnet, import_mxnet

        mx = import_mxnet()
        np_shape = self.graph.origin is not None and self.graph.origin.np_shape
        with mx.util.np_shape(np_shape):
            symbol = mx.sym.load_json(dumps(self.graph, np_shape=np_shape))
            return (symbol, *arrays_for_mxnet(self._classed(), mx))

    def __repr__(self) -> str:
        return f"<Model: {self.graph!r}, {self.parameters!r}>"


def load(
    source: str | PathLike[str] | Any,
    epoch: int | None = None,
    *,
    params: str | PathLike[str] | None = None,
    values: bool = True,
) -> Model:
    """Load a model.

    What saves that died have left in its folder is ended first; see `Files.mended`.

    Parameters
    ----------
    source : path
        ``PREFIX`` of ``PREFIX-symbol.json``, ``PREFIX:EPOCH``, or the path of either file. Or an
        MXNet symbol, or a Gluon block that is hybridized and has run once.
    epoch : int, optional
        Which ``PREFIX-EPOCH.params`` to take. Without it the newest one beside the symbol, if any.
    params : path, optional
        The parameters' file, where its name does not follow from the prefix. One of Gluon's
        ``save_parameters`` is joined to the symbol by order; `Files.joined` says how.
    values : bool
        Whether values are needed. If not, a Git LFS pointer in place of the parameters' file is no
        error: the model has no parameters then.

    Returns
    -------
    Model
        Its arrays are mapped from the file; loading touches none of them.

    Raises
    ------
    UsageError
        If there are no such files; the message names the nearest.
    SymbolError, CycleError, ParamsError
        If a file can't be read; the message begins with its path.
    SaveError
        If a save that died has left one file of two models, and can't be undone.
    """
    if hasattr(source, "tojson"):
        return from_mxnet(source)
    if hasattr(source, "collect_params") and hasattr(source, "export"):
        return _of_block(source)
    while True:
        files = find_files(source, epoch, params=params)
        stamps = files.stamps()
        model = _read(files, values)
        # Both files were there at one moment at which none was being replaced.
        if not is_replacing(files.folder) and files.stamps() == stamps:
            return model


def _read(files: Files, values: bool) -> Model:
    assert files.symbol is not None
    try:
        data = files.symbol.read_bytes()
    except OSError as error:
        raise UsageError(f"{files.symbol}: can't be read: {error.strerror}") from None
    try:
        graph = loads(data)
    except GraphpassError as error:
        raise type(error)(f"{files.symbol}: {error}") from None
    if not values and files.params is not None and is_pointer(files.params):
        files = replace(files, params=None, pointer=files.params)
    if files.params is None:
        return Model(graph, files=files)
    from graphpass.formats.gluon import is_gluon, joined
    from graphpass.formats.params import read_params

    parameters = read_params(files.params)
    if not is_gluon(graph, parameters):
        return Model(graph, parameters, files=files)
    try:
        parameters, pairs = joined(graph, parameters)
    except ParamsError as error:
        raise ParamsError(f"{files.params}: {error}") from None
    for each in Model(graph, parameters).infer().conflicts:
        raise ParamsError(
            f"{files.params}: joined to the symbol by order, its shapes do not fit: {each.op} "
            f"{each.name!r}: {each.message}"
        )
    return Model(graph, parameters, files=replace(files, joined=pairs))


def from_mxnet(
    symbol: Any,
    arg_params: Mapping[str, Any] | None = None,
    aux_params: Mapping[str, Any] | None = None,
) -> Model:
    """Take a model over from MXNet, as `mx.mod.Module.get_params` and `sym.load` give it.

    Parameters
    ----------
    symbol : mxnet.symbol.Symbol
        The graph.
    arg_params, aux_params : mapping of str to NDArray, optional
        Values of arguments and of auxiliary states, which are copied; sparse ones stay sparse.

    Raises
    ------
    UsageError
        If `symbol` is no symbol, or a name has two values.
    ParamsError
        If an array is of a type that no parameters file holds.

    See Also
    --------
    Model.to_mxnet : the way back.
    """
    from graphpass.formats.mxnet_objects import parameters_of, symbol_text

    return Model(loads(symbol_text(symbol)), parameters_of(arg_params, aux_params))


def _of_block(block: Any) -> Model:
    """Load what a Gluon block exports."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            block.export(f"{folder}/block")
        except RuntimeError as error:
            raise UsageError(
                f"{type(block).__name__} can't be exported; hybridize it and run it once first: "
                f"{error}"
            ) from None
        model = load(f"{folder}/block")  # the maps outlive the files
    return Model(model.graph, model.parameters)
