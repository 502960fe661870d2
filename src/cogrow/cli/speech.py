"""The reader's language: which one, and gettext for our sentences and click's."""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cogrow.errors import N_, Message, Translate

LOCALE = Path(__file__).parent.parent / "locale"
DOMAIN = "cogrow"
LANGUAGES = ("zh", "en")


def ngettext(one: str, many: str) -> tuple[str, str]:
    """Mark a sentence with a singular and a plural; extraction knows it by this function's name."""
    return one, many


#: What click says by itself, so that it is in our catalogs; a test compares them with click's source.
OF_CLICK = (
    N_("[OPTIONS]"),
    N_("COMMAND [ARGS]..."),
    N_("Usage:"),
    N_("Options"),
    N_("Commands"),
    N_("default: {default}"),
    N_("required"),
    N_("Show this message and exit."),
    N_("Aborted!"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("Missing argument"),
    N_("Missing command."),
    N_("Missing option"),
    N_("Missing parameter"),
    N_("Missing parameter: {param_name}"),
    N_("Missing {param_type}"),
    N_("Choose from:\n\t{choices}"),
    N_("No such command {name!r}."),
    N_("No such option {name!r}."),
    N_("Option {name!r} does not take a value."),
    N_("{value!r} is not a valid {number_type}."),
    N_("{value} is not in the range {range}."),
    N_("directory"),
    N_("file"),
    N_("path"),
    N_("{name} {filename!r} does not exist."),
    N_("{name} {filename!r} is a directory."),
    N_("{name} {filename!r} is a file."),
    N_("{name} {filename!r} is not readable."),
    N_("{name} {filename!r} is not writable."),
)
OF_CLICK_COUNTED = (
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    ngettext("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    ngettext(
        "Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."
    ),
    ngettext("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    ngettext(
        "{value!r} does not match the format {format}.",
        "{value!r} does not match the formats {formats}.",
    ),
)


@dataclass(frozen=True, slots=True)
class Speech:
    """The reader's language, `zh` or `en`, and the function that puts a sentence into it."""

    language: str
    translate: Translate


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


def in_all_languages(said: Message) -> str:
    """Return a message in every language of the product, English first."""
    catalogs = (
        gettext.translation(DOMAIN, str(LOCALE), [name], fallback=True) for name in LANGUAGES
    )
    texts = dict.fromkeys(said.render(catalog.gettext) for catalog in catalogs)
    return " / ".join(reversed(texts))


def speak(chosen: str) -> Speech:
    """Return the speech of a language, and have click speak it too."""
    os.environ["LANGUAGE"] = chosen
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)
    catalog = gettext.translation(DOMAIN, str(LOCALE), languages=[chosen], fallback=True)
    return Speech(chosen, catalog.gettext)
