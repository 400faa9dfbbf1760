"""Operators drawn from the table: shapes, dtypes and refusals are those of MXNet."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from operator_draws import MXNet, Question, draw, drawn_graph, mxnet

from graphpass import Graph
from graphpass.ops import find, operator_names
from graphpass.ops.meaning import meaning
from graphpass.ops.shape import given_shape, is_known
from graphpass.shapes import infer

NAMES = sorted({operator.name for operator in map(find, operator_names()) if operator is not None})

STRICTER: dict[str, str] = {
    **dict.fromkeys(
        ("BatchNorm", "BatchNorm_v1", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU",
         "InstanceNorm", "GroupNorm", "IdentityAttachKLSparseReg", "_contrib_quantized_batch_norm"),
        "writes the right shapes of parameters over those that it was told",
    ),
    **dict.fromkeys(
        ("_linalg_potrf", "_linalg_potri", "_linalg_sumlogdiag", "_npi_cholesky"),
        "looks whether matrices are square when it runs",
    ),
    "Reshape": "counts the elements when it runs",
    **dict.fromkeys(
        ("_mp_adamw_update", "_multi_mp_adamw_update"), "looks at the states when it runs"
    ),
    **dict.fromkeys(
        ("_contrib_Proposal", "_contrib_MultiProposal"), "looks at four axes of all there are"
    ),
    "_contrib_interleaved_matmul_selfatt_valatt": "looks at the attention when it runs",
    **dict.fromkeys(("stack", "_npi_stack"), "looks at the first input only"),
    "_contrib_interleaved_matmul_selfatt_qk": "divides by three when it runs",
    **dict.fromkeys(("SVMOutput", "SoftmaxOutput"), "looks at the labels when it runs"),
    **dict.fromkeys(
        ("argmax", "argmin", "softmax", "_np_max", "_np_min", "_npi_tensordot",
         "_np_moveaxis", "_npi_norm", "_npi_tensorsolve"),
        "looks for the axis when it runs",
    ),
    "pick": "looks at the index when it runs",
    "_npi_insert_slice": "looks at the step when it runs",
    "LeakyReLU": "looks at the slopes when it runs",
    "Correlation": "looks at the kernel when it runs",
    "Crop": "looks whether the window is inside when it runs",
    "transpose": "looks for axes that stand twice when it runs",
    "_contrib_quantized_conv": "looks at the kernel when it runs",
    "where": "looks at the condition when it runs",
}  # fmt: skip
"""Operators whose mistakes MXNet's inference passes over, and finds later or not at all."""

CRASHING = {"_sg_mkldnn_selfatt_qk", "_sg_mkldnn_selfatt_valatt"}
"""Operators that end the process when MXNet infers them alone."""

GUESSED: dict[str, str] = {
    **dict.fromkeys(
        ("Concat", "_contrib_quantized_concat", "_npi_concatenate", "_rnn_param_concat",
         "_npi_hstack", "_npi_vstack",
         "_npi_dstack", "_npi_column_stack"),
        "takes an input of unknown shape for one that adds nothing",
    ),
    **dict.fromkeys(
        ("_np_atleast_1d", "_np_atleast_2d", "_np_atleast_3d", "_npi_where", "_npi_normal",
         "_npi_normal_n", "_npi_uniform", "_npi_uniform_n", "_npi_gamma", "_npi_gumbel",
         "_npi_logistic"),
        "takes an input of unknown shape for a number",
    ),
    **dict.fromkeys(
        ("_npi_insert_scalar", "_npi_insert_slice", "_npi_insert_tensor"),
        "takes values of unknown shape for a number",
    ),
    "amp_multicast": "takes inputs of unknown dtype for the narrowest",
    "_npi_mean": "takes an input of unknown dtype for float32",
}  # fmt: skip
"""Operators of which MXNet tells more than follows from what it was told."""

EMPTY = {"_npi_where": "takes an axis that is empty for one that is broadcast"}
"""Operators of which MXNet infers another shape where there are no elements."""

LAXER: dict[str, str] = {
    "_npi_boolean_mask_assign_tensor": "compares a value with the first axis of the data",
    "_contrib_quantized_pooling": "knows layouts with channels first, and kernels of 2 or 3 axes",
    **dict.fromkeys(
        ("_npi_insert_scalar", "_npi_insert_slice", "_npi_insert_tensor"),
        "looks whether values can be broadcast to the place that they go to",
    ),
}
"""Operators of which MXNet refuses more than follows from the shapes."""


EXCUSES = {"STRICTER": STRICTER, "LAXER": LAXER, "GUESSED": GUESSED, "EMPTY": EMPTY}


