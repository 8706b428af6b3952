"""The action, workflows and hooks we offer: their own commands, run on a real repository."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from paths import ROOT

from kb.jobs.prove_report import MARK

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
GITLAB_JOBS = yaml.safe_load((ROOT / "docs/ci/gitlab-ci.yml").read_text("utf-8"))
GITLAB = GITLAB_JOBS["knowledge-base"]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def tool(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


class Machine:
    """A clone with a writer's branch checked out, as a CI machine has it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / "tools"
        tool(self.tools, "kb", f'exec {sys.executable} -m kb "$@"')
        installs = f'test "$2" = pip && {{ echo "$@" >> {root}/installed; exit; }}'
        tool(self.tools, "python", f'{installs}\nexec {sys.executable} "$@"')
        origin = root / "origin"
        self.git(root, "init", "-q", "-b", "main", str(origin))
        self.put(origin, "articles/ru/mail.md", "Почта на телефоне", "настроить почту")
        rows = [{"question": "сбросить пароль vpn", "lang": "ru", "visits": 31}]
        (origin / "misses.jsonl").write_text(json.dumps(rows[0]) + "\n")
        self.commit(origin)
        self.clone = root / "clone"
        self.git(root, "clone", "-q", str(origin), str(self.clone))
        self.git(self.clone, "checkout", "-q", "-b", "writer")
        self.put(self.clone, "articles/ru/vpn.md", "Как сбросить пароль VPN", "забыл пароль vpn")
        self.commit(self.clone)

    def git(self, folder: Path, *arguments: str) -> str:
        who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com")
        return subprocess.run(
            ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        ).stdout.strip()  # fmt: skip

    def put(self, folder: Path, path: str, title: str, answers: str) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        front = f"---\ntitle: {title}\nanswers:\n  - {answers}\n---\n"
        file.write_text(f"{front}Откройте настройки и нажмите кнопку.\n", "utf-8")

    def commit(self, folder: Path) -> str:
        self.git(folder, "add", "-A")
        self.git(folder, "commit", "-q", "-m", "change")
        return self.git(folder, "rev-parse", "HEAD")

    def breaks_an_answer(self) -> None:
        self.git(self.clone, "rm", "-q", "articles/ru/mail.md")
        self.commit(self.clone)

    def breaks_an_article(self) -> None:
        (self.clone / "articles/ru/new.md").write_text("---\ntitle: [\n---\n")
        self.commit(self.clone)

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """As both hosts run a step: bash that stops at the first failure, also in a pipe."""
        path = f"{self.tools}:/usr/bin:/bin"
        known = {"PATH": path, "HOME": str(self.root), "PYTHONPATH": str(ROOT), "KB_LANG": "en"}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.clone, capture_output=True, text=True, env={**known, **environment},
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# ---------------------------------------------------------------- GitHub


def step(machine: Machine, name: str, **contexts: str) -> subprocess.CompletedProcess[str]:
    """Runs a step of the action with the values of `${{ … }}` as GitHub puts them in."""
    found = next(step for step in ACTION["runs"]["steps"] if step.get("name") == name)
    assert found["shell"] == "bash"
    assert "${{" not in found["run"], "what others wrote must not become part of a script"
    given = {"inputs.level": "warning", "inputs.base": "origin/main", "inputs.token": "t"} | {
        key.replace("__", "."): value for key, value in contexts.items()
    }
    environment = {
        key: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: given[match[1]], value)
        for key, value in found.get("env", {}).items()
    }
    temp = machine.root / "temp"
    temp.mkdir(exist_ok=True)
    return machine.run(
        found["run"],
        RUNNER_TEMP=str(temp),
        GITHUB_STEP_SUMMARY=str(temp / "summary.md"),
        GITHUB_ACTION_PATH=str(ROOT),
        GITHUB_REPOSITORY="anna/help",
        **environment,
    )


def test_the_action_installs_what_it_stands_beside(machine):
    assert step(machine, "Install").returncode == 0

    assert (machine.root / "installed").read_text() == f"-m pip install --quiet {ROOT}\n"
    assert (ROOT / "pyproject.toml").exists()


