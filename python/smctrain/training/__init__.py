"""The river: trains every family on every symbol and decides what may be deployed.

Reports are not made here; `smctrain.job.train` runs this room and then the reports.
"""

from __future__ import annotations
