"""From what a user passes to the matrix the core takes: one visible conversion, one outcome per error."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, TooFewColumns, TooFewRows

_LARGEST_EXACT_INTEGER = 2**53
_NOT_A_NUMBER = (str, bytes, type(None), dt.date, dt.time, np.datetime64)


