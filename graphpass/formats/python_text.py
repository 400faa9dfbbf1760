r"""Text in Python's syntax, with any name at all in backquotes: parsed with `ast`, never executed.

Graphs, patterns, replacements and expressions are such texts. Real names hold ``-``, ``/``, ``+``
and ``.$0``, so a name may stand in backquotes. There ``\`` stands before another backquote or
backslash, and before ``n``, ``t``, ``r``, ``xNN``, ``uNNNN`` and ``UNNNNNNNN`` as in a string.
Before Python's parser sees the text, each such name gives way to underscores that take as many
bytes, so that all places stay; a name is known again by where it stands.

A long text is parsed in pieces of some kilobytes, so that the syntax tree of a large graph is never
in memory as a whole.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from sys import float_info
from typing import NamedTuple, NoReturn, TypeAlias

from graphpass.errors import TextError, pointed, suggestion
from graphpass.ops import find, operator_names

__all__ = [
    "MAX_INT",
    "MAX_LENGTH",
    "Mark",
    "Offset",
    "PythonText",
    "described",
    "elements",
    "parse_python",
    "quoted_name",
    "shortened",
    "unknown_operator",
]


class Mark(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int


class Offset(NamedTuple):
    """A place as Python's parser has it."""

    line: int
    """From 1."""

    offset: int
    """From 0, in UTF-8 bytes, of a line without the indentation that all lines have."""


MAX_INT = 2**63 - 1
"""The largest integer, either way: MXNet's widest is of 64 bits."""

MAX_LENGTH = 10_000
"""Characters of the longest text that is not read in pieces."""

_MAX_LINES = 1000
_MAX_DEPTH = 50
_PIECE = 8192
_LONG_NAME = 100
"""No similar names are looked for beyond this length."""

_NEWLINE = re.compile(r"\r\n?")
_BOUNDARY = re.compile(r"\n(?=\S)")
_UNREADABLE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TOKEN = re.compile(
    r"(?P<run>[^'\"`#()\[\]{}\\]{1,4096})"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\""
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|(?P<name>`(?:\\.|[^`\\\n])*`)"
    r"|\#[^\n]*|\\\n"
    r"|(?P<stray>['\"`])|\\",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:([`\\])|([nrt])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)"
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_DEF = re.compile(r"def(?:\s|\\\n)+")

Syntax: TypeAlias = ast.expr | ast.stmt | ast.keyword
"""What has a place in a text."""


