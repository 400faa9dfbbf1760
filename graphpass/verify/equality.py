"""Whether two models compute the same, by running both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from graphpass.errors import UsageError, suggestion
from graphpass.graph import Graph
from graphpass.model import Lineage, Model
from graphpass.verify.backend import Backend, Computed, blamed
from graphpass.verify.backend_mxnet import backend_or_mxnet
from graphpass.verify.counterparts import Counterparts, counterparts
from graphpass.verify.feeding import Feeding, prepare
from graphpass.verify.inputs import Given, draw_gradient
from graphpass.verify.ranges import is_limited
from graphpass.verify.result import Comparer, ValueComparison, VerifyResult

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["OutputPairs", "in_single_precision", "run_both", "verify"]

OutputPairs: TypeAlias = 'Literal["repeat"] | Iterable[tuple[int | str, int | str]] | None'
"""Which outputs are compared, see `verify`."""


def verify(
    before: Model,
    after: Model,
    *,
    inputs: Given | None = None,
    feed: Mapping[str, str] | None = None,
    outputs: OutputPairs = None,
    lineage: Lineage | None = None,
    runs: int = 1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    training: bool = False,
    gradients: bool = False,
    single_precision: bool = False,
    isolated: bool = False,
    backend: Backend | None = None,
) -> VerifyResult:
    """Run two models on the same seeded random inputs and compare what they compute.

    Parameters
    ----------
    before, after : Model
        What to compare, called A and B in reports.
    inputs : mapping, optional
        Name of an input to its shape, or to its values. Shapes that hints, parameters or other
        shapes decide need not be given.
    feed : mapping of str to str, optional
        Input of B to the variable of A whose values it gets. Without it an input gets those of the
        variable of its own name, or of the one that is aligned with it.
    outputs : None, "repeat" or iterable of pairs
        Which outputs are compared. None: by position; there must be as many.
        ``"repeat"``: B returns the outputs of A several times over, as clones do. Pairs: output of
        A and output of B, each by position or by name.
    lineage : Lineage, optional
        What heads and variables of B stand for in A, as the report of `graphpass.apply` has it.
        Then names and positions count for nothing: each output of B is compared with the value of
        A that it stands for, a head or not, and each input gets what it stands for, unless
        `outputs` and `feed` say otherwise. What is new is listed as not compared.
    runs : int
        How many times to draw inputs.
    seed : int
        Seed of all that is drawn.
    rtol, atol : float, optional
        A value may be ``atol + rtol * abs(value of A)`` away. By default 1e-5 and 1e-6, wider for
        half precision, see `graphpass.verify.arrays.tolerances`.
    training : bool
        Whether operators behave as in training. Auxiliary states are compared too then, as they
        are after a forward and a backward pass: BatchNorm writes its in the backward pass.
    gradients : bool
        Whether the gradients of all arguments are compared too, under random gradients of the
        heads. The gradient of a variable of A must be the sum of those of all variables of B that
        stand for it. They are always those of a run in training: MXNet computes no others (after
        a forward pass in inference, the backward pass of max pooling reads uninitialised memory).
    single_precision : bool
        Whether models of half precision run in single precision: MXNet's CPU build multiplies no
        matrices in half precision.
    isolated : bool
        Whether MXNet runs in a child process, so that a malformed graph which makes it crash gives
        a `BackendError`.
    backend : Backend, optional
        What to run on. MXNet by default.

    Returns
    -------
    VerifyResult
        True in a condition if everything compared is equal.

    Raises
    ------
    UsageError
        If names, shapes or outputs do not fit, see the message; or if a tolerance is negative or
        not finite.
    BackendError
        If MXNet is missing or can't run a model.

    Notes
    -----
    Inputs are drawn from a normal distribution, never zeros or ones, which hide much; or from the
    range that an operator can take, see `graphpass.verify.ranges`. An output that depends on a
    random operator can't be compared, so it counts as not equal. So does one that holds nothing
    finite in A: two models that compute nothing but NaN are not shown to compute the same. Two
    models are not equal either where B does not take an input in the dtype that a hint says, see
    `graphpass.verify.feeding`.
    """
    from graphpass.verify.arrays import check_tolerances

    for model in (before, after):
        if not isinstance(model, Model):
            raise UsageError(
                f"models are verified, not {type(model).__name__}; graphpass.load reads one, "
                "Model(graph) makes one"
            )
    check_tolerances(rtol, atol)
    if runs < 1:
        raise UsageError(f"{runs} runs prove nothing; ask for at least one")
    if single_precision:
        before, after = in_single_precision(before), in_single_precision(after)
    pairs: Sequence[tuple[int, int]] | None
    pairs = None if lineage and outputs is None else _pairs(before.graph, after.graph, outputs)
    known: Counterparts | None = None
    if lineage is not None:
        known = counterparts(
            before, after, lineage, inputs=inputs or {}, feed=feed or {}, pairs=pairs
        )
        if not known.pairs:
            return VerifyResult(
                runs=runs,
                seed=seed,
                training=training,
                not_compared=known.not_compared,
                no_longer_returned=known.no_longer_returned,
            )
        (before, after), inputs, feed, pairs = known.models, known.inputs, None, known.pairs
    assert pairs is not None
    graphs = (before.graph, after.graph)
    with backend_or_mxnet(backend, isolated=isolated) as judge:
        name = judge.name
        feeding = prepare(before, after, judge, inputs=inputs, feed=feed, seed=seed, known=known)
        results = run_both(judge, graphs, feeding, runs, training=training, backward=training)
        comparer = Comparer(graphs, feeding.origins, rtol, atol, training=training)
        compared = comparer.outputs(pairs, results)
        states = comparer.auxiliary_states(results) if training else ()
        slopes: tuple[ValueComparison, ...] = ()
        if gradients and comparer.same_shapes(compared):
            heads = _head_gradients(pairs, results, seed)
            results = run_both(
                judge, graphs, feeding, runs, training=True, backward=True, head_gradients=heads
            )
            slopes = comparer.gradients(pairs, results)
    return VerifyResult(
        outputs=compared,
        auxiliary_states=states,
        gradients=slopes,
        inputs=feeding.inputs,
        drawn_parameters=feeding.drawn_parameters,
        notes=tuple(comparer.notes),
        runs=runs,
        seed=seed,
        training=training,
        backend=name,
        not_compared=known.not_compared if known is not None else (),
        no_longer_returned=known.no_longer_returned if known is not None else (),
    )


def _pairs(a: Graph, b: Graph, outputs: OutputPairs) -> list[tuple[int, int]]:
    """Return which output of A is compared with which of B."""
    count_a, count_b = len(a.heads), len(b.heads)
    if not count_a or not count_b:
        raise UsageError(
            f"{'B' if count_a else 'A'} has no outputs, so there is nothing to compare"
        )
    if outputs is None:
        if count_a != count_b:
            raise UsageError(
                f"A has {count_a} outputs and B has {count_b}; say which to compare, by pairs of "
                'positions or names, or by "repeat" if B returns those of A several times over'
            )
        return [(position, position) for position in range(count_a)]
    if isinstance(outputs, str):
        if outputs != "repeat" or count_b % count_a:
            raise UsageError(f"outputs={outputs!r}: B has {count_b} outputs and A {count_a}")
        return [(position % count_a, position) for position in range(count_b)]
    pairs = [(_position(a, "A", old), _position(b, "B", new)) for old, new in outputs]
    if not pairs:
        raise UsageError("no outputs are asked for, so there is nothing to compare")
    return pairs


def _position(graph: Graph, label: str, output: int | str) -> int:
    names = graph.outputs
    if isinstance(output, int):
        if not 0 <= output < len(names):
            raise UsageError(f"{label} has {len(names)} outputs, so there is none {output}")
        return output
    found = [position for position, name in enumerate(names) if name == output]
    if not found:
        raise UsageError(f"{label} has no output {output!r}{suggestion(output, names)}")
    if len(found) > 1:
        raise UsageError(f"{label} has {len(found)} outputs {output!r}; give the position: {found}")
    return found[0]


# -- runs of two models on the same values ---------------------------------------------------------

HeadGradients = tuple[list[list["Array"]], list[list["Array"]]]
"""For A and for B, for each run, the gradient of each head."""


def _head_gradients(
    pairs: Sequence[tuple[int, int]], results: Sequence[tuple[Computed, Computed]], seed: int
) -> HeadGradients:
    """Draw a gradient for each pair of outputs, and give each head the sum of those it is in.

    If a function returns f(x) twice, its gradient under g and h is that of f under g + h. So the
    gradients of A and B are equal, however often B repeats what A returns once.
    """
    import numpy as np

    from graphpass.verify.arrays import cast

    found: HeadGradients = ([], [])
    for run, both in enumerate(results):
        for side in (0, 1):
            outputs = both[side].outputs
            sums = [np.zeros(output.shape) for output in outputs]
            for number, pair in enumerate(pairs):
                sums[pair[side]] += draw_gradient(outputs[pair[side]], number, (seed, run))
            found[side].append(
                [cast(each, output.dtype.name) for each, output in zip(sums, outputs, strict=True)]
            )
    return found


_DECIMALS = ("bfloat16", "float16", "float32", "float64")


def run_both(
    backend: Backend,
    graphs: tuple[Graph, Graph],
    feeding: Feeding,
    runs: int,
    *,
    training: bool,
    backward: bool = False,
    head_gradients: HeadGradients | None = None,
) -> list[tuple[Computed, Computed]]:
    """Run A and B on the values of each run, forward or backward as well.

    Raises
    ------
    BackendError
        Saying which of the two can't be run.
    """
    from graphpass.verify.arrays import cast

    feeds = [feeding.run(number) for number in range(runs)]
    found: list[list[Computed]] = []
    for side, (label, graph) in enumerate(zip("AB", graphs, strict=True)):
        given = [feed[side] for feed in feeds]
        if side:  # some inputs of B get what A has computed for them
            for feed, run in zip(given, found[0], strict=True):
                for key, position in feeding.computed.items():
                    feed[key] = cast(run.outputs[position], feeding.dtypes[key])
        constants = feeding.constants[side]
        differentiable: list[int] = []
        if backward:  # decimals that are no indices, labels or lengths
            dtypes = {key: value.dtype.name for key, value in constants.items()}
            dtypes.update((key, each.dtype) for key, each in feeding.sources[side].items())
            dtypes.update(feeding.dtypes if side else {})
            differentiable = [
                key
                for key in graph.variable_keys().arguments
                if dtypes[key] in _DECIMALS and not is_limited(graph, key)
            ]
        with blamed(label):
            results = backend.run(
                graph,
                constants,
                given,
                training=training,
                gradients_of=differentiable,
                head_gradients=head_gradients[side] if head_gradients is not None else (),
            )
        found.append(results)
    return list(zip(*found, strict=True))


_HALF_HINT, _SINGLE_HINT = "2", "0"
"""Codes of float16 and float32 in the hint ``__dtype__``."""


def in_single_precision(model: Model) -> Model:
    """Return a copy of a model whose float16 values, hints and attributes are float32.

    Subgraphs are changed too. What is not half precision is shared with `model`. MXNet's CPU build
    multiplies no matrices in half precision ("FP16 gemm on cpu not implemented!"). Whether two such
    models have the same structure and values can still be judged by running both with their dtypes
    replaced.
    """
    twin = model.copy()
    pending = [twin.graph]
    while pending:
        graph = pending.pop()
        with graph.edit() as edit:
            for key in list(graph.all_keys):
                pending.extend(graph.subgraphs(key))
                changes = {
                    name: "float32" if text == "float16" else _SINGLE_HINT
                    for name, text in graph.attrs(key).items()
                    if text == "float16" or (name == "__dtype__" and text.strip() == _HALF_HINT)
                }
                if changes:
                    edit.update_attrs(key, changes)
    for name, array in model.parameters.items():
        if array.dtype == "float16":
            twin.parameters[name] = array.astype("float32")
    return twin
