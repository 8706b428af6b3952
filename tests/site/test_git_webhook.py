"""`POST /hooks/git` takes what the git host signed, once, and leaves the work to others."""

import base64
import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from clones import Clones

from kb.base.config import Settings
from kb.base.errors import NoticeLost
from kb.content import status
from kb.git import push_queue
from kb.git.push_queue import Notices
from kb.service import KnowledgeBase
from kb.site.git_webhook import LARGEST
from kb.web import create_app

SECRET = "a plainly invented secret"
KEY = b"a plainly invented key"
TOKEN = f"whsec_{base64.b64encode(KEY).decode()}"


class Host:
    """A git host that announces pushes to a site, which serves `main` of no clone if need be."""

    def __init__(self, tmp_path, **more):
        self.settings = Settings(
            articles=tmp_path / "site/articles",
            data=tmp_path / "var",
            **{"webhook_secret": SECRET, "sync_branch": "main", **more},
        )
        self.kb = KnowledgeBase.open(self.settings)
        self.client = create_app(self.kb).test_client()

    def post(self, body, headers):
        return self.client.post("/hooks/git", data=body, headers=headers)

    def github(self, told=None, *, secret=SECRET, event="push", delivery="1", **headers):
        body = told if isinstance(told, bytes) else json.dumps(told or pushed()).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return self.post(body, {
            "X-GitHub-Event": event, "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json",
            **headers,
        })  # fmt: skip

    def gitlab(self, told=None, *, token=SECRET, event="Push Hook", **headers):
        return self.post(json.dumps(told or pushed()).encode(), {
            "X-Gitlab-Event": event, "X-Gitlab-Token": token, "Content-Type": "application/json",
            **headers,
        })  # fmt: skip

    def signed(self, told=None, *, key=KEY, at=None, name="msg_1", **headers):
        """As GitLab does with a signing token; `headers` are sent besides."""
        body, at = json.dumps(told or pushed()).encode(), str(int(at or time.time()))
        digest = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
        return self.post(body, {
            "X-Gitlab-Event": "Push Hook", "Content-Type": "application/json",
            "webhook-id": name, "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}", **headers,
        })  # fmt: skip

    @property
    def is_waiting(self):
        """Whether there is something for the process that syncs."""
        return (self.settings.data / "notice").exists()


def pushed(ref="refs/heads/main", after="1" * 40, **more):
    return {"ref": ref, "after": after, **more}


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    yield made
    made.kb.close()


def refused(host, answer, status, code):
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert not host.is_waiting


@pytest.mark.parametrize("send", [Host.github, Host.gitlab])
def test_a_push_is_taken_and_left_to_another_process(tmp_path, send):
    clones = Clones(tmp_path)
    host = Host(tmp_path, sync_branch="")
    before = clones.commit()
    clones.push("articles/a.md", "second")

    answer = send(host)

    assert (answer.status_code, answer.json["status"]) == (202, "accepted")
    assert host.is_waiting
    assert clones.commit() == before  # nothing was pulled here
    assert send(host, pushed("refs/heads/draft")).json["status"] == "ignored"


def test_after_many_wrong_signatures_a_network_waits_and_a_known_one_does_not(host):
    def posts(address, token, number=1):
        return host.client.post(
            "/hooks/git",
            data=json.dumps(pushed(after=str(number) * 40)),
            headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": token},
            environ_base={"REMOTE_ADDR": address},
        )

    known, stranger = "192.0.2.1", "198.51.100.7"
    assert posts(known, SECRET).status_code == 202
    tries = [posts(stranger, f"guess {n}") for n in range(6)]
    slips = [posts(known, "slip").status_code for n in range(6)]

    assert [answer.status_code for answer in tries] == [401] * 5 + [429]
    assert 0 < int(tries[-1].headers["Retry-After"]) <= 60
    assert (
        posts(stranger, SECRET, 2).status_code == 429
    )  # which of the guesses is right stays hidden
    assert slips == [401] * 5 + [429]
    assert posts(known, SECRET, 3).status_code == 202


def test_gitea_signs_in_its_own_way(host):
    body = json.dumps(pushed()).encode()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "1"}
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    wrong = host.post(body, {**headers, "X-Gitea-Signature": "0" * 64})
    right = host.post(body, {**headers, "X-Gitea-Signature": signature})
    again = host.post(body, {**headers, "X-Gitea-Signature": signature, "X-GitHub-Delivery": "2"})

    assert [answer.status_code for answer in (wrong, right, again)] == [401, 202, 409]


