"""What letters are written on: templates and words in the language of the settings. Sends none."""

from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from kb import catalogues, shipped
from kb.config import Settings


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


def paper(settings: Settings) -> Paper:
    """The site's own templates and catalogues are looked in first."""
    own = settings.templates
    templates = shipped.folder("templates")
    languages = catalogues.languages(own, settings.langs, settings.lang)
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
    environment.filters["line"] = lambda text: " ".join(str(text).split())
    return Paper(languages.default, environment, settings)
