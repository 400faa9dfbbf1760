"""Proof that two models are the same: by structure, by difference, by running both.

=========================  ============================================================
module                     what is in it
=========================  ============================================================
:mod:`.isomorphism`        `isomorphic`: the same graph, exactly; what of attributes counts
:mod:`.alignment`          which node of one graph is meant by which of another
:mod:`.difference`         `diff`: what differs, node by node, and between stored values
:mod:`.parameter_fit`      `misfits`: whether stored parameters fit their graph
:mod:`.equality`           `verify`: run both on the same inputs and compare
:mod:`.proof`              `Trial` runs both, `Proof` tells what their agreement is worth
:mod:`.controls`           how far rounding moves a value, and whether it moves at all
:mod:`.sameness`           where two graphs compute the same by construction
:mod:`.decisions`          values behind an operator that sorts, compares or rounds
:mod:`.result`             values compared, which are random, and `VerifyResult`
:mod:`.divergence`         `bisect`: the first value that differs
:mod:`.reduce`             the smallest model for which something still holds
:mod:`.counterparts`       which outputs of a changed model are compared with what
:mod:`.feeding`            which variable of two models gets which value
:mod:`.inputs`             where one variable's value comes from, and which it may have
:mod:`.arrays`             how far two arrays are apart; dtypes by name
:mod:`.backend`            what running a model takes of a library
:mod:`.backend_mxnet`      MXNet 1.9.1 as that library, here or in a process of its own
=========================  ============================================================

The names below are imported when they are first used.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphpass.lazy import lazily

if TYPE_CHECKING:
    from graphpass.verify.difference import Diff as Diff
    from graphpass.verify.difference import ParameterDiff as ParameterDiff
    from graphpass.verify.difference import diff as diff
    from graphpass.verify.difference import diff_parameters as diff_parameters
    from graphpass.verify.divergence import Divergence as Divergence
    from graphpass.verify.divergence import bisect as bisect
    from graphpass.verify.equality import verify as verify
    from graphpass.verify.isomorphism import Isomorphism as Isomorphism
    from graphpass.verify.isomorphism import isomorphic as isomorphic
    from graphpass.verify.parameter_fit import Misfit as Misfit
    from graphpass.verify.parameter_fit import misfits as misfits
    from graphpass.verify.parameter_fit import refuse_misfits as refuse_misfits
    from graphpass.verify.result import VerifyResult as VerifyResult

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "difference": "Diff ParameterDiff diff diff_parameters",
        "divergence": "Divergence bisect",
        "equality": "verify",
        "isomorphism": "Isomorphism isomorphic",
        "parameter_fit": "Misfit misfits refuse_misfits",
        "result": "VerifyResult",
    },
)


class _CallableModule(ModuleType):
    """The class of this package, which is also the function of its name.

    ``graphpass.verify(before, after)`` is the public call. Importing any module of this package,
    though, makes Python set ``graphpass.verify`` to the package, in place of the function. So the
    package can be called.
    """

    def __call__(self, *arguments: Any, **options: Any) -> VerifyResult:
        return __getattr__("verify")(*arguments, **options)  # type: ignore[no-any-return]


sys.modules[__name__].__class__ = _CallableModule