def faults(
    graph: Graph, question: Question, np_shape: bool, answer: Any
) -> Iterator[tuple[str, str]]:
    """Yield what graphpass says of one question and MXNet does not, or the other way round.

    With each comes the table that may excuse it.
    """
    count = len(question.shapes)
    told = {f"v{slot}": each for slot, each in enumerate(question.shapes) if each is not None}
    known = {f"v{slot}": each for slot, each in enumerate(question.dtypes) if each is not None}
    variables = graph.variable_keys()
    keys = {graph.name(key): key for key in (*variables.arguments, *variables.auxiliary_states)}
    entries = [(keys[f"v{slot}"], 0) for slot in range(count)]
    entries += [(head.node, head.output) for head in graph.heads]
    found = infer(graph, told, known, np_shape=np_shape)
    facts = [found._facts[node][output] for node, output in entries]
    shapes = [each and given_shape(each, np_shape) for each in question.shapes]
    visible = graph.signature(graph.heads[0].node).num_visible_outputs
    whole = all(0 not in each or np_shape for each in told.values())
    whole = whole and not any(-1 in each for each in told.values())
    parts = (
        ("shape", 0, found._shape_conflicts, len(told) == count and whole, whole, is_known),
        ("dtype", 1, found._dtype_conflicts, len(known) == count, True, bool),
    )
    for what, place, conflicts, all_told, judged, complete in parts:
        theirs, ours = answer[place], [fact[place] for fact in facts]
        refused = next(iter({**found._misfits, **conflicts}.values()), None)
        if isinstance(theirs, str):
            if all_told and refused is None and theirs != "crash":
                yield "LAXER", f"{what}: only MXNet refuses: {theirs[-150:]!r}; {ours}"
            continue
        # MXNet writes over what it was told where its own code changes a shape on the way
        given = (shapes, question.dtypes)[place]
        theirs = [
            given[slot] if slot < count and complete(given[slot]) else fact
            for slot, fact in enumerate(theirs)
        ]
        if refused is not None:
            if all(map(complete, theirs)):
                yield "STRICTER", f"{what}: only graphpass refuses: {refused}; MXNet {theirs}"
            continue
        empty = "EMPTY" if any(0 in (each or ()) for each in shapes) else ""
        for slot, (own, other) in enumerate(zip(ours, theirs, strict=True)):
            judged &= slot < count + visible
            name = f"input {slot}" if slot < count else f"output {slot - count}"
            if own != other and complete(own) and complete(other):
                yield empty, f"{what} of {name}: {own}, MXNet {other}"
            elif own != other and complete(other) and judged:
                yield (
                    "" if all_told else "GUESSED",
                    f"{what} of {name} not known: {own}, MXNet {other}",
                )


_CRASHES = 4
"""How often an operator may end the process, which takes seconds, before it is left alone."""


@dataclass
class Sweep:
    """What came of drawing operators."""

    questions: int = 0
    wrong: list[str] = field(default_factory=list)
    """What differs."""
    inferred: set[str] = field(default_factory=set)
    """Operators of which MXNet told the shapes of all outputs."""

    @property
    def covered(self) -> float:
        """The share of these operators that have a rule."""
        known = sum(meaning(name).shape is not None for name in self.inferred)
        return known / len(self.inferred)


def sweep(asking: MXNet, seed: int, draws: int, names: Iterable[str] = NAMES) -> Sweep:
    """Draw each operator so often, and compare."""
    found = Sweep()
    for name in sorted({*names} - CRASHING):
        operator, generator = find(name), random.Random(f"{seed} {name}")
        assert operator is not None
        crashes = asking.crashes
        for _ in range(draws):
            drawn = draw(generator, operator)
            if drawn is None or asking.crashes > crashes + _CRASHES:
                continue
            graph = drawn_graph(drawn)
            for question, answer in zip(drawn.questions, asking.ask(drawn), strict=True):
                found.questions += 1
                outputs = answer[0][len(question.shapes) :]
                if not isinstance(answer[0], str) and all(map(is_known, outputs)):
                    found.inferred.add(name)
                if meaning(name).shape is None:
                    continue
                for table, each in faults(graph, question, drawn.np_shape, answer):
                    if name in EXCUSES.get(table, ()):
                        continue
                    mode = "in NumPy mode, " if drawn.np_shape else ""
                    found.wrong.append(f"{name} {mode}{dict(drawn.attributes)} {question}: {each}")
    return found


@pytest.fixture(scope="module")
def asking(mx: Any) -> Iterator[MXNet]:
    with mxnet() as child:
        yield child


@pytest.mark.mxnet
def test_drawn_operators_are_inferred_as_mxnet_does(asking: MXNet) -> None:
    found = sweep(asking, seed=1, draws=2)
    assert not found.wrong, "\n".join(found.wrong)
    assert found.questions > 3000


@pytest.mark.mxnet
@pytest.mark.slow
def test_many_drawn_operators_are_inferred_as_mxnet_does(asking: MXNet) -> None:
    found = sweep(asking, seed=2, draws=90)
    assert found.questions >= 200_000
    assert found.covered >= 0.98
    assert not found.wrong, f"{len(found.wrong)}:\n" + "\n".join(found.wrong[:200])


def test_operators_that_differ_on_purpose_have_rules() -> None:
    for names in EXCUSES.values():
        for name in names:
            assert meaning(name).shape is not None, name