class PythonText:
    """A text, what is in it, and what its errors look like.

    Parameters
    ----------
    text : str
        Any text at all; all its lines may be indented alike.
    name : str
        What messages call it: ``pattern``.
    is_long : bool
        Whether it may have any length, and is read in pieces: what is asked about a part of it has
        to be asked while its statement is the latest one. An escape that is none is an error then.

    Raises
    ------
    TextError
        If a text that is not long has more than `MAX_LENGTH` characters.

    Notes
    -----
    Linear in the length of the text.
    """

    def __init__(self, text: str, name: str, *, is_long: bool = False) -> None:
        self.name = name
        self._given = _NEWLINE.sub("\n", text.removeprefix("\ufeff"))
        self._text, self._indent = _dedented(self._given)
        self._piece = _PIECE if is_long else MAX_LENGTH
        self._base = 0
        self._code = ""
        self._names: dict[Offset, str] = {}
        lines = self._given.count("\n") + 1
        if not is_long and (len(text) > MAX_LENGTH or lines > _MAX_LINES):
            raise TextError(
                f"{name}: {len(text)} characters in {lines} lines are more than a {name} may have "
                f"({MAX_LENGTH} in {_MAX_LINES})"
            )

    @cached_property
    def lines(self) -> Sequence[str]:
        """The lines as they were given."""
        return self._given.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """What Python makes of a text that is not long."""
        return ast.Module(list(self.statements()), [])

    def statements(self) -> Iterator[ast.stmt]:
        """Parse the text and yield its statements.

        Raises
        ------
        TextError
            If Python can't parse it.
        """
        found = _UNREADABLE.search(self._text)
        if found:
            code = ord(found[0])
            escape = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
            self._fail_at(
                found.start(), f"this character can't stand in a text; write it as {escape}"
            )
        lines = 0
        for piece in self._pieces():
            self._base, self._code = lines, piece
            yield from self._parsed()
            lines += piece.count("\n")

    # -- names -------------------------------------------------------------------------------

    def backquoted(self, node: ast.expr | ast.keyword) -> str | None:
        """Return the name that stands in backquotes where a node begins, or None."""
        word = node.arg if isinstance(node, ast.keyword) else getattr(node, "id", None)
        return self._names.get(self.offset(node)) if word and word[0] == "_" else None

    def spelled(self, node: ast.Name) -> str:
        """Return a name, in backquotes or not."""
        return self._names.get(self.offset(node), node.id) if node.id[0] == "_" else node.id

    def key(self, node: ast.keyword) -> str:
        """Return the name of a keyword, in backquotes or not."""
        word = node.arg
        assert word is not None
        return self._names.get(self.offset(node), word) if word[0] == "_" else word

    def block_name(self, node: ast.FunctionDef) -> str:
        """Return the name of a ``def``."""
        lines = self._code.split("\n", node.lineno)
        before = "".join([f"{line}\n" for line in lines[: node.lineno - 1]])
        start = len(before) + len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
        word = _DEF.match(self._code, start)
        assert word is not None
        between = self._code[start : word.end()]
        column = len(between.rpartition("\n")[2]) + ("\n" not in between) * node.col_offset
        offset = Offset(self._base + node.lineno + between.count("\n"), column)
        return self._names.get(offset, node.name)

    def operator(self, node: ast.expr, *words: str) -> str:
        """Return the name of an operator; in backquotes it may be one that MXNet does not know.

        `words` are other names that may be meant.
        """
        if not isinstance(node, ast.Name):
            self.fail(node, "an operator is called by its name")
        quoted = self.backquoted(node)
        if quoted is not None:
            return quoted
        if find(node.id) is None:
            self.fail(node, unknown_operator(node.id, "in backquotes", *words))
        return node.id

    # -- statements --------------------------------------------------------------------------

    def targets(self, statement: ast.Assign) -> list[ast.Name]:
        """Return the names to the left of the one ``=`` of a statement."""
        if len(statement.targets) > 1:
            self.fail(statement.targets[1], "a statement has one =")
        (target,) = statement.targets
        names: list[ast.Name] = []
        for each in elements(target) or [target]:
            if not isinstance(each, ast.Name):
                self.fail(each, f"{described(each)} can't be given a value")
            names.append(each)
        return names

    def literal(self, node: ast.expr) -> object:
        """Return a number, a text, True, False, None, or a tuple or list of such."""
        if isinstance(node, ast.Tuple | ast.List):
            values = [self.literal(element) for element in node.elts]
            return tuple(values) if isinstance(node, ast.Tuple) else values
        sign, number = 1, node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            sign, number = -1, node.operand
        if isinstance(number, ast.Constant):
            value = number.value
            if isinstance(value, int | float) and not isinstance(value, bool):
                if not abs(value) <= (MAX_INT if isinstance(value, int) else float_info.max):
                    self.fail(node, "the number is too large; write it as a text")
                return sign * value
            if sign == 1 and (value is None or isinstance(value, bool | str)):
                return value
        if isinstance(node, ast.Name):
            name = shortened(self.spelled(node))[1:-1]
            self.fail(node, f'an attribute takes no node and no name; for a text write "{name}"')
        self.fail(
            node,
            f"{described(node)} is no value of an attribute, which is a number, True, False, None, "
            "a tuple or list of those, or any text at all in quotes",
        )

    # -- places and errors -------------------------------------------------------------------

    def offset(self, node: Syntax) -> Offset:
        """Return where something begins, as Python's parser has it."""
        return Offset(self._base + node.lineno, node.col_offset)

    def place(self, where: Syntax | Offset) -> Mark:
        """Return where something begins."""
        line, offset = where if isinstance(where, Offset) else self.offset(where)
        line = min(line, len(self.lines))
        before = self.lines[line - 1][self._indent :].encode(errors="replace")[:offset]
        return Mark(line, len(before.decode(errors="ignore")) + self._indent + 1)

    @property
    def end(self) -> Offset:
        """Where the text ends."""
        lines = self._text.rstrip().split("\n")
        return Offset(len(lines), len(lines[-1].encode(errors="replace")))

    def error(self, where: Syntax | Offset | tuple[int, int] | None, reason: str) -> TextError:
        """Make the error about what stands somewhere: place, reason, the line and a caret."""
        if where is None:
            return TextError(f"{self.name}: {reason}", reason=reason)
        if isinstance(where, Offset | ast.AST):
            where = self.place(where)
        line = min(max(where[0], 1), len(self.lines))
        shown = self.lines[line - 1]
        column = min(max(where[1], 1), len(shown) + 1)
        text = f"{self.name}:{line}:{column}: {reason}\n{pointed(shown, column)}"
        return TextError(text, reason=reason, line=line, column=column)

    def fail(self, where: Syntax | Offset | None, reason: str) -> NoReturn:
        """Raise the error about what stands somewhere."""
        raise self.error(where, reason)

    def _fail_at(self, position: int, reason: str) -> NoReturn:
        """Raise the error about a character of the text without its indentation."""
        before = self._text[:position].split("\n")
        raise self.error(Mark(len(before), len(before[-1]) + self._indent + 1), reason)

    # -- Python's parser ---------------------------------------------------------------------

    def _pieces(self) -> Iterator[str]:
        """Yield what Python is to parse: whole statements, names replaced.

        Whoever reads a piece has the names in it until the next one is asked for.
        """
        text = self._text
        parts: list[str] = []
        line, offset, seen = 1, 0, 0  # the place of the character `seen`
        begun = done = depth = 0
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if kind is None:
                continue
            start, end = token.span()
            if kind == "run":
                if end - begun >= self._piece and not depth:
                    boundary = _BOUNDARY.search(text, start, end + 1)
                    if boundary:
                        parts.append(text[done : boundary.end()])
                        yield "".join(parts)
                        parts = []
                        begun = done = boundary.end()
                        self._names.clear()
            elif kind == "open":
                depth += 1
                if depth > _MAX_DEPTH:
                    self._fail_at(start, f"brackets are nested deeper than {_MAX_DEPTH}")
            elif kind == "close":
                depth = max(depth - 1, 0)
            elif kind == "stray":
                what = "a name in backquotes" if token[0] == "`" else "a text in quotes"
                self._fail_at(start, f"{what} has to end on its line")
            else:
                between = text[seen:start]
                if "\n" in between:
                    line += between.count("\n")
                    offset, between = 0, between[between.rfind("\n") + 1 :]
                offset += len(between.encode())
                self._names[Offset(line, offset)] = self._name(token)
                seen = start
                parts += (text[done:start], "_" * len(token[0].encode()))
                done = end
        parts.append(text[done:])
        yield "".join(parts)

    def _name(self, token: re.Match[str]) -> str:
        """Return the name that stands in backquotes."""
        text, (start, end) = self._text, token.span()
        near = text[max(start - 1, 0) : start] + text[end : end + 1]
        if any(char.isalnum() or char in "_`" for char in near):
            self._fail_at(start, "a name in backquotes has to stand by itself")
        name = token[0][1:-1]

        def unescaped(escape: re.Match[str]) -> str:
            literal, control, *codes = escape.groups()
            code = next(filter(None, codes), None)
            if literal is not None:
                return literal
            if control is not None:
                return _CONTROLS[control]
            if code is None or int(code, 16) > 0x10FFFF:
                self._fail_at(
                    start + 1 + escape.start(),
                    r"in backquotes, \ stands before `, \, n, r, t, xNN, uNNNN or UNNNNNNNN only",
                )
            return chr(int(code, 16))

        return _ESCAPE.sub(unescaped, name) if "\\" in name else name

    def _parsed(self) -> list[ast.stmt]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error" if self._piece == _PIECE else "ignore")
                return ast.parse(self._code).body
        except SyntaxError as error:
            line, column, reason = error.lineno or 1, error.offset or 1, error.msg
        except (MemoryError, RecursionError):
            line, column, reason = 1, 1, "it is nested too deep"
        except (ValueError, OverflowError) as error:
            line, column, reason = 1, 1, str(error)
        if reason.startswith("Exceeds the limit"):
            reason = "the number is too long"
        rows = self._code.split("\n")[line - 1 : line]
        offset = len("".join(rows)[: max(column - 1, 0)].encode())
        self.fail(Offset(self._base + line, offset), f"Python can't read this: {reason}")


