"""The reader's language: which one, and gettext for our sentences and click's."""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cogrow.errors import N_, Translate

LOCALE = Path(__file__).parent.parent / "locale"
DOMAIN = "cogrow"
LANGUAGES = ("zh", "en")

#: Sentences click says by itself; listed here so that they are in our catalogs.
OF_CLICK = (
    N_("Usage:"),
    N_("Options"),
    N_("Commands"),
    N_("Error: {message}"),
    N_("Show this message and exit."),
    N_("Show the version and exit."),
    N_("Try '{command} {option}' for help."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("No such command {name!r}."),
    N_("No such option: {name}"),
    N_("required"),
    N_("default: {default}"),
)


def language(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return `zh` or `en`: `--lang`, else COGROW_LANG, else the locale's, else English."""
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--lang":
            value = value or (arguments[position + 1] if position + 1 < len(arguments) else "")
            if value in LANGUAGES:
                return value
    for name in ("COGROW_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def speak(chosen: str) -> Translate:
    """Return the translate function of a language, and have click speak it too."""
    os.environ["LANGUAGE"] = chosen
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)
    return gettext.translation(DOMAIN, str(LOCALE), languages=[chosen], fallback=True).gettext
