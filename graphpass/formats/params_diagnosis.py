"""Says what a file is that was taken for a ``.params`` file but isn't one."""

from __future__ import annotations

import re

__all__ = ["diagnose"]

_HEAD = 4096
_SHOWN = 60

_BINARY: tuple[tuple[bytes, str], ...] = (
    (
        b"\x93NUMPY",
        "is a .npy file, which MXNet 2.0 writes for a single array without a name; "
        "load it with numpy.load and save it under a name",
    ),
    (
        (0xF7E58D4F05049CB7).to_bytes(8, "little"),
        "holds TVM parameters, which are not supported; give the .params file that MXNet saved",
    ),
    (b"\x1f\x8b", "is compressed with gzip; decompress it first (gunzip or tar -xzf)"),
    (b"BZh", "is compressed with bzip2; decompress it first (bunzip2 or tar -xjf)"),
    (b"\xfd7zXZ\x00", "is compressed with xz; decompress it first (unxz or tar -xJf)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; decompress it first (unzstd)"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, such as Keras writes, not MXNet's .params"),
    (
        (0x112).to_bytes(8, "big"),
        "was written on a big-endian machine; save it again on a little-endian one",
    ),
    (b"\0" * 8, "begins with zeros: a download or copy that never finished; get it again"),
)


def diagnose(data: memoryview) -> str:
    """Return what `data` is and what to do, to stand behind the name of the file.

    Parameters
    ----------
    data
        A whole file that does not begin with MXNet's list magic. Only its first bytes are read.

    Examples
    --------
    >>> diagnose(memoryview(b""))
    'is empty (0 bytes); copy or download it again'
    """
    if not data:
        return "is empty (0 bytes); copy or download it again"
    head = bytes(data[:_HEAD])
    for magic, verdict in _BINARY:
        if head.startswith(magic):
            return verdict
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _diagnose_zip(data)
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first (tar -xf)"
    if re.match(rb"\x80[\x02-\x05]", head):
        return (
            "is a Python pickle (PyTorch's and scikit-learn's format), not MXNet's .params; "
            "it was not opened, since a pickle can run any code"
        )
    if head[8:10] == b'{"':
        return "is a safetensors file, not MXNet's .params"
    return _diagnose_text(head) or (
        f"begins with the bytes {head[:8].hex(' ')}, not with MXNet's 12 01 00 00 00 00 00 00; "
        "it is no .params file, or it is damaged"
    )


def _diagnose_zip(data: memoryview) -> str:
    # The central directory, at the end, lists every member by name.
    names = bytes(data[:_HEAD]) + bytes(data[-16 * _HEAD :])
    if b"data.pkl" in names:
        return "is a PyTorch checkpoint (a zip with a pickle), not MXNet's .params"
    if b".npy" in names:
        return (
            "is a zip of NumPy arrays, as MXNet 2.0 writes, which is not supported; load it "
            "with numpy.load and save its arrays with MXNet 1.x's mx.nd.save"
        )
    return "is a zip archive; unpack it first"


def _diagnose_text(head: bytes) -> str | None:
    text = head.decode("utf-8-sig", "replace").lstrip()
    size = re.search(r"^size (\d+)$", text, re.MULTILINE)
    if text.startswith("version https://git-lfs.github.com"):
        wanted = f" of {size[1]} bytes" if size else ""
        return f"is a Git LFS pointer, not the file{wanted} itself; fetch it with `git lfs pull`"
    lower = text[:256].lower()
    if lower.startswith(("<!doctype html", "<html", "<?xml", "<head", "<error")):
        return (
            "is a web page: the download saved an HTML or XML page (a login, a quota, an error) "
            "in place of the file; download the file itself"
        )
    if text.startswith(("{", "[")):
        if '"nodes"' in text or '"heads"' in text:
            return "is a symbol file (JSON), not parameters; the two may be swapped"
        return "is JSON text, not MXNet's .params"
    start = text[:_SHOWN]
    if "\ufffd" in start or not all(char.isprintable() or char.isspace() for char in start):
        return None
    return f"is text that begins {start!r}, not MXNet's .params"