def parse_python(text: str, name: str) -> PythonText:
    """Parse a text of at most `MAX_LENGTH` characters, whose lines may all be indented alike.

    Raises
    ------
    TextError
        If Python can't parse it, or it is too long or nested too deep.

    Examples
    --------
    >>> parsed = parse_python("y = relu(`conv-0`)", "pattern")
    >>> parsed.backquoted(parsed.tree.body[0].value.args[0])
    'conv-0'
    """
    parsed = PythonText(text, name)
    _ = parsed.tree  # what is wrong with it is raised here
    return parsed


def unknown_operator(name: str, how: str, *words: str) -> str:
    """Return what is wrong with an operator that MXNet does not know, and `how` to write one."""
    near = suggestion(name, [*operator_names(), *words]) if len(name) < _LONG_NAME else ""
    return (
        f"MXNet 1.9.1 has no operator {shortened(name)}{near}; one that it does not know is "
        f"written {how}"
    )


def elements(node: ast.expr | None) -> Sequence[ast.expr]:
    """Return the parts of what stands beside ``=`` or behind ``return``: those between commas."""
    if node is None:
        return ()
    return node.elts if isinstance(node, ast.Tuple) else (node,)


def quoted_name(name: str) -> str:
    """Return how a name is written: bare if Python reads it back, else in backquotes.

    Examples
    --------
    >>> quoted_name("conv0"), quoted_name("conv/0"), quoted_name("in")
    ('conv0', '`conv/0`', '`in`')
    """
    bare = name.isidentifier() and not keyword.iskeyword(name)
    if bare and unicodedata.normalize("NFKC", name) == name != "__debug__":
        return name
    return f"`{''.join(map(_escaped, name))}`"


