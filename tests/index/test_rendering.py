"""What children that render have in memory when they begin."""

import subprocess
import sys

ARTICLE = """---
title: VPN
tags: [net]
---
Reset the [password](other.md) of `vpn`.

## Пароль

- **One**
- ![Two](two.png)

| a | b |
|---|---|
| 1 | 2 |

> [!NOTE]
> Text.
"""
CODE = f"""
import os, sys, threading, time
from kb.base import sandbox
from kb.content.articles import Defaults
from kb.index import rendering

def imported(job):
    before = set(sys.modules)
    assert rendering.prepare(job)[0]
    return {{name for name in set(sys.modules) - before if name.startswith(("kb.", "markdown"))}}

if __name__ == "__main__":
    threading.Thread(target=time.sleep, args=[60], daemon=True).start()
    jobs = [("vpn.md", {ARTICLE.encode()!r}, Defaults(), False)]
    print([result for _, result in sandbox.each(imported, jobs)], flush=True)
    os._exit(0)
"""


def test_a_child_of_the_fork_server_imports_nothing_to_render_an_article(tmp_path):
    (tmp_path / "renders.py").write_text(CODE)

    done = subprocess.run(
        [sys.executable, tmp_path / "renders.py"], capture_output=True, text=True, timeout=100
    )

    assert (done.stdout, done.stderr) == ("[set()]\n", "")
