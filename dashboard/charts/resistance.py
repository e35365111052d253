"""Resistance against the angle along the stretch, beside that of a healthy limb in the same movement."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.finding import ResistanceCurve
from dashboard.charts.movement import points
from dashboard.charts.palette import CATCH, HEALTHY, QUIET, colour_of_class

__all__ = ["resistance_chart"]

CLASS_NAMES = {"V1": "slow (V1)", "V2": "falling (V2)", "V3": "fast (V3)"}


def resistance_chart(
    curves: Sequence[ResistanceCurve | None], stretches: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Draw each stretch's resistance and its healthy counterpart; ``None`` where nothing was measured with force."""
    shown = [
        (curve, stretch)
        for curve, stretch in zip(curves, stretches, strict=True)
        if curve is not None and not stretch["quality"]
    ]
    if not shown:
        return None
    series = [line for curve, stretch in shown for line in _pair(curve, stretch)]
    series.append(_catches(shown))
    return {
        "animation": False,
        "grid": {"left": 36, "right": 20, "top": 36, "bottom": 34},
        "legend": {"top": 0, "left": 36, "itemHeight": 9, "itemWidth": 18},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.2f"},
        "xAxis": {
            "type": "value",
            "name": "angle along the stretch (°)",
            "nameLocation": "middle",
            "nameGap": 28,
            "nameTextStyle": {"color": QUIET},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "name": "resistance (N·m)",
            "nameLocation": "middle",
            "nameGap": 40,
            "nameTextStyle": {"color": QUIET},
            "splitNumber": 4,
        },
        "series": series,
    }


def _pair(curve: ResistanceCurve, stretch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Draw one stretch; stretches of one class share their name, and with it their place in the legend."""
    velocity = stretch["velocity"]
    return [
        _line(
            CLASS_NAMES.get(velocity, velocity),
            colour_of_class(velocity),
            points(curve.stretch_deg, curve.resistance_Nm),
        ),
        _line("healthy limb, same movement", HEALTHY, points(curve.stretch_deg, curve.healthy_Nm), dashed=True),
    ]


def _line(name: str, colour: str, data: list[list[float | None]], *, dashed: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "lineStyle": {"color": colour, "width": 1.5 if dashed else 2, "type": "dashed" if dashed else "solid"},
        "itemStyle": {"color": colour},
        "data": data,
    }


def _catches(shown: Sequence[tuple[ResistanceCurve, Mapping[str, Any]]]) -> dict[str, Any]:
    return {
        "name": "catch",
        "type": "scatter",
        "symbol": "diamond",
        "symbolSize": 13,
        "z": 5,
        "itemStyle": {"color": CATCH, "borderColor": "#FFFFFF", "borderWidth": 1.5},
        "data": [
            _nearest(curve, stretch["catch"]["stretch_deg"]) for curve, stretch in shown if stretch["catch"] is not None
        ],
    }


def _nearest(curve: ResistanceCurve, stretch_deg: float) -> list[float]:
    place = int(abs(curve.stretch_deg - stretch_deg).argmin())
    return [round(float(curve.stretch_deg[place]), 3), round(float(curve.resistance_Nm[place]), 3)]