def test_a_notice_sent_as_a_form_is_read(host):
    body = urlencode({"payload": json.dumps(pushed())}).encode()

    answer = host.github(body, **{"Content-Type": "application/x-www-form-urlencoded"})

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha1=" + "0" * 40},
        {"X-Hub-Signature-256": "sha256=пароль".encode().decode("latin-1")},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": SECRET[:-1]},
        {"X-Gitlab-Token": SECRET + " x"},
        {"X-Gitlab-Token": "пароль".encode().decode("latin-1")},
        # A right token does not excuse a wrong signature.
        {"X-Gitlab-Token": SECRET, "X-Hub-Signature-256": "sha256=" + "0" * 64},
    ],
)
def test_a_stranger_is_refused(host, headers):
    answer = host.post(json.dumps(pushed()), {"X-GitHub-Event": "push", **headers})

    refused(host, answer, 401, "bad-signature")
    assert not (host.settings.data / "notices").exists()  # and leaves nothing behind


def test_a_body_that_was_changed_on_the_way_is_refused(host):
    body = json.dumps(pushed()).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    answer = host.post(
        body.replace(b"main", b"evil"),
        {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}"},
    )

    refused(host, answer, 401, "bad-signature")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"delivery": "1"}, {"delivery": "1"}),
        ({"delivery": "1"}, {"delivery": "2"}),  # the id is not signed: anybody may change it
        ({"delivery": "1"}, {"delivery": "1", "told": pushed(after="2" * 40)}),
    ],
)
def test_a_notice_is_taken_once_by_all_workers_and_after_a_restart(host, first, second):
    assert host.github(**first).status_code == 202
    (host.settings.data / "notice").unlink()  # it has been acted on

    refused(host, host.github(**second), 409, "replayed")
    host.client = create_app(KnowledgeBase.open(host.settings)).test_client()  # another worker
    refused(host, host.github(**second), 409, "replayed")

    assert host.github(pushed(after="3" * 40), delivery="3").status_code == 202


@pytest.mark.parametrize("name", ["Idempotency-Key", "X-Gitlab-Event-UUID"])
def test_gitlab_numbers_its_notices(host, name):
    assert host.gitlab(**{name: "one"}).status_code == 202
    (host.settings.data / "notice").unlink()

    refused(host, host.gitlab(**{name: "one"}), 409, "replayed")
    assert host.gitlab(**{name: "two"}).status_code == 202  # forward again, in the same words


def test_gitlab_signs_with_a_signing_token(tmp_path):
    host = Host(tmp_path, webhook_secret=TOKEN)

    assert host.signed().status_code == 202
    (host.settings.data / "notice").unlink()

    refused(host, host.signed(), 409, "replayed")
    assert host.signed(name="msg_2").status_code == 202  # forward again, in the same words
    both = {"webhook-signature": "v1,b2xk v1a,x " + host.signed().request.headers[
        "webhook-signature"]}  # fmt: skip
    assert host.signed(**both).status_code == 409  # while a token is changed, it signs with two


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": b"another"},
        {"at": time.time() - 3600},
        {"at": time.time() + 3600},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "nan"},
        {"webhook-id": "msg_2"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "пароль".encode().decode("latin-1")},
        # A right token does not excuse a wrong signature.
        {"key": b"another", "X-Gitlab-Token": TOKEN},
    ],
)
def test_a_signature_of_a_stranger_or_of_another_time_is_refused(tmp_path, wrong):
    host = Host(tmp_path, webhook_secret=TOKEN)

    refused(host, host.signed(**wrong), 401, "bad-signature")


def test_a_gitlab_that_signs_is_known_by_its_secret_token_where_we_have_only_that(host):
    assert host.signed(**{"X-Gitlab-Token": SECRET}).status_code == 202


def test_a_signing_token_that_is_none_lets_nobody_in(tmp_path):
    host = Host(tmp_path, webhook_secret="whsec_a")

    refused(host, host.signed(), 401, "bad-signature")


def test_an_old_gitlab_that_numbers_nothing_is_known_by_its_words(host):
    assert host.gitlab().status_code == 202
    (host.settings.data / "notice").unlink()

    refused(host, host.gitlab(), 409, "replayed")


@pytest.mark.parametrize(
    ("told", "event", "said"),
    [
        (pushed("refs/heads/draft"), "push", "this site serves main"),
        (pushed("refs/tags/main"), "push", "this site serves main"),
        (pushed("main"), "push", "this site serves main"),
        (pushed(after="0" * 40), "push", "main was deleted"),
        ({"zen": "Keep it logically awesome."}, "ping", "only pushes are acted on"),
        ({"action": "opened"}, "issues", "only pushes are acted on"),
        (pushed(), "", "only pushes are acted on"),
    ],
)
def test_what_does_not_concern_the_site_is_answered_and_ignored(host, told, event, said):
    for answer in (host.github(told, event=event), host.gitlab(told, event=event.title())):
        if event == "push" and "X-Gitlab-Event" in answer.request.headers:
            continue  # GitLab calls it "Push Hook"
        assert (answer.status_code, answer.json["status"]) == (200, "ignored")
        assert said in answer.json["message"]
    assert not host.is_waiting


