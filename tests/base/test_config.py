"""Settings: which origin wins, what is refused and with which words, what is never shown."""

from pathlib import Path

import pytest

from kb.base import config
from kb.base.config import Settings
from kb.base.errors import ConfigError


def load(folder: Path, environ: dict[str, str] | None = None, **options: object) -> config.Loaded:
    return config.load(folder, environ or {}, options)


def test_without_anything_said_the_defaults_hold(tmp_path):
    loaded = load(tmp_path)

    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_options_beat_the_environment_beats_the_file_beats_defaults(tmp_path):
    (tmp_path / "kb.toml").write_text("port = 1\nworkers = 1\nlang = 'en'\n", "utf-8")
    environ = {"KB_PORT": "2", "KB_WORKERS": "3"}

    loaded = load(tmp_path, environ, port=4, host=None)

    assert (loaded.settings.port, loaded.settings.workers, loaded.settings.lang) == (4, 3, "en")
    assert loaded.origins["port"] == "option"
    assert loaded.origins["workers"] == "KB_WORKERS"
    assert loaded.origins["lang"] == str(tmp_path / "kb.toml")
    assert loaded.origins["host"] == "default"


def test_an_empty_variable_counts_as_not_set(tmp_path):
    assert load(tmp_path, {"KB_PORT": ""}).settings.port == 8000


@pytest.mark.parametrize(
    ("text", "langs"),
    [("ru,en", ("ru", "en")), (" en ", ("en",)), ("ru, en,de", ("ru", "en", "de"))],
)
def test_lists_are_comma_separated_in_the_environment(tmp_path, text, langs):
    assert load(tmp_path, {"KB_LANGS": text}).settings.langs == langs


def test_links_of_the_footer_can_stand_in_the_environment(tmp_path):
    settings = load(tmp_path, {"KB_LINKS": "Status page https://s.test, https://x.test"}).settings

    assert [(link.title, link.url) for link in settings.links] == [
        ("Status page", "https://s.test"),
        ("https://x.test", "https://x.test"),
    ]


def test_hooks_stand_in_the_file_or_in_the_environment_and_are_shown_without_secrets(tmp_path):
    (tmp_path / "kb.toml").write_text(
        """[[hooks]]
name = "crm"
url = "https://crm.test/kb?key=hidden"
secret = "hidden"
events = ["article.*", "vote.no"]
""",
        "utf-8",
    )
    written = "slack https://hooks.slack.test/hidden question.*, telegram chat=-100 token=hidden"
    of_file = load(tmp_path)
    of_environment = load(tmp_path, {"KB_HOOKS": written})

    [crm] = of_file.settings.hooks
    assert (crm.called, crm.shape) == ("crm", "json")
    assert [crm.wants(event) for event in ("article.changed", "vote.no", "question.lost")] == [
        True,
        True,
        False,
    ]
    assert [hook.called for hook in of_environment.settings.hooks] == ["slack", "telegram"]
    assert of_environment.settings.hooks[1].wants("letter.received")  # all, where none is named
    told = [row[1] for row in (*config.describe(of_file), *config.describe(of_environment))]
    assert "json name=crm •••••• article.* vote.no" in told
    assert "hidden" not in f"{told} {of_file} {of_environment}"
    assert "hooks" in config.secret_names()


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("slack", "a hook needs url"),
        ("telegram chat=1", "a hook to Telegram needs chat and token"),
        ("json ftp://hidden", "this is no address"),
        ("json https://a.test hidden.event", "is no event; write article.published"),
        ("json https://a.test, json https://b.test", "two hooks are called 'json'"),
        ("xml https://hidden.test", "is none of 'json', 'slack', 'mattermost' or 'telegram'"),
        ("json https://a.test colour=hidden", "no such key"),
    ],
)
def test_a_hook_that_cannot_be_used_is_named_and_no_address_is_shown(tmp_path, written, says):
    with pytest.raises(ConfigError) as told:
        load(tmp_path, {"KB_HOOKS": written})

    assert says in str(told.value)
    assert "KB_HOOKS" in str(told.value)
    assert "hidden.test" not in str(told.value) or "xml" in written


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")

    assert load(tmp_path, {"KB_ARTICLES": "~/docs"}).settings.articles == Path("/home/anna/docs")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("KB_PORT", "http", "setting port (KB_PORT): "),
        ("KB_PORT", "70000", "setting port (KB_PORT): "),
        ("KB_LANG", "russian", "'russian' is not a language code such as ru or en"),
        ("KB_LANGS", ",", "name at least one language"),
        ("KB_ACCENT", "blue", "write it as #rrggbb"),
        ("KB_ACCENT", "#123456; } body { display: none", "write it as #rrggbb"),
        ("KB_BASE_URL", "help.example.com", "write https://help.example.com"),
        ("KB_SUPPORT_EMAIL", "support", "write support@example.com"),
        ("KB_RETENTION_DAYS", "0", "setting retention_days (KB_RETENTION_DAYS): "),
        ("KB_REMOTE_IMAGES", "perhaps", "setting remote_images (KB_REMOTE_IMAGES): "),
    ],
)
def test_a_wrong_value_is_named_with_its_origin_and_the_next_step(tmp_path, variable, value, says):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {variable: value})

    message = str(caught.value)
    assert says in message
    assert message.endswith("; `kb config --help` lists them")
    assert "\n" not in message


def test_a_secret_is_in_no_message(tmp_path):
    (tmp_path / "kb.toml").write_text('api_token = ["s3cret"]\n', "utf-8")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    assert "s3cret" not in str(caught.value)


