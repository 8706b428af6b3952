"""Compiles `kb/ranking/kernels/native.c` and the translations at installation.

Plain C, loaded through ctypes: no headers of Python are needed, and one library serves every
version of it. What cannot be compiled is left out: the service works without either.
"""

import os
import shlex
import subprocess
import sysconfig
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = (
    *("-std=c11", "-O3", "-fPIC", "-shared"),
    # The same sums as numpy's; scores are numbers, so loops over them may become vectors.
    *("-ffp-contract=off", "-ffinite-math-only", "-fno-signed-zeros", "-fno-trapping-math"),
)


class Compiled(BuildHookInterface):  # type: ignore[type-arg]
    """The build hook that pyproject.toml names."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds what is compiled to what is packed, and says so if something could not be."""
        if self.target_name != "wheel":
            return
        if reason := compiled_catalogues(Path(self.root, "translations")):
            self.app.display_warning(f"commands will start later in other languages: {reason}")
        folder = Path(self.root, "kb", "ranking", "kernels")
        reason = compiled(folder / "native.c", folder / "libnative.so")
        if reason:
            self.app.display_warning(f"search will be slower, in numpy alone: {reason}")
            return
        build_data["artifacts"] += [
            "kb/ranking/kernels/libnative.so",
            "kb/ranking/kernels/libnative.crc",
        ]
        build_data["pure_python"] = False
        machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{machine}"


def compiled(source: Path, library: Path, *more: str) -> str:
    """Makes the library and beside it a file of its checksum (`.crc`), which is read before it is
    loaded; why that could not be, or nothing. `more` is said to the compiler, too.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    seal = f"-DSEAL={crc32(source.read_bytes())}u"
    with tempfile.TemporaryDirectory(dir=library.parent) as room:
        made = Path(room, library.name)
        command = [*compiler, *FLAGS, *more, seal, "-o", str(made), str(source), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
        except OSError as error:
            return f"no C compiler: {error}"
        if done.returncode:
            return f"{compiler[0]} failed: {done.stderr.strip() or done.returncode}"
        checksum = Path(room, "checksum")
        checksum.write_text(f"{crc32(made.read_bytes()):08x}", "utf-8")
        os.replace(checksum, library.with_suffix(".crc"))
        os.replace(made, library)
    return ""


def compiled_catalogues(folder: Path) -> str:
    """Compiles each `messages.po` into a file beside it that is named by the checksum of the text.

    So a text that was edited since is not taken for it (`kb/base/catalogs.py`). Returns why that
    could not be, or nothing.
    """
    try:
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po
    except ImportError as error:  # where the build is isolated from what the service needs
        return str(error)
    for source in folder.glob("*/LC_MESSAGES/messages.po"):
        text = source.read_bytes()
        for stale in source.parent.glob("messages-*.mo"):
            stale.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=source.parent) as room:
            made = Path(room, f"messages-{crc32(text):08x}.mo")
            with made.open("wb") as file:
                write_mo(file, read_po(BytesIO(text), locale=source.parts[-3]))
            os.replace(made, source.with_name(made.name))
    return ""
