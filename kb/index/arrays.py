"""Files of named arrays, memory-mapped when read."""

import json
import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.index.spool import Column

Arrays = Mapping[str, NDArray[Any]]

_MAGIC = b"kbarrays"
_ALIGN = 64


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any] | Column]) -> None:
    """Writes named arrays into a new file that `read_arrays` maps without copying.

    Columns are copied piece by piece.

    Raises FileExistsError rather than write into a file that another build may share.
    """
    header: dict[str, tuple[str, tuple[int, ...], int]] = {}
    at = 0
    for name, array in arrays.items():
        header[name] = (array.dtype.str, array.shape, at)
        at += -(-array.nbytes // _ALIGN) * _ALIGN
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-(len(head) + 16) % _ALIGN)
    with path.open("xb") as file:  # never into a file that another build may share
        file.write(_MAGIC + len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            if isinstance(array, Column):
                array.copy_to(file)
            elif array.nbytes:
                file.write(np.ascontiguousarray(array).data.cast("B"))
            file.write(b"\0" * (-array.nbytes % _ALIGN))


def length(path: Path, name: str) -> int:
    """How many elements an array of a file has, without reading any.

    Raises KeyError if there is no such array, OSError or ValueError if the file cannot be read.
    """
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(16)[8:], "little")))
    return math.prod(header[name][1])


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name, read-only and memory-mapped.

    Raises IndexDamaged if the file cannot be read or was not written by `write_arrays`.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        if data[:8] != _MAGIC:
            raise ValueError("not a file of arrays")
        start = 16 + int.from_bytes(data[8:16], "little")
        arrays = {}
        for name, (dtype, shape, at) in json.loads(data[16:start]).items():
            count = math.prod(shape)
            if count < 0 or at < 0:
                raise ValueError("a header that points nowhere")
            array = np.frombuffer(data, np.dtype(dtype), count, start + at if count else 0)
            arrays[name] = array.reshape(shape)
        return arrays
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, SyntaxError) as error:
        raise IndexDamaged(
            Message("{path}: {reason}; run `kb index --full`", path=str(path), reason=str(error))
        ) from None
