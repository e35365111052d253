"""Resistance against the angle along the stretch, beside that of a healthy limb in the same movement."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.finding import ResistanceCurve
from dashboard.charts.movement import points
from dashboard.charts.palette import CATCH, HEALTHY, INK, QUIET, colour_of_class

__all__ = ["resistance_chart"]


def resistance_chart(
    curves: Sequence[ResistanceCurve | None], stretches: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Draw each stretch's resistance and its healthy counterpart; ``None`` where nothing was measured with force."""
    series: list[dict[str, Any]] = []
    for number, (curve, stretch) in enumerate(zip(curves, stretches, strict=True), start=1):
        if curve is None or stretch["quality"]:
            continue
        series += _pair(f"{number} · {stretch['velocity']}", curve, stretch)
    if not series:
        return None
    return {
        "animation": False,
        "grid": {"left": 58, "right": 24, "top": 44, "bottom": 46},
        "legend": {"top": 0, "icon": "roundRect", "itemHeight": 3, "itemWidth": 18},
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


def _pair(name: str, curve: ResistanceCurve, stretch: Mapping[str, Any]) -> list[dict[str, Any]]:
    colour = colour_of_class(stretch["velocity"])
    measured: dict[str, Any] = {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "lineStyle": {"color": colour, "width": 2},
        "itemStyle": {"color": colour},
        "data": points(curve.stretch_deg, curve.resistance_Nm),
    }
    if stretch["catch"] is not None:
        measured["markPoint"] = {
            "symbol": "diamond",
            "symbolSize": 12,
            "itemStyle": {"color": CATCH, "borderColor": "#FFFFFF", "borderWidth": 1.5},
            "label": {"formatter": "catch", "position": "top", "color": INK, "fontWeight": "bold"},
            "data": [{"coord": _nearest(curve, stretch["catch"]["stretch_deg"])}],
        }
    healthy: dict[str, Any] = {
        "name": f"healthy limb, {name}",
        "type": "line",
        "showSymbol": False,
        "lineStyle": {"color": HEALTHY, "width": 1.5, "type": "dashed"},
        "itemStyle": {"color": HEALTHY},
        "data": points(curve.stretch_deg, curve.healthy_Nm),
    }
    return [measured, healthy]


def _nearest(curve: ResistanceCurve, stretch_deg: float) -> list[float]:
    place = int(abs(curve.stretch_deg - stretch_deg).argmin())
    return [round(float(curve.stretch_deg[place]), 3), round(float(curve.resistance_Nm[place]), 3)]
