"""Each patient as a line from before to after."""

from collections.abc import Sequence
from typing import Any

from dashboard.charts.palette import AFTER, BEFORE, INK, QUIET

__all__ = ["slope_chart"]

_LINE = "#9AA8B8"


def slope_chart(
    pairs: Sequence[tuple[str, float, float]], *, before: str, after: str, ticks: Sequence[str] | None = None
) -> dict[str, Any]:
    """Draw one line per patient.

    Parameters
    ----------
    pairs
        Code of the patient, value before, value after.
    before, after
        What the two columns are called.
    ticks
        Labels of an ordered scale whose ranks are the values; ``None`` for a measured quantity.
    """
    value_axis: dict[str, Any] = {"type": "value", "splitNumber": 4}
    if ticks is not None:
        value_axis = {"type": "category", "data": list(ticks), "boundaryGap": False, "splitLine": {"show": True}}
    return {
        "animation": False,
        "grid": {"left": 10, "right": 40, "top": 12, "bottom": 8},
        "tooltip": {"trigger": "item", "formatter": "{a}, {b}: {@[1]}"},
        "xAxis": {
            "type": "category",
            "data": [before, after],
            "axisTick": {"show": False},
            "axisLabel": {"fontWeight": "bold", "color": INK},
        },
        "yAxis": value_axis,
        "series": [
            {
                "name": code,
                "type": "line",
                "symbol": "circle",
                "symbolSize": 9,
                "lineStyle": {"color": _LINE, "width": 1.5},
                "endLabel": {"show": True, "formatter": "{a}", "color": QUIET, "fontSize": 11},
                "labelLayout": {"moveOverlap": "shiftY"},
                "data": [
                    {"value": [before, _shown(first, ticks)], "itemStyle": {"color": BEFORE}},
                    {"value": [after, _shown(last, ticks)], "itemStyle": {"color": AFTER}},
                ],
            }
            for code, first, last in pairs
        ],
    }


def _shown(value: float, ticks: Sequence[str] | None) -> float | str:
    return round(value, 3) if ticks is None else ticks[round(value)]
