"""Whether two models compute the same, by running both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from graphpass.errors import UsageError, suggestion
from graphpass.graph import Graph
from graphpass.model import Lineage, Model
from graphpass.verify.backend import Backend
from graphpass.verify.backend_mxnet import chosen_backend
from graphpass.verify.counterparts import Counterparts, counterparts
from graphpass.verify.decisions import with_regions_of_images
from graphpass.verify.feeding import prepare
from graphpass.verify.inputs import Given, draw_gradient
from graphpass.verify.proof import HeadGradients, Proof, Trial
from graphpass.verify.result import Comparer, Tolerance, ValueComparison, VerifyResult

if TYPE_CHECKING:
    from graphpass.verify.controls import Execution

__all__ = ["OutputPairs", "in_single_precision", "verify"]

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
    runs: int | None = None,
    seed: int = 0,
    scale: float = 1.0,
    rtol: Tolerance = None,
    atol: Tolerance = None,
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
        Name of an input to its shape, to its values, or to a list of arrays, one for each run.
        Shapes that hints, parameters or other shapes decide need not be given.
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
    runs : int, optional
        How many times to draw inputs; by default once, or as many times as arrays are given.
    seed : int
        Seed of all that is drawn.
    scale : float
        Standard deviation of inputs that are drawn from a normal distribution.
    rtol, atol : float or mapping of str to float, optional
        A value may be ``atol + rtol * abs(value of A)`` away. A mapping says it by the name of the
        output, ``""`` for all others. By default `rtol` is 0 and `atol` is what rounding does to
        the output, which is measured, see Notes.
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
    range that an operator can take, see `graphpass.verify.inputs`. An output that depends on a
    random operator can't be compared, so it counts as not equal. So does one that holds nothing
    finite in A: two models that compute nothing but NaN are not shown to compute the same. Two
    models are not equal either where B does not take an input in the dtype that a hint says, see
    `graphpass.verify.feeding`.

    *Rounding.* A also runs with parameters and inputs moved by their last place. An output, or a
    column of it where rows are short, may be 8 times as far away as this moves it, at least 4 last
    places and at most 0.001 of its largest number (0.02 in float16, 0.1 in bfloat16).

    *Evidence.* An output that is not the same by construction counts only if it is seen to move, by
    ten times what is tolerated, when the parameters that differ, or all if none do, move by 2 %; or
    when the input moves, if it depends on no parameter. Otherwise inputs are drawn anew at other
    scales. Values of one name inside of both graphs at which a change shows first are compared too:
    if one differs and the output of A is the same with that of B in its place, nothing is proved.

    *Undefined values.* What A does not reproduce in other memory is left out and named.

    *Decisions.* An output that differs behind an operator that sorts, compares or rounds is
    compared once more with what that operator decided in A, and so is what it read.

    A runs four to seven times for each draw of the inputs, B once.
    """
    from graphpass.verify.arrays import check_tolerances

    for model in (before, after):
        if not isinstance(model, Model):
            raise UsageError(
                f"models are verified, not {type(model).__name__}; graphpass.load reads one, "
                "Model(graph) makes one"
            )
    check_tolerances(rtol, atol)
    if runs is None:
        several = (value for value in (inputs or {}).values() if isinstance(value, list | tuple))
        runs = max((len(each) for each in several if each and hasattr(each[0], "ndim")), default=1)
    if runs < 1:
        raise UsageError(f"{runs} runs prove nothing; ask for at least one")
    if not 0 < scale < math.inf:
        raise UsageError(f"{scale} is no scale for inputs; give a positive number, such as 255")
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
    with chosen_backend(backend, isolated=isolated) as judge:
        name = judge.name
        refused = {"training": training, "gradients": gradients}
        for what in (what for what, asked in refused.items() if asked):
            if what not in judge.capabilities:
                raise UsageError(f"{name} computes no {what}; leave out --{what}")
        feeding = prepare(before, after, judge, inputs=inputs, feed=feed, seed=seed, known=known)
        trial = Trial(judge, graphs, feeding, training=training, backward=training)
        comparer = Comparer(graphs, feeding, rtol, atol, training=training)
        proof = Proof(trial, pairs, comparer, runs, scale)
        compared = proof.outputs()
        regions = (
            with_regions_of_images(*graphs) if any(each.undefined for each in compared) else None
        )
        if regions is not None:
            graphs, note = regions
            comparer.notes.append(note)
            trial = replace(trial, graphs=graphs)
            proof = Proof(trial, pairs, comparer, runs, scale)
            compared = proof.outputs()
        states = comparer.auxiliary_states(proof.runs) if training else ()
        slopes: tuple[ValueComparison, ...] = ()
        if gradients and comparer.same_shapes(compared):
            draws = [(number, scale) for number in range(runs)]
            heads = _head_gradients(graphs, pairs, proof.runs[:runs], seed)
            backward = replace(trial, training=True, backward=True, head_gradients=heads)
            slopes = comparer.gradients(pairs, backward.run(draws))
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


def _head_gradients(
    graphs: tuple[Graph, Graph],
    pairs: Sequence[tuple[int, int]],
    runs: Sequence[Execution],
    seed: int,
) -> HeadGradients:
    """Draw a gradient for each pair of outputs, and give each head the sum of those it is in.

    If a function returns f(x) twice, its gradient under g and h is that of f under g + h. So the
    gradients of A and B are equal, however often B repeats what A returns once.
    """
    import numpy as np

    from graphpass.verify.arrays import cast

    counts = [len(graph.heads) for graph in graphs]
    found: HeadGradients = ([], [])
    for number, run in enumerate(runs):
        for side in (0, 1):
            outputs = (run.a, run.b)[side].outputs[: counts[side]]
            sums = [np.zeros(output.shape) for output in outputs]
            for place, pair in enumerate(pairs):
                sums[pair[side]] += draw_gradient(outputs[pair[side]], place, (seed, number))
            found[side].append(
                [cast(each, output.dtype.name) for each, output in zip(sums, outputs, strict=True)]
            )
    return found


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
