"""The arrays of a model by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView, Mapping, MutableMapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.mapped import intact
from graphpass.formats.ndarray_binary import AnyArray, Array, byte_view, storable
from graphpass.formats.sparse import SparseArray

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ParameterClass", "Parameters", "split_name"]

ParameterClass = Literal["arg", "aux", ""]
"""What a stored name begins with: ``arg:``, ``aux:``, or neither."""

_COMPARED_AT_ONCE = 2**24


class _Parameter(NamedTuple):
    array: AnyArray
    class_: ParameterClass


class Parameters(MutableMapping[str, Array]):
    """An ordered map from the name of a variable to its array.

    Names are those of the graph, without the ``arg:`` or ``aux:`` that ``Module`` and ``export``
    put before them; `class_of` gives that back. A bfloat16 array has the dtype
    ``ml_dtypes.bfloat16``; what MXNet's ``asnumpy`` makes of one is taken too.

    A sparse array (row_sparse or csr) is made dense when it is asked for, and stays sparse in the
    file unless another value is set; `stored` gives it as it is, `densify` makes all dense.

    Arrays are read-only, and so may be shared between copies, be memory-mapped from the file they
    came from, or both: a value is replaced, never changed in place. Whoever sets an array and goes
    on writing to it by another reference changes the parameter.

    Parameters
    ----------
    arrays
        Arrays to begin with, of class ``"arg"``.
    np_shape
        Whether the file is for MXNet's ``np_shape`` mode, see the attribute.
    is_list
        Whether the names are the positions ``"0"``, ``"1"``, … of arrays saved without names.

    Examples
    --------
    >>> parameters = Parameters({"conv0_weight": np.zeros((8, 3, 3, 3), "float32")})
    >>> parameters.set("bn0_moving_mean", np.zeros(8, "float32"), "aux")
    >>> parameters.rename({"conv0_weight": "stem_weight"})
    >>> {name: parameters.class_of(name) for name in parameters}
    {'stem_weight': 'arg', 'bn0_moving_mean': 'aux'}
    """

    __slots__ = ("_is_list", "_is_shared", "_nbytes", "_parameters", "np_shape")

    np_shape: bool
    """Whether the file is written in version V3, which MXNet loads in ``np_shape`` mode only.

    It is so for the whole file, because MXNet refuses one that mixes versions. A scalar, which
    V2 can't hold, makes a file V3 whatever this says.
    """

    def __init__(
        self,
        arrays: Mapping[str, npt.ArrayLike] | None = None,
        *,
        np_shape: bool = False,
        is_list: bool = False,
    ) -> None:
        self._parameters: dict[str, _Parameter] = {}
        self._is_shared = False
        self._nbytes: int | None = 0
        self._is_list = is_list
        self.np_shape = np_shape
        for name, array in (arrays or {}).items():
            self[name] = array

    def __getitem__(self, name: str) -> Array:
        array = self.stored(name)
        if not isinstance(array, SparseArray):
            return array
        try:
            return array.dense()
        except ParamsError as error:
            raise ParamsError(f"parameter {name!r}: {error}") from None

    def find(self, name: str) -> Array | None:
        """Return an array, None if there is none of that name; `get` takes longer."""
        return self[name] if name in self._parameters else None

    def stored(self, name: str) -> AnyArray:
        """Return an array as it is stored, sparse or not."""
        array = self._parameters[name].array
        intact(array.values if isinstance(array, SparseArray) else array)
        return array

    @property
    def storages(self) -> dict[str, str]:
        """The storage of each sparse array: ``"row_sparse"`` or ``"csr"``."""
        return {
            name: each.array.storage
            for name, each in self._parameters.items()
            if isinstance(each.array, SparseArray)
        }

    def densify(self) -> None:
        """Make every sparse array dense.

        Raises
        ------
        ParamsError
            If one is damaged, or larger than any memory.
        """
        for name in self.storages:
            self.set(name, np.asarray(self[name]), self.class_of(name))

    def __setitem__(self, name: str, array: npt.ArrayLike) -> None:
        """Set an array; a new name is an argument, or bare if every name so far is."""
        known = self._parameters
        bare = bool(known) and not any(parameter.class_ for parameter in known.values())
        self.set(name, array, known[name].class_ if name in known else "" if bare else "arg")

    def __delitem__(self, name: str) -> None:
        del self._own()[name]

    def drop(self, names: Iterable[str]) -> list[tuple[str, int]]:
        """Drop what there is of some names; return the name and the bytes of each."""
        known = self._own()
        found = [(name, known.pop(name, None)) for name in names]
        return [(name, each.array.nbytes) for name, each in found if each is not None]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def keys(self) -> KeysView[str]:
        """Return the names, as a dictionary does."""
        return self._parameters.keys()

    def __len__(self) -> int:
        return len(self._parameters)

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __eq__(self, other: object) -> bool:
        """Compare names, classes, dtypes, shapes and every bit of the values, not the order.

        Two sparse arrays are compared as they are stored.
        """
        if not isinstance(other, Parameters):
            return NotImplemented
        if self._parameters.keys() != other._parameters.keys():
            return False
        for name, mine in self._parameters.items():
            theirs = other._parameters[name]
            if (mine.class_, mine.array.shape) != (theirs.class_, theirs.array.shape):
                return False
            a, b = self.stored(name), other.stored(name)
            if not isinstance(a, SparseArray) or not isinstance(b, SparseArray):
                same = _same_bits(self[name], other[name])
            else:
                same = a.storage == b.storage and all(map(_same_bits, a.parts, b.parts))
            if not same:
                return False
        return True

    def __repr__(self) -> str:
        return f"<Parameters: {len(self)} arrays, {self.nbytes} bytes>"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array."""
        return {name: parameter.array.shape for name, parameter in self._parameters.items()}

    @property
    def dtypes(self) -> dict[str, str]:
        """The dtype of each array, by MXNet's name."""
        return {name: parameter.array.dtype.name for name, parameter in self._parameters.items()}

    @property
    def nbytes(self) -> int:
        """The size of all arrays together, as they are stored."""
        if self._nbytes is None:
            self._nbytes = sum([each.array.nbytes for each in self._parameters.values()])
        return self._nbytes

    def other_than(self, before: Parameters) -> list[str]:
        """Return the names whose array is another object than in `before`, or was not there."""
        known = before._parameters
        if known is self._parameters:
            return []
        return [
            name
            for name, parameter in self._parameters.items()
            if (other := known.get(name)) is not parameter
            and (other is None or other.array is not parameter.array)
        ]

    def new_since(self, before: Parameters) -> list[str]:
        """Return the names of what was set since the copy `before` was made; renamed is not set."""
        if before._parameters is self._parameters:
            return []
        known = set(map(id, before._parameters.values()))
        return [name for name, parameter in self._parameters.items() if id(parameter) not in known]

    @property
    def is_list(self) -> bool:
        """Whether these are arrays without names, known by position, and untouched as such."""
        return self._is_list and all(
            self.stored_name(name) == str(position) for position, name in enumerate(self)
        )

    def class_of(self, name: str) -> ParameterClass:
        """Return the class of the parameter `name`: ``"arg"``, ``"aux"``, or ``""`` if bare.

        Raises
        ------
        KeyError
            If there is no such parameter.
        """
        return self._parameters[name].class_

    def stored_name(self, name: str) -> str:
        """Return the name that a file has for the parameter `name`, such as ``arg:fc1_weight``."""
        return _join(self.class_of(name), name)

    def set(
        self, name: str, array: npt.ArrayLike | SparseArray, class_: ParameterClass
    ) -> AnyArray | None:
        """Set the array and the class of a parameter; a new one is the last.

        Parameters
        ----------
        name
            The name of its variable.
        array
            Its value. Converted to a contiguous, little-endian array where it isn't one, and
            shared where it is. Types are kept; MXNet 1.9.1 itself loads all but int16, uint16,
            uint32 and uint64.
        class_
            ``"arg"``, ``"aux"``, or ``""`` for a name that is stored without either.

        Returns
        -------
        array or None
            The array that it had.

        Raises
        ------
        ParamsError
            If the format can't hold the array or the name.
        """
        known = self._parameters.get(name)
        if known is None or known.class_ != class_:
            _check_name(class_, name)
        self._own()[name] = _Parameter(storable(array, f"parameter {name!r}"), class_)
        return None if known is None else known.array

    def rename(self, names: Mapping[str, str]) -> None:
        """Give parameters new names, all at once, in place and in order.

        Parameters
        ----------
        names
            Old name to new name. May swap names. Names of variables that have no parameter, such
            as inputs, are passed over.

        Raises
        ------
        ParamsError
            If two parameters would have one name. Nothing is renamed then.

        Examples
        --------
        >>> parameters = Parameters({"a": np.zeros(1), "b": np.zeros(2)})
        >>> parameters.rename({"a": "b", "b": "a"})
        >>> [(name, array.shape) for name, array in parameters.items()]
        [('b', (1,)), ('a', (2,))]
        """
        renamed = {names.get(old, old): each for old, each in self._parameters.items()}
        if len(renamed) < len(self._parameters):
            self._refuse_clash(names)
        for new, parameter in renamed.items():
            if not (parameter.class_ and new.isascii()):
                _check_name(parameter.class_, new)
        self._parameters = renamed
        self._is_shared = False

    def _refuse_clash(self, names: Mapping[str, str]) -> None:
        owners: dict[str, str] = {}
        for old in self._parameters:
            new = names.get(old, old)
            if owners.setdefault(new, old) != old:
                raise ParamsError(
                    f"the parameters {owners[new]!r} and {old!r} can't both be named {new!r}; "
                    "choose different names"
                )

    def copy(self) -> Parameters:
        """Return parameters that can be edited apart from these. The arrays are shared.

        Constant; the first edit of either is linear.
        """
        copied = Parameters()
        copied.restore(self)
        return copied

    __copy__ = copy

    def restore(self, saved: Parameters) -> None:
        """Become what `saved`, a copy made earlier, holds. `saved` stays as it is."""
        self._parameters = saved._parameters
        self._is_shared = saved._is_shared = True
        self._nbytes = saved._nbytes
        self._is_list = saved._is_list
        self.np_shape = saved.np_shape

    def _own(self) -> dict[str, _Parameter]:
        """Return the dictionary to edit, which no copy holds."""
        if self._is_shared:
            self._parameters = dict(self._parameters)
            self._is_shared = False
        self._nbytes = None
        return self._parameters


