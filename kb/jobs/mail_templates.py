"""What letters are written on: templates and words in the language of a reader. Sends none."""

from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from kb.base import catalogs, escaping, resources
from kb.base.config import Settings
from kb.site import formatting


@dataclass(frozen=True, slots=True)
class Paper:
    """Writes letters of one site in `lang`; HTML is escaped, text is not."""

    lang: str
    _environment: Environment
    _settings: Settings

    def write(self, template: str, **values: Any) -> str:
        """The template with these values."""
        return self._environment.get_template(template).render(values)

    def subject(self, headline: str) -> str:
        """The headline with the site's name, if it has one."""
        name = self._settings.site_name
        return f"{name}: {headline}" if name else headline

    def url(self, path: str) -> str:
        """The whole address of a page, or "" where the site does not know its own."""
        return f"{self._settings.base_url}{path}" if self._settings.base_url else ""


def paper(settings: Settings, lang: str = "") -> Paper:
    """Of letters in `lang`, by default that of the settings.

    The site's own templates and catalogues are looked in first.
    """
    own = settings.templates
    templates = resources.folder("templates")
    languages = catalogs.languages(own, settings.langs, lang or settings.lang)
    environment = Environment(
        loader=FileSystemLoader([own, templates] if own else [templates]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        languages.words[languages.default], newstyle=True
    )
    environment.filters["said"] = languages.say
    environment.filters["day_and_month"] = lambda day: formatting.day_and_month(
        day, languages.default
    )
    environment.filters["zone_name"] = lambda zone: formatting.zone_name(zone, languages.default)
    environment.filters["line"] = lambda text: escaping.header(str(text))
    return Paper(languages.default, environment, settings)
