"""A site's own colours as a style sheet that stays readable. Decides nothing but colours."""

_LIGHT, _DARK = "#ffffff", "#14171c"  # the pages' backgrounds in kb.css
_READABLE = 4.5  # WCAG 2.2, 1.4.3


def sheet(accent: str) -> str:
    """Properties for kb.css: the accent, darkened or lightened until it can be read."""
    light, dark = readable(accent, _LIGHT), readable(accent, _DARK)
    return (
        f":root{{--accent:light-dark({light},{dark});"
        f"--on-accent:light-dark({_on(light)},{_on(dark)})}}\n"
    )


def readable(colour: str, background: str) -> str:
    """The nearest colour on the way to black or white that contrasts 4.5 : 1 or more."""
    towards = 0 if _luminance(background) > 0.5 else 255
    red, green, blue = _channels(colour)
    for step in range(101):
        mixed = tuple(round(c + (towards - c) * step / 100) for c in (red, green, blue))
        found = "#{:02x}{:02x}{:02x}".format(*mixed)
        if contrast(found, background) >= _READABLE:
            return found
    return "#000000" if towards == 0 else "#ffffff"


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _on(colour: str) -> str:
    """Black or white, whichever reads better on the colour."""
    return max("#ffffff", "#0b0d10", key=lambda text: contrast(text, colour))


def _luminance(colour: str) -> float:
    red, green, blue = (
        c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
