"""Style sheet of the site's accent colour with readable contrast (WCAG 2.2)."""

_LIGHT, _DARK = "#ffffff", "#14171c"  # the pages' backgrounds in kb.css
_READABLE = 4.5  # WCAG 2.2, 1.4.3


def stylesheet(accent: str) -> str:
    """CSS custom properties for an accent `#rrggbb`.

    The accent is darkened or lightened until it is readable on the page and on its own tint, which
    stands behind short answers and the search box of the home page.
    """
    light_tint, dark_tint = _mixed(accent, _LIGHT, 0.92), _mixed(accent, _DARK, 0.82)
    light, dark = readable(accent, light_tint), readable(accent, dark_tint)
    return (
        f":root{{--accent:light-dark({light},{dark});"
        f"--on-accent:light-dark({_on(light)},{_on(dark)});"
        f"--tint:light-dark({light_tint},{dark_tint})}}\n"
    )


def readable(colour: str, background: str) -> str:
    """The colour mixed with as little black or white as gives a contrast of at least 4.5."""
    towards = "#000000" if _luminance(background) > 0.5 else "#ffffff"
    for step in range(101):
        found = _mixed(colour, towards, step / 100)
        if contrast(found, background) >= _READABLE:
            return found
    return towards


def _mixed(colour: str, other: str, share: float) -> str:
    """The colour with a share, 0 to 1, of another."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#{:02x}{:02x}{:02x}".format(*(round(a + (b - a) * share) for a, b in pairs))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours `#rrggbb`, 1 to 21 (WCAG 2.2, contrast ratio)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _on(colour: str) -> str:
    """Black or white, whichever has more contrast to the colour."""
    return max("#ffffff", "#0b0d10", key=lambda text: contrast(text, colour))


def _luminance(colour: str) -> float:
    """The relative luminance, 0 to 1 (WCAG 2.2)."""
    red, green, blue = (
        c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
