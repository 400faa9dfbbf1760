"""`verify_file`: whether an ONNX file computes what a model of MXNet's does.

The model runs on MXNet, or where that is not installed on ONNX Runtime as it is lowered without any
pass before; the file runs on ONNX Runtime. Where outputs differ because an operator sorts, compares
or rounds, the file is cut there, as `graphpass.verify` cuts models: its values have the names that
MXNet gives them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from graphpass.errors import BackendError, UsageError
from graphpass.formats.onnx import import_onnx
from graphpass.graph import Entry, Graph
from graphpass.lowering.backend import open_session, run_session, runtime_name
from graphpass.model import Model
from graphpass.ops.onnx import DTYPES
from graphpass.verify.backend import Backend, Computed, Inferred
from graphpass.verify.backend_mxnet import chosen_backend
from graphpass.verify.feeding import prepare
from graphpass.verify.inputs import Given
from graphpass.verify.proof import Proof, Trial
from graphpass.verify.result import Comparer, Tolerance, VerifyResult
from graphpass.verify.sameness import Sameness

__all__ = ["verify_file"]

_MARK = "__of_file__"
"""Attribute of a variable in graphs that stand for the file."""


def verify_file(
    model: Model,
    path: str | PathLike[str],
    *,
    inputs: Given | None = None,
    runs: int = 1,
    seed: int = 0,
    scale: float = 1.0,
    rtol: Tolerance = None,
    atol: Tolerance = None,
    isolated: bool = False,
) -> VerifyResult:
    """Run a model and an ONNX file of it on the same random inputs, and compare.

    Parameters
    ----------
    model : Model
        The model, called A in reports.
    path : path
        The file, called B.
    inputs, runs, seed, scale, rtol, atol, isolated
        As for `graphpass.verify`.

    Returns
    -------
    VerifyResult
        True in a condition if all outputs are equal, and are seen to depend on the parameters.

    Raises
    ------
    UsageError
        If names or shapes do not fit, or the file has other outputs than the model.
    BackendError
        If something can't be run.
    """
    if not Path(path).is_file():
        raise UsageError(f"{path}: there is no such file")
    twin = model.copy()
    variables = [key for key in twin.graph.order() if twin.graph.is_variable(key)]
    if not variables:
        raise UsageError("the model has no inputs and no parameters, so there is nothing to run")
    with twin.graph.edit() as edit:
        edit.update_attrs(variables[0], {_MARK: "1"})
    pairs = [(place, place) for place in range(len(model.graph.heads))]
    with chosen_backend(None, isolated=isolated) as judge:
        both = _Both(judge, twin.graph, Path(path))
        feeding = prepare(model, twin, both, inputs=inputs, seed=seed)
        graphs = (model.graph, twin.graph)
        comparer = Comparer(graphs, feeding, rtol, atol, training=False)
        apart = (False,) * len(pairs)
        proof = Proof(
            Trial(both, graphs, feeding), pairs, comparer, runs, scale,
            sameness=Sameness(apart, frozenset(), (), apart),
        )  # fmt: skip
        compared = proof.outputs()
        return VerifyResult(
            outputs=compared,
            inputs=feeding.inputs,
            drawn_parameters=feeding.drawn_parameters,
            notes=tuple(comparer.notes),
            runs=runs,
            seed=seed,
            training=False,
            backend=both.name,
        )


class _Both:
    """A backend that runs graphs of the model on one, and those that stand for the file from it.

    Parameters
    ----------
    judge : Backend
        Runs the model.
    twin : Graph
        The graph that stands for the file; so do all that are made of it.
    path : Path
        The file.
    """

    capabilities: frozenset[str] = frozenset()

    def __init__(self, judge: Backend, twin: Graph, path: Path) -> None:
        self._judge, self._twin, self._path = judge, twin, path
        self._sessions: dict[Any, Any] = {}
        self._names = [each.name for each in open_session(path).get_outputs()]
        if len(self._names) != len(twin.heads):
            raise UsageError(
                f"{path} has {len(self._names)} outputs, and the model {len(twin.heads)}; verify "
                "the model that it was exported from"
            )

    @property
    def name(self) -> str:
        """What runs which."""
        return f"{self._judge.name}; the file on {runtime_name()}"

    def infer(
        self, graph: Graph, shapes: Mapping[int, tuple[int, ...]], dtypes: Mapping[int, str]
    ) -> Inferred:
        """See `Backend.infer`."""
        return self._judge.infer(graph, shapes, dtypes)

    def run(
        self,
        graph: Graph,
        constants: Mapping[int, Any],
        feeds: Sequence[Mapping[int, Any]],
        *,
        training: bool = False,
        gradients_of: Collection[int] = (),
        head_gradients: Sequence[Sequence[Any]] = (),
    ) -> list[Computed]:
        """See `Backend.run`. Gradients are not asked for."""
        if not any(_MARK in graph.attrs(key) for key in graph.all_keys):
            return self._judge.run(graph, constants, feeds)
        handed = self._handed(graph)
        asked = [
            head.node if head.node in handed else self._value_name(Entry(*head[:2]))
            for head in graph.heads
        ]
        wanted = tuple(dict.fromkeys([each for each in asked if isinstance(each, str)]))
        found = []
        for feed in feeds:
            values = {
                self._twin.name(key): np.asarray(array)
                for key, array in feed.items()
                if key not in handed
            }
            cut = {handed[key]: np.asarray(feed[key]) for key in handed}
            session = self._session(wanted, cut)
            computed = dict(zip(wanted, run_session(session, {**values, **cut}), strict=True))
            outputs = [
                computed[each] if isinstance(each, str) else np.asarray(feed[each])
                for each in asked
            ]
            found.append(Computed(outputs))
        return found

    def _handed(self, graph: Graph) -> dict[int, str]:
        """Return the variables that a cut has made, with the values in the place of which."""
        found = {}
        for key in graph.order():
            if graph.is_variable(key) and key not in self._twin:
                for use in graph.uses(key):
                    entry = self._twin.inputs(use.node)[use.slot]
                    found[key] = self._value_name(Entry(*entry[:2]))
                found.setdefault(key, "")
        for place, head in enumerate(graph.heads):
            if found.get(head.node) == "":
                found[head.node] = self._names[place - len(graph.heads)]
        return found

    def _value_name(self, entry: Entry) -> str:
        """Return what the file calls a value."""
        for head, name in zip(self._twin.heads, self._names, strict=True):
            if head[:2] == entry[:2]:
                return str(name)
        return self._twin.output_name(entry)

    def _session(self, wanted: tuple[str, ...], cut: Mapping[str, Any]) -> Any:
        """Return a session of the file that returns some values, and is given others."""
        asked = (wanted, tuple([(name, each.shape, str(each.dtype)) for name, each in cut.items()]))
        if asked not in self._sessions:
            self._sessions[asked] = open_session(
                self._path
                if wanted == tuple(self._names) and not cut
                else self._edited(wanted, cut)
            )
        return self._sessions[asked]

    def _edited(self, wanted: Sequence[str], cut: Mapping[str, Any]) -> bytes:
        onnx = import_onnx()
        model = onnx.load(self._path)
        graph = model.graph
        given = {each.name for each in graph.input} | {each.name for each in graph.initializer}
        made = given | {name for node in graph.node for name in node.output}
        for name in (*wanted, *cut):
            if name not in made:
                raise BackendError(
                    f"{self._path} has no value {name!r}, where the model has to be cut: a pass "
                    "before has taken it out; export with --no-optimize, and verify that"
                )
        for node in graph.node:
            for slot, name in enumerate(node.output):
                if name in cut:
                    node.output[slot] = f"{name} as it was"
        for name, array in cut.items():
            shape, kind = list(array.shape), DTYPES[array.dtype.name]
            graph.input.append(onnx.helper.make_tensor_value_info(name, kind, shape))
        del graph.output[:]
        for name in wanted:
            graph.output.append(onnx.ValueInfoProto(name=name))
        found: bytes = model.SerializeToString()
        return found
