"""Real MXNet as the judge: loads what graphpass writes, binds it, and runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from graphpass import Model, dumps

__all__ = ["Arrays", "Judge"]

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Judge:
    """Runs models in MXNet."""

    mx: ModuleType

    def bind(self, model: Model, inputs: Arrays, gradients: Collection[str] = ()) -> Any:
        """Bind a model to fresh copies of its arrays: MXNet writes to some of them."""
        mx = self.mx
        symbol = mx.sym.load_json(dumps(model.graph))
        arguments, states = symbol.list_arguments(), symbol.list_auxiliary_states()
        assert arguments == model.graph.arguments
        assert states == model.graph.auxiliary_states
        arrays = {**dict(model.parameters), **inputs}
        fed = {
            name: mx.nd.array(np.array(arrays[name]), dtype=arrays[name].dtype)
            for name in (*arguments, *states)
        }
        return symbol.bind(
            mx.cpu(),
            [fed[name] for name in arguments],
            args_grad={name: mx.nd.zeros_like(fed[name]) for name in gradients},
            grad_req={name: "write" if name in gradients else "null" for name in arguments},
            aux_states=[fed[name] for name in states],
        )

    def outputs(self, model: Model, inputs: Arrays) -> list[np.ndarray]:
        """Return the values of the heads at inference."""
        executor = self.bind(model, inputs)
        return [array.asnumpy() for array in executor.forward(is_train=False)]

    def gradients(
        self,
        model: Model,
        inputs: Arrays,
        head_gradients: Sequence[np.ndarray],
        *,
        without: Collection[str] = (),
    ) -> dict[str, np.ndarray]:
        """Return the gradients of the arguments in training, but for those of some."""
        names = [name for name in model.graph.arguments if name not in without]
        executor = self.bind(model, inputs, names)
        executor.forward(is_train=True)
        executor.backward([self.mx.nd.array(array, dtype=array.dtype) for array in head_gradients])
        return {name: executor.grad_dict[name].asnumpy() for name in names}
