"""What a model's probabilities are worth: reliability per part, a calibrator and a threshold from validation rows.

Both are reported, and no decision of the run uses them: predictions and trades stay those of the most probable class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.dataset import Dataset
from smctrain.exceptions import TooFewRows
from smctrain.metrics import (
    choose_threshold,
    classification_metrics,
    fit_calibrator,
    probabilities_ok,
    reliability_table,
)
from smctrain.training.parts import Parts, Rows


def calibration_record(data: Dataset, parts: Parts, proba: NDArray[np.float64]) -> dict[str, Any]:
    """`ModelResult.calibration`.

    Returns
    -------
    dict
        reliability and ece of validation and test rows; probabilities_ok (Brier score on test rows at most that of the
        training shares); calibrator: method, rows and their hash, Brier score on test rows before and after; threshold:
        of the target's probability, by mean outcome in R on validation rows, with the number of grid points tried.
        `note` where a part is missing.
    """
    answered = {name: _answered(proba, rows) for name, rows in (("validation", parts.validation), ("test", parts.test))}
    record: dict[str, Any] = {"reliability": {}, "ece": {}}
    for name, rows in answered.items():
        if len(rows) == 0:
            return {"note": f"no probabilities on {name} rows"}
        table = reliability_table(parts.y[rows], proba[rows], horizon=parts.horizon)
        record["reliability"][name], record["ece"][name] = table.records(), table.ece
    validation, test = answered["validation"], answered["test"]
    record["probabilities_ok"] = probabilities_ok(parts.y[test], proba[test], parts.y[parts.train])
    record["calibrator"] = _calibrator(parts, proba, validation, test)
    record["threshold"] = _threshold(data, parts, proba, validation)
    return record


def _answered(proba: NDArray[np.float64], rows: Rows) -> Rows:
    return rows[~np.isnan(proba[rows]).any(axis=1)]


def _calibrator(parts: Parts, proba: NDArray[np.float64], validation: Rows, test: Rows) -> dict[str, Any]:
    try:
        fitted = fit_calibrator(proba[validation], parts.y[validation], rows=validation)
    except TooFewRows as error:
        return {"note": str(error)}
    before = classification_metrics(parts.y[test], np.ascontiguousarray(proba[test]))
    after = classification_metrics(parts.y[test], fitted.apply(proba[test]))
    return {
        "method": fitted.name,
        "rows": fitted.n_rows_,
        "fit_rows_hash": fitted.fit_rows_hash_,
        "brier": before["brier"],
        "brier_calibrated": after["brier"],
        "ece_calibrated": after["ece"],
    }


def _threshold(data: Dataset, parts: Parts, proba: NDArray[np.float64], validation: Rows) -> dict[str, Any]:
    if max(parts.label_map.classes) <= 0:
        return {"note": "the labels have no trade to take"}
    chosen = choose_threshold(
        proba[validation, -1],
        r_net=data.r[validation],
        t0=data.t0[validation],
        t1=data.t1[validation],
        rows=validation,
    )
    return {
        "threshold": chosen.threshold,
        "objective": chosen.objective,
        "value": chosen.value,
        "trades": chosen.trades,
        "tried": chosen.n_configurations,
        "fit_rows_hash": chosen.fit_rows_hash_,
        "used": False,
    }
