"""Angle and velocity of one recording over time, with its stretches, catches, R1 and R2."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.model import FloatArray
from dashboard.charts.palette import ANGLE, CATCH, QUIET, R1, R2, VELOCITY, band_of, colour_of_class
from dashboard.services.wording import degrees
from records.rows import AssessedSeries

__all__ = ["MOST_POINTS", "movement_chart", "points"]

_ANGLE = "angle (°)"
_VELOCITY = "velocity (°/s)"
_CATCH = "catch (°)"
MOST_POINTS = 8000
"""Samples that a browser draws without delay; a longer recording is thinned evenly."""


def points(x: FloatArray, y: FloatArray, *, digits: int = 3) -> list[list[float | None]]:
    """Return pairs for a line, thinned evenly to `MOST_POINTS`; a value that was not observed is a gap."""
    step = max(1, -(-x.size // MOST_POINTS))
    return [
        [round(float(one), 4), round(float(other), digits) if np.isfinite(other) else None]
        for one, other in zip(x[::step], y[::step], strict=True)
    ]


def movement_chart(series: AssessedSeries, finding: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the angle above the velocity on one time axis."""
    stretches: Sequence[Mapping[str, Any]] = finding["stretches"]
    return {
        "animation": False,
        "grid": [
            {"left": 36, "right": 76, "top": 52, "height": 226},
            {"left": 36, "right": 76, "top": 312, "height": 110},
        ],
        "xAxis": [_time_axis(0, labelled=False), _time_axis(1, labelled=True)],
        "yAxis": [_value_axis(0, _ANGLE), _value_axis(1, _VELOCITY)],
        "axisPointer": {"link": [{"xAxisIndex": [0, 1]}], "lineStyle": {"color": QUIET}},
        "legend": {"top": 0, "left": 36, "data": [_ANGLE, _CATCH, _VELOCITY], "itemHeight": 9, "itemWidth": 18},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.1f"},
        "dataZoom": [
            {"type": "slider", "xAxisIndex": [0, 1], "bottom": 8, "height": 20, "filterMode": "none"},
            {"type": "inside", "xAxisIndex": [0, 1], "filterMode": "none", "zoomOnMouseWheel": "ctrl"},
        ],
        "series": [
            *_uncertainty(series),
            _angle_line(series, stretches, finding["tardieu"]),
            _catches(stretches),
            {
                "name": _VELOCITY,
                "type": "line",
                "xAxisIndex": 1,
                "yAxisIndex": 1,
                "showSymbol": False,
                "lineStyle": {"color": VELOCITY, "width": 1.5},
                "itemStyle": {"color": VELOCITY},
                "data": points(series.time_s, series.velocity_deg_s, digits=1),
                "markArea": _bands(stretches, labelled=False),
            },
        ],
    }


def _time_axis(grid: int, *, labelled: bool) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": grid,
        "min": "dataMin",
        "max": "dataMax",
        "name": "time (s)" if labelled else "",
        "nameLocation": "middle",
        "nameGap": 26,
        "nameTextStyle": {"color": QUIET},
        "axisLabel": {"show": labelled, "hideOverlap": True, "showMaxLabel": False},
        "splitLine": {"show": False},
    }


def _value_axis(grid: int, name: str) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": grid,
        "name": name,
        "nameLocation": "middle",
        "nameGap": 44,
        "nameTextStyle": {"color": QUIET},
        "scale": True,
        "splitNumber": 4,
    }


def _uncertainty(series: AssessedSeries) -> list[dict[str, Any]]:
    """Draw the band of one standard deviation where the source gives one."""
    if not np.isfinite(series.sd_deg).any():
        return []
    hidden = {"type": "line", "showSymbol": False, "lineStyle": {"width": 0}, "stack": "sd", "silent": True}
    quiet = {"tooltip": {"show": False}, "stackStrategy": "all"}
    return [
        hidden | quiet | {"name": "−1 SD", "data": points(series.time_s, series.angle_deg - series.sd_deg)},
        hidden
        | quiet
        | {
            "name": "±1 SD",
            "data": points(series.time_s, 2 * series.sd_deg),
            "areaStyle": {"color": ANGLE, "opacity": 0.15},
        },
    ]


def _angle_line(
    series: AssessedSeries, stretches: Sequence[Mapping[str, Any]], tardieu: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": _ANGLE,
        "type": "line",
        "showSymbol": False,
        "lineStyle": {"color": ANGLE, "width": 2},
        "itemStyle": {"color": ANGLE},
        "data": points(series.time_s, series.angle_deg),
        "markArea": _bands(stretches, labelled=True),
        "markLine": {
            "symbol": "none",
            "silent": True,
            "data": [
                {
                    "yAxis": value,
                    "lineStyle": {"color": colour, "type": "dashed", "width": 1.5},
                    "label": {
                        "formatter": f"{name} {degrees(value)}",
                        "color": colour,
                        "position": "end",
                        "verticalAlign": align,
                    },
                }
                for name, value, colour, align in _levels(tardieu)
            ],
        },
    }


def _levels(tardieu: Mapping[str, Any]) -> list[tuple[str, float, str, str]]:
    """Return R1 and R2 with their colours, the upper one's label above its line and the lower one's below."""
    known = [(name, tardieu[key], colour) for name, key, colour in (("R1", "r1_deg", R1), ("R2", "r2_deg", R2))]
    levels = sorted((level for level in known if level[1] is not None), key=lambda level: level[1])
    sides = ("middle",) if len(levels) == 1 else ("top", "bottom")
    return [(*level, side) for level, side in zip(levels, sides, strict=False)]


def _bands(stretches: Sequence[Mapping[str, Any]], *, labelled: bool) -> dict[str, Any]:
    return {
        "silent": True,
        "data": [
            [
                {
                    "xAxis": stretch["start_s"],
                    "name": f"{number} · {stretch['velocity']}" if labelled else "",
                    "itemStyle": {"color": band_of(_colour(stretch))},
                    "label": {"show": labelled, "color": _colour(stretch), "position": "top"},
                },
                {"xAxis": stretch["end_s"]},
            ]
            for number, stretch in enumerate(stretches, start=1)
        ],
    }


def _colour(stretch: Mapping[str, Any]) -> str:
    return colour_of_class(stretch["velocity"], left_out=bool(stretch["quality"]))


def _catches(stretches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "name": _CATCH,
        "type": "scatter",
        "symbol": "diamond",
        "symbolSize": 13,
        "z": 5,
        "itemStyle": {"color": CATCH, "borderColor": "#FFFFFF", "borderWidth": 1.5},
        "data": [
            [stretch["catch"]["time_s"], round(stretch["catch"]["angle_deg"], 2)]
            for stretch in stretches
            if stretch["catch"] is not None
        ],
    }
