"""A repository of articles, the clone of who writes them, and the clone that a site reads."""

import os
import subprocess


class Clones:
    """`push` commits in the writer's clone and pushes; `site` is where articles are served from."""

    def __init__(self, root):
        self.remote, self.writer, self.site = (root / name for name in ("remote", "writer", "site"))
        self.git(root, "init", "-q", "--bare", "-b", "main", str(self.remote))
        self.git(root, "clone", "-q", str(self.remote), str(self.writer))
        self.git(self.writer, "switch", "-q", "-c", "main")
        self.push("articles/a.md", "first")
        self.git(root, "clone", "-q", str(self.remote), str(self.site))

    def git(self, folder, *arguments):
        done = subprocess.run(
            ["git", "-c", "user.name=Anna", "-c", "user.email=anna@example.com", *arguments],
            cwd=folder,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def push(self, path, text, *options):
        file = self.writer / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        self.git(self.writer, "add", "-A")
        self.git(self.writer, "commit", "-q", "-m", path)
        self.git(self.writer, "push", "-q", *options, "origin", "HEAD")
        return self.git(self.writer, "rev-parse", "HEAD")

    def commit(self):
        return self.git(self.site, "rev-parse", "HEAD")

    def read(self, path="articles/a.md"):
        return (self.site / path).read_text("utf-8")
