"""Files that a rule names, looked at before they are read."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

__all__ = ["check_regular"]


def check_regular(path: Path, max_bytes: int | None = None) -> None:
    """Refuse what can't be read to an end, such as a pipe or a device, and what is too large.

    Parameters
    ----------
    path : Path
        The file that is about to be read.
    max_bytes : int, optional
        How large it may be.

    Raises
    ------
    OSError
        If there is no such file, or it is refused; `OSError.strerror` says why.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if max_bytes is not None and found.st_size > max_bytes:
        raise OSError(
            errno.EFBIG, f"it has {found.st_size} bytes, and no more than {max_bytes} are read"
        )