def test_the_branch_may_be_named_in_the_settings(tmp_path):
    host = Host(tmp_path, sync_branch="live")

    assert host.github(pushed("refs/heads/live")).status_code == 202
    assert host.github(pushed("refs/heads/main"), delivery="2").json["status"] == "ignored"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"ref": 1, "after": 2}',
        b'{"ref": "x"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_nonsense_with_a_right_signature_is_a_bad_request(host, body):
    refused(host, host.github(body), 400, "bad-request")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(host, host.github(body, **form), 400, "bad-request")


def test_a_large_push_is_taken_and_an_endless_one_refused(host):
    assert host.github(pushed(commits=["x" * 200_000])).status_code == 202
    (host.settings.data / "notice").unlink()

    refused(host, host.github(pushed(commits=["x" * LARGEST]), delivery="2"), 413, "too-large")


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_there_is_no_hook(tmp_path, secret):
    host = Host(tmp_path, webhook_secret=secret)

    refused(host, host.gitlab(token=""), 404, "not-found")


def test_a_clone_without_a_branch_says_so_to_nobody_but_the_log(tmp_path, caplog):
    clones = Clones(tmp_path)
    host = Host(tmp_path, sync_branch="")
    clones.git(clones.site, "checkout", "-q", "--detach")

    answer = host.github()

    refused(host, answer, 503, "unavailable")
    assert "git switch main" in caplog.text
    assert str(clones.site) not in answer.text


def test_a_full_disk_loses_no_notice(host, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(
            push_queue, "_replace", lambda _: (_ for _ in ()).throw(OSError(28, "No space"))
        )
        refused(host, host.github(), 503, "unavailable")

    assert host.github().status_code == 202  # the same notice, sent again


def test_a_notice_whose_sync_failed_is_taken_when_it_is_sent_again(host):
    assert [host.github().status_code, host.github().status_code] == [202, 409]
    data = host.settings.data

    failed_at(data, "failed")
    again, third = host.github(), host.github()
    failed_at(data, "published")
    fourth = host.github()

    assert [again.status_code, third.status_code, fourth.status_code] == [202, 409, 409]


def test_a_sync_that_failed_before_a_notice_does_not_count_for_it(host):
    failed_at(host.settings.data, "failed")

    assert host.github().status_code == 202
    assert host.github().status_code == 409


def failed_at(data, outcome):
    """A sync that began now came out so."""
    time.sleep(0.02)  # the times of files are those of the kernel's clock, a few ms behind
    now = datetime.now(UTC)
    data.mkdir(parents=True, exist_ok=True)
    status.write(data, status.Synced(now, now, outcome, code="fetch-failed"))
    time.sleep(0.02)


# ---------------------------------------------------------------- notices


def test_what_is_remembered_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(push_queue, "MOST", 20)
    kept = Notices(tmp_path)

    assert all(kept.accept(str(number)) for number in range(60))

    assert len(list((tmp_path / "notices").iterdir())) <= 20
    assert not kept.accept("59")


def test_of_many_at_once_one_is_taken(tmp_path):
    taken = []
    start = threading.Barrier(8)

    def take():
        start.wait()
        taken.append(Notices(tmp_path).accept("same"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [False] * 7 + [True]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "notices").write_text("in the way")

    with pytest.raises(NoticeLost, match="send the notice again"):
        Notices(tmp_path).accept("1")


def test_notices_that_came_while_one_was_acted_on_are_acted_on_once_more(tmp_path):
    kept = Notices(tmp_path)
    kept.accept("1")
    kept.accept("2")
    end = time.monotonic() + 2
    acted = 0
    for _ in kept.follow(lambda: time.monotonic() < end):
        acted += 1
        if acted == 1:
            kept.accept("3")

    assert acted == 2


def test_what_failed_is_tried_again_after_a_while(tmp_path):
    kept = Notices(tmp_path)
    kept.accept("1")
    began = time.monotonic()
    times = []
    for _ in kept.follow(lambda: time.monotonic() < began + 3):
        times.append(time.monotonic() - began)
        if len(times) == 1:
            kept.again(1.0)

    assert len(times) == 2
    assert times[1] >= times[0] + 1.0


def test_work_that_was_cut_short_is_begun_again(tmp_path):
    kept = Notices(tmp_path)
    kept.accept("1")
    next(kept.follow(lambda: True))  # and then the power went

    assert next(Notices(tmp_path).follow(lambda: True), "nothing") is None
