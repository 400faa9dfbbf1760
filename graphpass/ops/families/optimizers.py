"""Updates of weights: each weight with its gradient and states is of one shape.

Source of the dtypes: ``MP_InferType`` in ``src/operator/optimizer_op-inl.h``: of an update in mixed
precision the master copy and the states are float32.
"""

from __future__ import annotations

from graphpass.ops.families.common import same_shape
from graphpass.ops.shape import need
from graphpass.ops.sites import DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS"]

_NUMBERS = ("lrs", "wds", "etas", "learning_rates", "step_count")


def _weights(site: ShapeSite | DtypeSite) -> tuple[int, int]:
    """Return how many weights are updated, and how many inputs each has."""
    count = int(site.get("num_weights", site.get("num_tensors", 1)))
    need(count > 0, "it updates no weight")
    behind = 2 if site.op.startswith("preloaded") else "adamw" in site.op
    return count, (len(site.inputs) - behind) // count


def update(site: ShapeSite) -> None:
    """The inputs of each weight, and its output, are alike; rates behind them are numbers."""
    count, each = _weights(site)
    for name in _NUMBERS:
        given = site.get(name, (0.0,) * count)
        need(len(given) == count, f"{name} has {len(given)} numbers for {count} weights")
    for weight in range(count):
        site.same(range(weight * each, (weight + 1) * each), [weight])
    if "adamw" not in site.op:
        for slot in range(count * each, len(site.inputs)):
            site.input(slot, (count,))


def update_dtype(site: DtypeSite) -> None:
    """Weight, gradient and output are alike; of mixed precision all else is float32."""
    count, each = _weights(site)
    mixed = "mp_" in site.op
    if site.op.startswith(("multi", "_multi")) and not mixed:
        site.same(range(len(site.inputs)), range(len(site.outputs)))
        return
    for weight in range(count):
        first = weight * each
        site.same(range(first, first + (2 if mixed else each)), [weight])
        for slot in range(first + 2, first + each) if mixed else ():
            site.input(slot, "float32")
    for slot in range(count * each, len(site.inputs)):
        site.input(slot, "float32")


def first_phase_dtype(site: DtypeSite) -> str:
    """Weight and gradient are float16, all else is float32."""
    for slot in range(len(site.inputs)):
        site.input(slot, "float16" if slot < 2 else "float32")
    return "float32"


def second_phase_dtype(site: DtypeSite) -> str | None:
    """The weight keeps its dtype, all else is float32."""
    for slot in range(1, len(site.inputs)):
        site.input(slot, "float32")
    return site.same([0], [0])


def second_phase(site: ShapeSite) -> None:
    """Two norms, one number each, stand between the update and the master copy."""
    site.same([slot for slot in range(len(site.inputs)) if slot not in (2, 3)], [0])
    for slot in (2, 3):
        shape = site.inputs[slot]
        need(shape is None or shape[:1] in ((1,), (None,)), "a norm is one number")


def group_adagrad(site: ShapeSite) -> None:
    """The history has one number for each row of the weight."""
    site.same([0, 1], [0])
    need(() not in site.inputs, "a value without axes has no rows")


_UPDATE = Meaning(update, update_dtype)

ROWS = {
    """sgd_update sgd_mom_update adam_update ftml_update ftrl_update nag_mom_update rmsprop_update
    rmspropalex_update signsgd_update signum_update lamb_update_phase1 _sparse_adagrad_update
    multi_lars
    """: Meaning(same_shape),
    """mp_sgd_update mp_sgd_mom_update mp_nag_mom_update _adamw_update
    _mp_adamw_update _multi_adamw_update _multi_mp_adamw_update _multi_lamb_update
    _multi_mp_lamb_update multi_sgd_update multi_sgd_mom_update multi_mp_sgd_update
    multi_mp_sgd_mom_update preloaded_multi_sgd_update preloaded_multi_sgd_mom_update
    preloaded_multi_mp_sgd_update preloaded_multi_mp_sgd_mom_update
    """: _UPDATE,
    "lamb_update_phase2": Meaning(second_phase),
    "mp_lamb_update_phase2": Meaning(second_phase, second_phase_dtype),
    "mp_lamb_update_phase1": Meaning(same_shape, first_phase_dtype),
    "_contrib_group_adagrad_update": Meaning(group_adagrad),
}