def test_the_action_remarks_on_lines(machine):
    assert step(machine, "Check").returncode == 0

    machine.breaks_an_article()
    done = step(machine, "Check")

    assert done.returncode == 1
    assert re.search(r"^::error file=articles/ru/new\.md,line=\d+,title=bad-yaml::", done.stdout)


def test_the_action_proves_and_writes_the_summary(machine):
    assert step(machine, "Prove").returncode == 0

    summary = (machine.root / "temp/summary.md").read_text("utf-8")
    assert summary.startswith(f"{MARK}\n\n### Answers 1 open question (31 askers)\n")

    machine.breaks_an_answer()
    assert step(machine, "Prove").returncode == 1


def test_the_action_fails_in_one_line_where_the_base_is_missing(machine):
    done = step(machine, "Prove", inputs__base="origin/$(touch owned)")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not list(machine.root.rglob("owned"))


def test_the_action_comments_once_and_then_replaces_its_comment(machine):
    lists = f'case "$*" in *--paginate*) cat {machine.root}/known 2>/dev/null;; esac'
    tool(machine.tools, "gh", f'echo "$@" >> {machine.root}/gh\n{lists}\ntrue')
    step(machine, "Prove")
    body = f"-F body=@{machine.root}/temp/kb-prove.md"
    number = {"github__event__number": "7"}

    assert step(machine, "Comment", **number).returncode == 0
    calls = (machine.root / "gh").read_text().splitlines()
    assert "repos/anna/help/issues/7/comments --paginate" in calls[0]
    assert calls[1] == f"api --silent --method POST repos/anna/help/issues/7/comments {body}"

    (machine.root / "known").write_text("41\n42\n")
    assert step(machine, "Comment", **number).returncode == 0
    calls = (machine.root / "gh").read_text().splitlines()
    assert calls[3] == f"api --silent --method PATCH repos/anna/help/issues/comments/42 {body}"


def test_a_token_that_may_only_read_fails_no_job(machine):
    refuses = 'case "$*" in *--paginate*) ;; *) echo "HTTP 403" >&2; exit 1;; esac'
    tool(machine.tools, "gh", f'echo "$@" >> {machine.root}/gh\n{refuses}')
    step(machine, "Prove")

    done = step(machine, "Comment", github__event__number="7")

    assert done.returncode == 0
    assert "::notice title=kb prove::no comment: the token may not write one" in done.stdout


def test_the_action_comments_nothing_where_nothing_was_proved(machine):
    (machine.root / "temp").mkdir()
    (machine.root / "temp/kb-prove.md").touch()

    assert step(machine, "Comment", github__event__number="7").returncode == 0


def test_every_step_that_follows_a_failure_says_so():
    steps = {step.get("name"): step for step in ACTION["runs"]["steps"]}

    assert "!cancelled()" in steps["Prove"]["if"]
    assert "!cancelled()" in steps["Comment"]["if"]
    assert set(ACTION["inputs"]) == {"base", "working-directory", "level", "comment", "token"}


def test_the_workflow_uses_the_action_with_all_commits():
    workflow = yaml.safe_load((ROOT / "docs/ci/github.yml").read_text("utf-8"))
    checkout, action = workflow["jobs"]["prove"]["steps"]

    assert checkout["with"]["fetch-depth"] == 0
    assert action["uses"].startswith("your-team/kb-search@")
    assert workflow["permissions"]["pull-requests"] == "write"


# ---------------------------------------------------------------- GitLab


