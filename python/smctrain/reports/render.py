"""One template environment: autoescape for HTML, strict about undefined names, Markdown cells escaped."""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


NO_VALUE = "\u2013"
# Control characters, line separators, and the marks that turn the reading direction.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def percent(value: float | None, digits: int = 1) -> str:
    """61.2 %, or a dash where there is no value."""
    return NO_VALUE if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Fixed decimals, or a dash."""
    return NO_VALUE if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def visible(value: Any) -> str:
    """Text on one line without characters that hide or turn other text."""
    return _INVISIBLE.sub(" ", str(value))


def points(value: float | None) -> str:
    """A signed lead in points, or a dash."""
    return NO_VALUE if value is None or not math.isfinite(value) else f"{100 * value:+.1f}"


def markdown_cell(value: Any) -> str:
    """Text that cannot leave its table cell or start a link, tag or code span."""
    return re.sub(r"([\\|`\[\]<>*_~])", r"\\\1", visible(value))


@functools.cache
def _environment(html: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("smctrain.reports"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Markup (our own figures) stays as it is; all other text is made visible before it is escaped.
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters |= {"percent": percent, "number": number, "points": points}
    # In Markdown every value from data passes this filter; HTML escapes by itself.
    environment.filters["cell"] = str if html else markdown_cell
    return environment


def render(template: str, context: dict[str, Any]) -> str:
    """Fill a template of this package."""
    return _environment(".html." in template).get_template(template).render(context)