def test_an_unknown_setting_in_the_file_is_refused_by_name(tmp_path):
    (tmp_path / "kb.toml").write_text("prot = 8000\n", "utf-8")

    with pytest.raises(ConfigError, match=r"setting prot \(.*kb\.toml\): no such setting"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"[["])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "kb.toml").write_bytes(content)

    with pytest.raises(ConfigError, match=r"kb\.toml: .*; correct the file or remove it"):
        load(tmp_path)


def test_a_mistyped_variable_is_noticed():
    environ = {"KB_PROT": "1", "KB_PORT": "1", "KB_TEST_REQUIRE": "1", "PATH": "/bin", "KB_Q": "1"}

    assert config.unknown_variables(environ) == {"KB_PROT": "KB_PORT", "KB_Q": ""}


@pytest.mark.parametrize("icons", ["api", "=💳", "billing=💳,api="])
def test_half_a_pair_is_no_icon(icons):
    with pytest.raises(ConfigError, match="write billing=💳"):
        load(Path("/nowhere"), {"KB_ICONS": icons})


def test_folders_of_tools_that_are_not_there_are_known(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "file").touch()
    tools = {"KB_TOOLS": "docs=hugo,nodir=hugo,file=mkdocs,plain", "KB_ARTICLES": str(tmp_path)}

    assert config.unknown_folders(load(Path("/nowhere"), tools).settings) == ["nodir", "file"]
    tools["KB_ARTICLES"] = str(tmp_path / "none")
    assert config.unknown_folders(load(Path("/nowhere"), tools).settings) == []


def test_all_mistakes_are_told_at_once(tmp_path):
    (tmp_path / "kb.toml").write_text("workers = 99\nprot = 1\n[checks]\nstale = 'loud'\n", "utf-8")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {"KB_PORT": "http"})

    told = str(caught.value)
    file = tmp_path / "kb.toml"
    assert "setting port (KB_PORT): 'http' is no whole number; " in told
    assert f"setting workers ({file}): 99 is too large: 64 is the most; " in told
    assert f"setting prot ({file}): no such setting; " in told
    assert f"setting checks.stale ({file}): 'loud' is none of 'error', 'warning'," in told
    assert told.count("kb config --help") == 1


def test_a_mistake_in_the_tool_of_all_folders_names_the_setting(tmp_path):
    with pytest.raises(ConfigError, match=r"setting tools \(KB_TOOLS\): 'hugoo' is none of"):
        load(tmp_path, {"KB_TOOLS": "hugoo"})


VALUES = ([1], {"a": 1}, "zz", -5, 10**9, 3.5, True, float("nan"), [["x"]], [{"title": "a"}],
          [{"title": "a", "url": "b", "c": 1}], {"no-author": "loud"})  # fmt: skip


@pytest.mark.parametrize("name", Settings.model_fields)
def test_what_is_wrong_is_said_in_our_words(tmp_path, name):
    told = []
    for value in VALUES:
        try:
            load(tmp_path, **{name: value})
        except ConfigError as error:
            told.append(str(error))

    assert told
    theirs = ("Input", "should", "valid", "cannot be used")
    for message in told:
        assert message.startswith(f"setting {name}")
        assert not [word for word in theirs if word in message]


def test_secrets_are_shown_as_dots(tmp_path):
    environ = {
        "KB_API_TOKEN": "s3cret-s3cret-s3cret",
        "KB_DATABASE_URL": "postgresql+psycopg://kb:s3cret@db/kb",
    }

    rows = {name: value for name, value, _, _ in config.describe(load(tmp_path, environ))}

    assert rows["api_token"] == rows["database_url"] == "••••••"
    assert rows["smtp_url"] == ""
    assert "s3cret" not in repr(load(tmp_path, environ))


def test_every_setting_says_what_it_is_for(tmp_path):
    assert [name for name, _, _, meaning in config.describe(load(tmp_path)) if not meaning] == []


def test_the_log_is_a_file_in_the_data_folder_unless_a_database_is_named(tmp_path):
    assert load(tmp_path, {"KB_DATA": "/d"}).settings.log_url == "sqlite:////d/log.sqlite3"
    assert (
        load(tmp_path, {"KB_DATABASE_URL": "postgresql://db"}).settings.log_url == "postgresql://db"
    )


@pytest.mark.parametrize(
    "broken", ["scrypt:", "scrypt:32768:8:1", "scrypt:32768:8:1$ab$" + "0" * 9]
)
def test_a_hash_that_a_shell_has_eaten_from_is_named(broken):
    with pytest.raises(ConfigError, match=r"leads_password.*not whole.*kb config --hash"):
        load(Path("/nowhere"), {"KB_LEADS_PASSWORD": broken})


@pytest.mark.parametrize(
    "weak",
    ["a", "short-one", "aaaaaaaaaaaaaaaa", "121212121212", "123456789012", "Password2026!",
     "passwordpassword", "qwertyuiop12", "парольпароль", "1234567890987", "qwerty-admin-12345"],
)  # fmt: skip
def test_a_password_that_is_guessed_is_refused(weak):
    with pytest.raises(ConfigError, match=r"this password is .*; take") as refused:
        load(Path("/nowhere"), {"KB_LEADS_PASSWORD": weak})

    assert len(weak) == 1 or weak not in str(refused.value)


@pytest.mark.parametrize("strong", ["correct horse battery staple", "зелёный чайник на крыше"])
def test_four_words_are_a_password(strong):
    assert load(Path("/nowhere"), {"KB_LEADS_PASSWORD": strong}).settings.leads_password


@pytest.mark.parametrize("weak", ["a", "nineteen characters", "aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_a_token_that_is_guessed_is_refused(weak):
    with pytest.raises(ConfigError, match=r"this token is easily guessed; .*openssl rand"):
        load(Path("/nowhere"), {"KB_API_TOKEN": weak})