class Host(ThreadingHTTPServer):
    """As much of GitLab's API as a comment needs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.notes: dict[int, str] = {3: "a person's note"}
        self.calls: list[tuple[str, str, str]] = []


class _Api(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self._told()
        self._reply([{"id": id_, "body": body} for id_, body in self.server.notes.items()])

    def do_POST(self) -> None:
        self.server.notes[max(self.server.notes) + 1] = self._told()
        self._reply({})

    def do_PUT(self) -> None:
        self.server.notes[int(self.path.rsplit("/", 1)[1])] = self._told()
        self._reply({})

    def _told(self) -> str:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.calls.append((self.command, self.path, self.headers["PRIVATE-TOKEN"]))
        return parse_qs(body).get("body", [""])[0]

    def _reply(self, value: Any) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def job(machine: Machine, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs the job's script lines one after the other, as GitLab's runner does."""
    base = machine.git(machine.clone, "merge-base", "origin/main", "HEAD")
    script = "\n".join((*GITLAB["before_script"], *GITLAB["script"]))
    return machine.run(
        script,
        **{
            **GITLAB["variables"],
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
            "CI_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "9",
            **more,
        },
    )


@pytest.mark.slow
def test_the_gitlab_job_comments_once_and_then_replaces_its_note(machine, host):
    told = {"CI_API_V4_URL": f"http://127.0.0.1:{host.server_port}", "KB_GITLAB_TOKEN": "secret"}
    place = "/projects/5/merge_requests/9/notes"

    done = job(machine, **told)
    assert done.returncode == 0, done.stderr
    assert host.calls[-1] == ("POST", place, "secret")
    assert host.notes[4].startswith(f"{MARK}\n\n### Answers 1 open question")

    machine.breaks_an_answer()
    assert job(machine, **told).returncode == 1
    assert host.calls[-1] == ("PUT", f"{place}/4", "secret")
    assert "breaks 1 expectation" in host.notes[4]
    assert host.notes[3] == "a person's note"


def test_the_gitlab_job_proves_although_an_article_is_broken(machine):
    machine.breaks_an_article()

    done = job(machine)

    assert done.returncode == 1
    assert "### Answers 1 open question (31 askers)" in done.stdout
    assert "bad-yaml" in done.stdout
    assert (machine.clone / GITLAB["artifacts"]["paths"][0]).exists()
    assert "kb-search" in (machine.root / "installed").read_text()


# ---------------------------------------------------------------- pre-commit


def hook(machine: Machine, name: str) -> subprocess.CompletedProcess[str]:
    found = HOOKS[name]
    assert (found["language"], found["pass_filenames"]) == ("python", False)
    command = [*shlex.split(found["entry"]), *found.get("args", ())]
    return machine.run(shlex.join(command))


def test_the_commit_hook_stops_an_article_that_cannot_be_read(machine):
    assert hook(machine, "kb-check").returncode == 0

    machine.breaks_an_article()
    assert hook(machine, "kb-check").returncode == 1


def test_the_push_hook_stops_what_takes_an_answer_away(machine):
    done = hook(machine, "kb-prove")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0, "Answers 1 open question (31 askers).",
    )  # fmt: skip

    machine.breaks_an_answer()
    assert hook(machine, "kb-prove").returncode == 1


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [("articles/ru/vpn.md", True), ("a.markdown", True), ("articles/synonyms.yml", True),
     ("kb.toml", True), ("owners.yml", True), ("main.py", False), ("mkdocs.yml", False)],
)  # fmt: skip
def test_the_hooks_run_when_something_of_ours_changed(path, is_ours):
    for found in HOOKS.values():
        assert bool(re.search(found["files"], path)) is is_ours


def test_the_example_names_hooks_that_exist():
    example = yaml.safe_load((ROOT / "docs/ci/pre-commit-config.yaml").read_text("utf-8"))

    assert {hook["id"] for hook in example["repos"][0]["hooks"]} == set(HOOKS)


# ---------------------------------------------------------------- audit


def test_both_hosts_ask_for_known_weaknesses_by_our_own_target_on_a_schedule():
    workflow = yaml.safe_load((ROOT / "docs/ci/github-audit.yml").read_text("utf-8"))
    job = GITLAB_JOBS["knowledge-base-audit"]

    assert workflow[True]["schedule"]  # YAML reads `on` as true
    assert workflow["jobs"]["audit"]["steps"][-1] == {"run": "make audit"}
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    assert job["script"][-1] == "make -C kb-search audit"
    assert "audit" not in (ROOT / ".ci" / "run").read_text("utf-8")