def _escaped(char: str) -> str:
    if char in "`\\":
        return f"\\{char}"
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _dedented(text: str) -> tuple[str, int]:
    """Take off the blanks that all lines begin with, and return how many."""
    start = len(text) - len(text.lstrip())
    if not text[:start].endswith(" "):
        return text, 0
    lines = text.split("\n")
    indent = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    return "\n".join([line[indent:] for line in lines]), indent


def shortened(name: str) -> str:
    """Return how messages quote a name, which may be very long."""
    return repr(name if len(name) <= 60 else f"{name[:57]}...")


_KINDS = {
    "Attribute": "a dot after a name",
    "AugAssign": "an assignment such as +=",
    "AnnAssign": "an annotation",
    "AsyncFunctionDef": "async",
    "Await": "await",
    "BinOp": "arithmetic",
    "BoolOp": "and, or",
    "Call": "a call",
    "ClassDef": "a class",
    "Compare": "a comparison",
    "Dict": "a dictionary",
    "DictComp": "a comprehension",
    "Expr": "an expression without a name",
    "FunctionDef": "a block",
    "GeneratorExp": "a comprehension",
    "IfExp": "a condition",
    "Import": "an import",
    "ImportFrom": "an import",
    "JoinedStr": "an f-string",
    "Lambda": "a lambda",
    "List": "a list",
    "ListComp": "a comprehension",
    "Name": "a name",
    "NamedExpr": "an assignment inside an expression",
    "Set": "a set",
    "SetComp": "a comprehension",
    "Slice": "a slice",
    "Starred": "a star",
    "Subscript": "an index",
    "Tuple": "a tuple",
    "UnaryOp": "a sign or a negation",
}


def described(node: ast.AST) -> str:
    """Return what messages call a piece of Python."""
    if isinstance(node, ast.Constant):
        return "a text" if isinstance(node.value, str) else f"{node.value!r:.40}"
    kind = type(node).__name__
    return _KINDS.get(kind, f"Python's {kind}")
