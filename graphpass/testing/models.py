"""Random models that run: every shape fits, every parameter is there, no value overflows."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from graphpass.errors import UsageError, suggestion
from graphpass.formats.ndarray_binary import Array
from graphpass.graph import Graph
from graphpass.model import Model
from graphpass.testing.builder import LOUDEST, Builder, Recipe, Sides, Value
from graphpass.testing.draws import Dice

__all__ = ["OPERATORS", "RunnableModel", "batch_norm", "convolution", "fully_connected", "models"]

# -- layers: operators that read parameters, labels or windows -------------------------------------


def convolution(builder: Builder, x: Value) -> Value:
    """Add a convolution: 1x1 or 3x3, padded, strided, grouped, with a bias or not."""
    dice = builder.dice
    _, channels, height, width = x.shape
    size = dice.pick((1, 3)) if min(height, width) >= 3 else 1
    pad = dice.pick((0, 1)) if size == 3 else 0
    stride = dice.pick((1, 1, 2))
    groups = dice.pick([count for count in (1, channels, 2) if channels % count == 0])
    filters = groups * dice.pick((1, 3, 2)) if groups > 1 else dice.pick((3, 4, 2, 3))
    no_bias = dice.pick((None, True, False, "true"))
    name = builder.next_name("Convolution")
    weight = builder.weight(name, (filters, channels // groups, size, size))
    bias = [] if no_bias in (True, "true") else [builder.vector(name, "bias", (filters,))]
    return builder.add_operator(
        "Convolution",
        [x, weight, *bias],
        loudness=x.loudness + 1,
        name=name,
        kernel=(size, size),
        num_filter=filters,
        stride=None if stride == 1 and dice.one_in(2) else (stride, stride),
        pad=None if pad == 0 and dice.one_in(2) else (pad, pad),
        num_group=None if groups == 1 else groups,
        no_bias=no_bias,
    )


def fully_connected(builder: Builder, x: Value) -> Value:
    """Add a fully connected layer over all axes but the first, or over the last."""
    dice = builder.dice
    flatten = dice.pick((None, True, False))
    hidden = dice.pick((3, 4, 3, 2, 1))
    fan_in = x.shape[-1] if flatten is False else math.prod(x.shape[1:])
    no_bias = dice.pick((None, True, False))
    name = builder.next_name("FullyConnected")
    weight = builder.weight(name, (hidden, fan_in))
    bias = [] if no_bias else [builder.vector(name, "bias", (hidden,))]
    return builder.add_operator(
        "FullyConnected",
        [x, weight, *bias],
        loudness=x.loudness + 1,
        name=name,
        num_hidden=hidden,
        flatten=flatten,
        no_bias=no_bias,
    )


def batch_norm(builder: Builder, x: Value) -> Value:
    """Add a batch normalisation with every spelling of what MXNet takes as its default."""
    dice = builder.dice
    fix_gamma = dice.pick((None, True, False, False))
    # In float64 MXNet refuses to compute the statistics alone.
    all_outputs = True if builder.dtype == "float32" and dice.one_in(8) else None
    shape = (x.shape[1],)
    name = builder.next_name("BatchNorm")
    gamma = builder.gamma(name, shape, private=fix_gamma is not False)
    return builder.add_operator(
        "BatchNorm",
        [x, gamma, builder.vector(name, "beta", shape), *builder.statistics(name, shape)],
        loudness=4 * x.loudness + 1,
        name=name,
        fix_gamma=fix_gamma,
        eps=dice.pick((None, 1e-3, "2e-05")),
        momentum=dice.pick((None, 0.9)),
        use_global_stats=dice.pick((None, True, False)),
        output_mean_var=all_outputs,
    )


def layer_norm(builder: Builder, x: Value) -> None:
    name, shape = builder.next_name("LayerNorm"), x.shape[-1:]
    gamma = builder.gamma(name, shape, private=False)
    beta = builder.vector(name, "beta", shape)
    builder.add_operator("LayerNorm", [x, gamma, beta], loudness=4.0, name=name, eps=1e-3)


def leaky_relu(builder: Builder, x: Value) -> None:
    act_type = builder.dice.pick((None, "leaky", "prelu", "elu"))
    if act_type == "prelu":
        name = builder.next_name("LeakyReLU")
        slopes = builder.vector(name, "gamma", (x.shape[1],))
        builder.add_operator(
            "LeakyReLU", [x, slopes], loudness=2 * x.loudness, name=name, act_type="prelu"
        )
    else:
        slope = builder.dice.pick((None, 0.1))
        builder.add_operator("LeakyReLU", [x], act_type=act_type, slope=slope)


def pooling(builder: Builder, x: Value) -> None:
    """Add a pooling, global or over windows of which none lies outside."""
    dice = builder.dice
    pool_type = dice.pick((None, "max", "avg"))
    if dice.one_in(3):
        kernel = dice.pick((None, (1, 1)))
        builder.add_operator("Pooling", [x], global_pool=True, pool_type=pool_type, kernel=kernel)
        return
    size = dice.pick([side for side in (2, 3, 1) if side <= min(x.shape[2:])])
    stride = dice.between(1, size)
    full = dice.one_in(3)
    pad = 0 if full or size == 1 else dice.pick((0, 1))
    builder.add_operator(
        "Pooling",
        [x],
        kernel=(size, size),
        stride=(stride, stride),
        pad=None if pad == 0 else (pad, pad),
        pool_type=pool_type,
        pooling_convention="full" if full else dice.pick((None, "valid")),
        count_include_pad=dice.pick((None, False)) if pool_type == "avg" else None,
    )


def embedding(builder: Builder, x: Value) -> None:
    """Add an embedding, and the input that holds its indices."""
    words, width = builder.dice.between(3, 5), builder.dice.between(1, 3)
    indices = builder.add_input("words", (x.shape[0], 2), bound=words)
    name = builder.next_name("Embedding")
    weight = builder.vector(name, "weight", (words, width), 1.0)
    dtype = None if builder.dtype == "float32" else builder.dtype
    builder.add_operator(
        "Embedding", [indices, weight], name=name, input_dim=words, output_dim=width, dtype=dtype
    )


def softmax_output(builder: Builder, x: Value) -> None:
    """Add a softmax with a loss, and the input that holds its labels."""
    name = builder.next_name("SoftmaxOutput")
    label = builder.add_input(f"{name}_label", x.shape[:1], bound=x.shape[1])
    builder.add_operator("SoftmaxOutput", [x, label], loudness=1.0, name=name)


# -- operators on values alone ---------------------------------------------------------------------


def concat(builder: Builder, x: Value) -> None:
    dice = builder.dice
    dim = dice.pick([axis for axis in (1, 0, 2, 3) if axis < len(x.shape)])
    rest = x.shape[:dim] + x.shape[dim + 1 :]
    fits = builder.candidates(
        lambda shape: len(shape) == len(x.shape) and shape[:dim] + shape[dim + 1 :] == rest
    )
    inputs = [x, *(dice.latest(fits) for _ in range(dice.between(1, 2)))]
    if sum(value.shape[dim] for value in inputs) > 12:
        inputs = [x]
    written = None if dim == 1 and dice.one_in(2) else dim
    builder.add_operator("Concat", inputs, num_args=len(inputs), dim=written)


def slice_channel(builder: Builder, x: Value) -> None:
    dice = builder.dice
    length = x.shape[1]
    count = dice.pick([count for count in (length, 2, 3) if length % count == 0])
    squeeze = True if count == length and len(x.shape) > 2 and dice.one_in(2) else None
    axis = dice.pick((None, 1))
    builder.add_operator("SliceChannel", [x], num_outputs=count, axis=axis, squeeze_axis=squeeze)
    if count > 1 and dice.one_in(2):
        op = dice.pick(("_maximum", "elemwise_sub"))
        builder.add_operator(op, builder.values[-count:][:2], loudness=2 * x.loudness)


def _same_shape(op: str) -> Recipe:
    def add(builder: Builder, x: Value) -> None:
        y = builder.dice.latest(builder.candidates(lambda shape: shape == x.shape))
        loudness = x.loudness + y.loudness
        if op == "elemwise_mul":
            loudness = x.loudness * y.loudness
            if loudness > LOUDEST:
                y, loudness = builder.add_operator("ones_like", [x], loudness=1.0), x.loudness
        builder.add_operator(op, [x, y], loudness=loudness)

    return Recipe(op, _any, add)


def _broadcast(op: str) -> Recipe:
    def add(builder: Builder, x: Value) -> None:
        shape = tuple(side if axis == 1 else 1 for axis, side in enumerate(x.shape))
        name = builder.next_name(op)
        factor = builder.vector(name, "scale", shape)
        builder.add_operator(op, [x, factor], loudness=2 * x.loudness, name=name)

    return Recipe(op, _batch, add)


def reshape(builder: Builder, x: Value) -> None:
    choices = ((0, -1), (0, 1, -1), (-2,), (0, 0, -1, 1))[: 3 if len(x.shape) < 3 else 4]
    builder.add_operator("Reshape", [x], shape=builder.dice.pick(choices))


def transpose(builder: Builder, x: Value) -> None:
    last = len(x.shape) - 1
    axes = builder.dice.pick(([0, *range(last, 0, -1)], [*range(last, -1, -1)]))
    builder.add_operator("transpose", [x], axes=tuple(axes))


def _any(shape: Sides) -> bool:
    return True


def _batch(shape: Sides) -> bool:
    return len(shape) >= 2


def _image(shape: Sides) -> bool:
    return len(shape) == 4


def _plain(
    op: str, fits: Callable[[Sides], bool] = _any, louder: float = 0.0, **choices: Sequence[object]
) -> Recipe:
    """Add an operator on one value, each of its attributes picked from some."""

    def add(builder: Builder, x: Value) -> None:
        attrs: dict[str, Any] = {key: builder.dice.pick(each) for key, each in choices.items()}
        builder.add_operator(op, [x], None, x.loudness + louder, **attrs)

    return Recipe(op, fits, add)


_SCALARS = ("0.5", "-1.25", "2", "1e-1")

_RECIPES: tuple[Recipe, ...] = (
    _plain("relu"),
    Recipe("Convolution", _image, convolution),
    Recipe("FullyConnected", _batch, fully_connected),
    Recipe("BatchNorm", _batch, batch_norm),
    _plain("Activation", act_type=("relu", "tanh", "sigmoid", "softrelu", "softsign")),
    Recipe("Pooling", _image, pooling),
    _same_shape("elemwise_add"),
    Recipe("Concat", _batch, concat),
    Recipe("SliceChannel", _batch, slice_channel),
    _plain("Dropout", p=(None, 0.3)),
    Recipe("LeakyReLU", _batch, leaky_relu),
    _same_shape("elemwise_mul"),
    _same_shape("elemwise_sub"),
    _broadcast("broadcast_add"),
    _broadcast("broadcast_mul"),
    _plain("_plus_scalar", louder=2, scalar=_SCALARS),
    _plain("_mul_scalar", louder=2, scalar=_SCALARS),
    _plain("_rminus_scalar", louder=2, scalar=_SCALARS),
    Recipe("Reshape", _batch, reshape),
    Recipe("transpose", _batch, transpose),
    _plain("Flatten"),
    _plain("_copy"),
    _plain("sigmoid"),
    _plain("tanh"),
    _plain("BlockGrad"),
    _plain("clip", a_min=("-2",), a_max=("1.5",)),
    _plain("softmax", _batch, axis=(None, 1)),
    Recipe("LayerNorm", _batch, layer_norm),
    Recipe("Embedding", _batch, embedding),
    Recipe("SoftmaxOutput", lambda shape: len(shape) == 2, softmax_output),
    _plain("MakeLoss"),
)
"""Every operator that random models hold, the plainest first."""

OPERATORS: tuple[str, ...] = tuple(recipe.op for recipe in _RECIPES)
"""The operators that random models may hold."""

_FREQUENT = ("Convolution", "BatchNorm", "FullyConnected", "SliceChannel", "elemwise_add")
_DATA_SHAPES: tuple[Sides, ...] = ((2, 3, 4, 4), (1, 4, 5, 3), (1, 2, 6, 6), (2, 5), (3, 2, 4))

# -- models ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunnableModel:
    """A model with all that is needed to run it."""

    model: Model
    """Graph and parameters."""

    shapes: dict[str, Sides]
    """Input name -> shape, for every input."""

    bounds: dict[str, int] = field(default_factory=dict)
    """Name of an input that holds whole numbers (indices, labels) -> all are below this."""

    dtype: str = "float32"
    """Type of every input and parameter."""

    def arrays(self, seed: int = 0) -> dict[str, Array]:
        """Return random values for the inputs; the same ones for the same seed."""
        numbers = np.random.default_rng(seed)
        found: dict[str, Array] = {}
        for name, shape in self.shapes.items():
            bound = self.bounds.get(name)
            found[name] = (
                numbers.standard_normal(shape).astype(self.dtype)
                if bound is None
                else numbers.integers(0, bound, shape).astype(self.dtype)
            )
        return found

    def __repr__(self) -> str:
        """Show the graph: a failing example is read, not run."""
        from graphpass.formats.text import print_graph

        text = print_graph(self.model.graph)
        return f"RunnableModel(shapes={self.shapes}, dtype={self.dtype}, graph:\n{text})"


@st.composite
def models(
    draw: st.DrawFn,
    *,
    max_operators: int = 10,
    operators: Collection[str] = OPERATORS,
    recipes: Sequence[Recipe] = (),
    dtypes: Sequence[str] = ("float32",),
    odd_names: bool = True,
    max_heads: int = 3,
) -> RunnableModel:
    """Draw a model that MXNet 1.9.1 binds and runs.

    Parameters
    ----------
    max_operators : int
        About as many operators at most; those that no head reaches are left out.
    operators : collection of str
        Which operators may occur, of `OPERATORS`.
    recipes : sequence of Recipe
        Further ways to let the model grow, drawn as often as all `operators` together: what a pass
        looks for, so that many of the models hold it.
    dtypes : sequence of str
        Types of inputs and parameters to choose from, such as ``"float64"``. In ``"float16"`` MXNet
        runs no Convolution, FullyConnected or BatchNorm on a CPU.
    odd_names : bool
        Whether names hold blanks, patterns, quotes and other scripts, are empty, or repeat.
    max_heads : int
        Most heads. One value may be a head twice, and a variable may be a head.

    Raises
    ------
    UsageError
        If an operator is unknown to this strategy.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(models(max_operators=4))
    ... def reads_what_it_writes(drawn):
    ...     text = graphpass.dumps(drawn.model.graph)
    ...     assert graphpass.dumps(graphpass.loads(text)) == text
    >>> import graphpass
    >>> reads_what_it_writes()

    Models that hold a product with a matrix, which is no operator of `OPERATORS`:

    >>> from graphpass.testing import Recipe
    >>> def add_dot(builder, x):
    ...     matrix = builder.weight("dot", (x.shape[1], 2))
    ...     builder.add_operator("dot", [x, matrix], [(x.shape[0], 2)], x.loudness)
    >>> dots = models(recipes=[Recipe("dot", lambda shape: len(shape) == 2, add_dot)])
    """
    for op in operators:
        if op not in OPERATORS:
            raise UsageError(
                f"random models know no operator {op!r}{suggestion(op, OPERATORS)}; "
                f"they know {', '.join(OPERATORS)}"
            )
    common = [recipe for recipe in _RECIPES if recipe.op in operators]
    common += [recipe for recipe in common if recipe.op in _FREQUENT]
    dice, graph = Dice(draw), Graph()
    numbers = np.random.default_rng(dice.below(2**16))
    with graph.edit() as edit:
        builder = Builder(dice, graph, edit, numbers, dice.pick(dtypes), odd_names)
        builder.values.append(builder.add_input("data", dice.pick(_DATA_SHAPES)))
        dice.repeat(lambda: _grow(builder, common, recipes), least=1, most=max_operators)
        heads = [builder.values[-1].entry]
        for _ in range(dice.below(max_heads)):
            if dice.one_in(10):
                heads.append(dice.pick(builder.open_arguments()))
            else:
                heads.append(dice.latest(builder.values).entry)
        edit.set_heads(heads)
        edit.sweep()
    names = {graph.name(key) for key in graph.order() if graph.is_variable(key)}
    for name in [name for name in builder.parameters if name not in names]:
        del builder.parameters[name]
    return RunnableModel(
        Model(graph, builder.parameters),
        {name: shape for name, shape in builder.shapes.items() if name in names},
        {name: bound for name, bound in builder.bounds.items() if name in names},
        builder.dtype,
    )


def _grow(builder: Builder, common: Sequence[Recipe], special: Sequence[Recipe]) -> None:
    """Add an operator, or a further input where the operator finds none that fits."""
    dice = builder.dice
    if len(builder.values) > 1 and dice.one_in(15):
        shape = dice.pick(builder.values).shape
        builder.values.append(builder.add_input("data", shape))
    recipe = dice.pick(special if special and (not common or dice.one_in(2)) else common)
    fitting = builder.candidates(recipe.fits)
    if not fitting:
        shapes = [shape for shape in _DATA_SHAPES if recipe.fits(shape)]
        if not shapes:
            raise UsageError(
                f"recipe {recipe.op!r} fits none of the shapes that inputs have: "
                f"{', '.join(map(str, _DATA_SHAPES))}; let `fits` take one of them"
            )
        fitting = [builder.add_input("data", shapes[0])]
        builder.values += fitting
    recipe.add(builder, dice.latest(fitting) if dice.one_in(3) else fitting[-1])
