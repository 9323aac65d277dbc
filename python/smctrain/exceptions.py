"""Every error smctrain raises on purpose.

One root, specific children. Errors about input derive from `ValueError` too, so that code written for scikit-learn
keeps working. Messages name the parameter or the file, symbol and row, what was expected, what was found, what to do.
"""

from __future__ import annotations


class SmctrainError(Exception):
    """Root of all errors raised on purpose."""


class InputError(SmctrainError, ValueError):
    """An argument or an array is not what the function needs."""


class BarError(InputError):
    """Bars of one symbol cannot be used; names file, symbol and row."""


class NotLoaded(InputError, KeyError):
    """A symbol or timeframe is not among the bars. Also a KeyError, so that `in` and `.get` work on bars."""

    def __str__(self) -> str:  # KeyError would quote the sentence
        return Exception.__str__(self)


class ConfigError(InputError):
    """One or more settings are wrong; lists all of them with file and line."""


class TooFewRows(InputError):
    """There are fewer rows than the operation needs; states both numbers."""


class TooFewColumns(InputError):
    """No usable column is left."""


class OneClass(InputError):
    """The labels hold a single class, so there is nothing to learn."""


class SplitLeak(SmctrainError, ValueError):
    """A training row's label overlaps a test row, or a split is otherwise dishonest.

    `code` names the fault, `rows` the first rows, `pair` a training row and the test row it collides with, if any.
    """

    def __init__(
        self,
        message: str,
        code: str = "overlap",
        rows: tuple[int, ...] = (),
        pair: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.rows = rows
        self.pair = pair


class FeatureLeak(SmctrainError, ValueError):
    """A feature column changes when later bars are added, or an outcome column was offered as a feature."""


class ArtifactError(SmctrainError, ValueError):
    """A model file or run folder is damaged, foreign, or from a newer version."""


class MissingDependency(SmctrainError, ImportError):
    """An optional package is not installed; names the exact command that installs it."""


class NativeLibraryError(SmctrainError, RuntimeError):
    """A library we drive through its C interface reported an error."""


class NotEnoughMemory(SmctrainError, MemoryError):
    """A fit would need more memory than there is; states both numbers and what to change."""


class TrainingFailed(SmctrainError, RuntimeError):
    """Nothing could be trained; lists why for each symbol."""
