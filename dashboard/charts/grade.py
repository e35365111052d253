"""The grade as a bar of probabilities, with the set that holds 90 %."""

from collections.abc import Mapping
from typing import Any

from dashboard.charts.palette import ANGLE, QUIET

__all__ = ["grade_chart"]

_OUTSIDE = "#C9D3DE"


def grade_chart(mas: Mapping[str, Any], *, colour: str = ANGLE) -> dict[str, Any]:
    """Draw the probability of each grade; the grades of the 90 % set are in colour, the others pale."""
    labels = list(mas["probabilities"])
    return {
        "animation": False,
        "grid": {"left": 34, "right": 12, "top": 24, "bottom": 40},
        "xAxis": {
            "type": "category",
            "data": labels,
            "name": "modified Ashworth grade",
            "nameLocation": "middle",
            "nameGap": 26,
            "nameTextStyle": {"color": QUIET},
            "axisTick": {"show": False},
        },
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"show": False}, "splitNumber": 4},
        "tooltip": {"trigger": "item", "formatter": "grade {b}: {c} %"},
        "series": [
            {
                "type": "bar",
                "barWidth": "62%",
                "data": [
                    {
                        "value": round(100 * mas["probabilities"][label], 1),
                        "itemStyle": {
                            "color": colour if label in mas["set90"] else _OUTSIDE,
                            "borderRadius": [4, 4, 0, 0],
                        },
                    }
                    for label in labels
                ],
                "label": {"show": True, "position": "top", "formatter": "{c} %", "color": QUIET},
            }
        ],
    }