def split_name(stored_name: str) -> tuple[ParameterClass, str]:
    """Split a name as a file has it into its class and the name of the variable.

    Other prefixes than MXNet's two are part of the name.

    Examples
    --------
    >>> split_name("aux:bn0_moving_mean"), split_name("foo:w")
    (('aux', 'bn0_moving_mean'), ('', 'foo:w'))
    """
    prefix, colon, rest = stored_name.partition(":")
    if colon and prefix == "arg":
        return "arg", rest
    if colon and prefix == "aux":
        return "aux", rest
    return "", stored_name


def _same_bits(a: Array, b: Array) -> bool:
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    left, right = byte_view(a), byte_view(b)
    parts = [slice(at, at + _COMPARED_AT_ONCE) for at in range(0, len(left), _COMPARED_AT_ONCE)]
    return all(np.array_equal(left[part], right[part]) for part in parts)


def _join(class_: ParameterClass, name: str) -> str:
    return f"{class_}:{name}" if class_ else name


def _check_name(class_: ParameterClass, name: str) -> None:
    if class_ not in ("arg", "aux", ""):
        raise ParamsError(f"parameter {name!r}: {class_!r} is no class; it is 'arg', 'aux' or ''")
    if not class_ and split_name(name) != ("", name):
        raise ParamsError(
            f"a parameter of no class can't be named {name!r}, since a reader would take it for "
            "one of a class; name it otherwise"
        )
    if name.isascii():
        return
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ParamsError(f"the parameter name {name!r} can't be written as UTF-8") from error
