"""The whole operator table against MXNet, on attribute values drawn at random."""

from __future__ import annotations

import ctypes
import random
from types import ModuleType

import pytest

from graphpass.ops import Operator, find, operator_names
from graphpass.ops.dump.__main__ import disagreement, draw_attrs
from graphpass.ops.dump.prober import Prober

pytestmark = pytest.mark.mxnet


def operators() -> list[Operator]:
    found = {find(name) for name in operator_names()} - {None}
    return sorted((each for each in found if each is not None), key=lambda each: each.name)


def compare(asking: Prober, draws: int) -> tuple[list[str], int]:
    """Return what differs, and how many operators were compared."""
    generator = random.Random(1)
    differing, compared = [], set()
    for operator in operators():
        if operator.opaque or operator.from_subgraph:
            continue
        varying = operator.constant_signature is None
        for _ in range(draws * 5 if varying else draws if operator.attributes else 1):
            try:
                difference = disagreement(asking, operator, draw_attrs(generator, operator))
            except LookupError:
                continue
            compared.add(operator.name)
            if difference is not None:
                differing.append(difference)
    return differing, len(compared)


def test_signatures_agree(asking: Prober) -> None:
    differing, compared = compare(asking, draws=2)
    assert not differing
    assert compared > 850


@pytest.mark.slow
def test_signatures_agree_on_many_draws(asking: Prober) -> None:
    differing, compared = compare(asking, draws=60)
    assert not differing
    assert compared > 860


def test_a_wrong_signature_is_found(asking: Prober) -> None:
    right = find("FullyConnected")
    wrong = find("Convolution")
    assert right is not None
    assert wrong is not None
    attrs = {"kernel": "(1, 1)", "num_filter": "1", "num_hidden": "1"}
    impostor = Operator(
        name="relu",
        aliases=(),
        attributes=right.attributes,
        open_keys=True,
        unparsed=True,
        from_subgraph=False,
        opaque=False,
        unnamed=False,
        key_var_num_args=None,
        template=right.template,
        requirements=(),
        _required=frozenset(),
        _constant=None,
    )
    difference = disagreement(asking, impostor, attrs)
    assert difference is not None
    assert "num_inputs is 3 here and 1 in MXNet" in difference


@pytest.mark.parametrize(
    ("name", "subgraphs", "attrs"),
    [
        ("_foreach", ["fn"], {"num_out_data": "1", "in_data_locs": "(0,)", "in_state_locs": "()",
                              "remain_locs": "()"}),
        ("_while_loop", ["cond", "func"], {"num_out_data": "1", "max_iterations": "2",
         "cond_input_locs": "(0,)", "func_input_locs": "(0,)", "func_var_locs": "(0,)"}),
        ("_cond", ["cond", "then_branch", "else_branch"], {"cond_input_locs": "(0,)",
         "then_input_locs": "(0,)", "else_input_locs": "(0,)"}),
    ],
)  # fmt: skip
def test_control_flow_names(
    mx: ModuleType, name: str, subgraphs: list[str], attrs: dict[str, str]
) -> None:
    attrs = {**attrs, "num_args": "6", "num_outputs": "1"}
    composed = compose_with_subgraphs(mx, name, attrs, subgraphs)
    operator = find(name)
    assert operator is not None
    expected = operator.signature(attrs).input_names
    assert expected is not None
    assert composed == [f"p_{each}" for each in expected]


def compose_with_subgraphs(
    mx: ModuleType, name: str, attrs: dict[str, str], subgraphs: list[str]
) -> list[str]:
    """Compose an operator with nothing but its subgraphs; return the inputs that MXNet creates."""
    library = mx.base._LIB
    handle, created = ctypes.c_void_p(), ctypes.c_void_p()
    mx.base.check_call(library.NNGetOpHandle(name.encode(), ctypes.byref(handle)))
    keys = (ctypes.c_char_p * len(attrs))(*(key.encode() for key in attrs))
    texts = (ctypes.c_char_p * len(attrs))(*(text.encode() for text in attrs.values()))
    mx.base.check_call(
        library.MXSymbolCreateAtomicSymbol(
            handle, ctypes.c_uint(len(attrs)), keys, texts, ctypes.byref(created)
        )
    )
    inner = mx.sym.relu(mx.sym.var("inner"))
    names = (ctypes.c_char_p * len(subgraphs))(*(each.encode() for each in subgraphs))
    graphs = (ctypes.c_void_p * len(subgraphs))(*[inner.handle.value] * len(subgraphs))
    mx.base.check_call(
        library.MXSymbolCompose(created, b"p", ctypes.c_uint(len(subgraphs)), names, graphs)
    )
    symbol: list[str] = mx.sym.Symbol(created).list_inputs()
    return symbol
