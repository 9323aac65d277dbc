"""One template environment: autoescape for HTML, strict about undefined names, Markdown cells escaped."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def percent(value: float | None, digits: int = 1) -> str:
    """61.2 %, or a dash where there is no value."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Fixed decimals, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"


def markdown_cell(value: Any) -> str:
    """Text that cannot leave its table cell or start a link, tag or code span."""
    text = re.sub(r"[\x00-\x1f\x7f‎‏‪-‮⁦-⁩]", " ", str(value))
    return re.sub(r"([\\|`\[\]<>*_])", r"\\\1", text)


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
    )
    environment.filters |= {"percent": percent, "number": number}
    # In Markdown every value from data passes this filter; HTML escapes by itself.
    environment.filters["cell"] = str if html else markdown_cell
    return environment


def render(template: str, context: dict[str, Any]) -> str:
    """Fill a template of this package."""
    return _environment(".html." in template).get_template(template).render(context)
