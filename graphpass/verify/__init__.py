"""Proof that two models are the same: by structure, by difference, by running both.

=========================  ============================================================
module                     what is in it
=========================  ============================================================
:mod:`.isomorphism`        `isomorphic`: the same graph, exactly, in linear time
:mod:`.alignment`          which node of one graph is meant by which of another
:mod:`.attributes`         what of a node's attributes counts
:mod:`.diff`               `diff`: what differs, node by node
:mod:`.parameter_diff`     `diff_parameters`: what differs between stored values
:mod:`.parameter_fit`      `misfits`: parameters that are missing, left over, mis-shaped
:mod:`.parameter_fit`      whether stored parameters fit their graph
:mod:`.equality`           `verify`: run both on the same inputs and compare
:mod:`.result`             `VerifyResult`: what that found
:mod:`.divergence`         `bisect`: the first value that differs
:mod:`.counterparts`       which outputs of a changed model are compared with what
:mod:`.feeding`            which variable gets which value
:mod:`.input_types`        whether B takes its inputs in the dtypes of A
:mod:`.strangers`          inputs of one model that the other has nothing for
:mod:`.sources`            where one variable's value comes from
:mod:`.domains`            indices, labels, lengths: which values an input may have
:mod:`.draw`               seeded random values
:mod:`.randomness`         which operators are random
:mod:`.comparer`           runs of two models, compared value by value
:mod:`.arrays`             how far two arrays are apart
:mod:`.dtypes`             dtypes by name, and values moved between them
:mod:`.precision`          half precision run in single precision
:mod:`.backend`            what running a model takes of a library
:mod:`.backend_mxnet`      MXNet 1.9.1 as that library
:mod:`.mxnet_calls`        the calls into MXNet, on plain data
:mod:`.child`              a process of its own for calls that may end it
:mod:`.running`            runs of two models on the same values
=========================  ============================================================
"""

from __future__ import annotations

import sys
from types import ModuleType

from graphpass.verify.diff import Diff, diff
from graphpass.verify.divergence import Divergence, bisect
from graphpass.verify.equality import verify
from graphpass.verify.isomorphism import Isomorphism, isomorphic
from graphpass.verify.parameter_diff import ParameterDiff, diff_parameters
from graphpass.verify.parameter_fit import Misfit, misfits, refuse_misfits
from graphpass.verify.result import VerifyResult

__all__ = [
    "Diff",
    "Divergence",
    "Isomorphism",
    "Misfit",
    "ParameterDiff",
    "VerifyResult",
    "bisect",
    "diff",
    "diff_parameters",
    "isomorphic",
    "misfits",
    "refuse_misfits",
    "verify",
]


class _CallableModule(ModuleType):
    """The class of this package, which is also the function of its name.

    ``graphpass.verify(before, after)`` is the public call. Importing any module of this package,
    though, makes Python set ``graphpass.verify`` to the package, in place of the function. So the
    package can be called.
    """

    __call__ = staticmethod(verify)


sys.modules[__name__].__class__ = _CallableModule
