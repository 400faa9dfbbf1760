"""Random models that run: every shape fits, every parameter is there, no value overflows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from graphpass.errors import UsageError, suggestion
from graphpass.formats.ndarray_binary import Array
from graphpass.graph import Graph
from graphpass.model import Model
from graphpass.testing.dice import Dice
from graphpass.testing.model_builder import Builder, Shape
from graphpass.testing.model_operators import RECIPES, Recipe

__all__ = ["OPERATORS", "RunnableModel", "models"]

OPERATORS: tuple[str, ...] = tuple(recipe.op for recipe in RECIPES)
"""The operators that random models may hold."""


@dataclass(frozen=True, slots=True)
class RunnableModel:
    """A model with all that is needed to run it."""

    model: Model
    """Graph and parameters."""

    shapes: dict[str, Shape]
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
    chosen = _chosen(operators)
    dice = Dice(draw)
    numbers = np.random.default_rng(dice.below(2**16))
    graph = Graph()
    with graph.edit() as edit:
        builder = Builder(dice, graph, edit, numbers, dice.pick(dtypes), odd_names)
        shape = dice.pick(_DATA_SHAPES)
        builder.values.append(builder.add_input("data", shape))
        dice.repeat(lambda: _grow(builder, chosen, recipes), least=1, most=max_operators)
        _choose_heads(builder, max_heads)
        edit.sweep()
    return _finish(builder)


_DATA_SHAPES: tuple[Shape, ...] = ((2, 3, 4, 4), (1, 4, 5, 3), (1, 2, 6, 6), (2, 5), (3, 2, 4))

_FREQUENT = ("Convolution", "BatchNorm", "FullyConnected", "SliceChannel", "elemwise_add")


def _chosen(operators: Collection[str]) -> list[Recipe]:
    for op in operators:
        if op not in OPERATORS:
            raise UsageError(
                f"random models know no operator {op!r}{suggestion(op, OPERATORS)}; "
                f"they know {', '.join(OPERATORS)}"
            )
    chosen = [recipe for recipe in RECIPES if recipe.op in operators]
    return chosen + [recipe for recipe in chosen if recipe.op in _FREQUENT]


def _grow(builder: Builder, common: Sequence[Recipe], special: Sequence[Recipe]) -> None:
    """Add an operator, or a further input where the operator finds none that fits."""
    dice = builder.dice
    if len(builder.values) > 1 and dice.one_in(15):
        shape = dice.pick(builder.values).shape
        builder.values.append(builder.add_input("data", shape))
    recipe = dice.pick(special if special and (not common or dice.one_in(2)) else common)
    fitting = builder.candidates(recipe.fits)
    if not fitting:
        shape = _fitting_shape(recipe)
        fitting = [builder.add_input("data", shape)]
        builder.values += fitting
    recipe.add(builder, dice.latest(fitting) if dice.one_in(3) else fitting[-1])


def _fitting_shape(recipe: Recipe) -> Shape:
    for shape in _DATA_SHAPES:
        if recipe.fits(shape):
            return shape
    raise UsageError(
        f"recipe {recipe.op!r} fits none of the shapes that inputs have: "
        f"{', '.join(map(str, _DATA_SHAPES))}; let `fits` take one of them"
    )


def _choose_heads(builder: Builder, max_heads: int) -> None:
    dice = builder.dice
    heads = [builder.values[-1].entry]
    for _ in range(dice.below(max_heads)):
        if dice.one_in(10):
            heads.append(dice.pick(builder.open_arguments()))
        else:
            heads.append(dice.latest(builder.values).entry)
    builder.edit.set_heads(heads)


def _finish(builder: Builder) -> RunnableModel:
    graph = builder.graph
    names = {graph.name(key) for key in graph.order() if graph.is_variable(key)}
    for name in [name for name in builder.parameters if name not in names]:
        del builder.parameters[name]
    return RunnableModel(
        Model(graph, builder.parameters),
        {name: shape for name, shape in builder.shapes.items() if name in names},
        {name: bound for name, bound in builder.bounds.items() if name in names},
        builder.dtype,
    )
