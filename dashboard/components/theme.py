"""How the dashboard looks: a light theme, fonts of the machine, colours that colour-blind readers can tell apart."""

from types import MappingProxyType

from dashboard.charts.palette import AFTER, BEFORE, FAST, INK, R2, VELOCITY

__all__ = ["THEME"]

THEME = MappingProxyType(
    {
        "theme.base": "light",
        "theme.primaryColor": "#0F5C8C",
        "theme.backgroundColor": "#FFFFFF",
        "theme.secondaryBackgroundColor": "#F4F6F9",
        "theme.textColor": INK,
        "theme.borderColor": "#DDE3EA",
        "theme.linkColor": "#0F5C8C",
        "theme.baseRadius": "0.5rem",
        "theme.headingFontSizes": ["1.9rem", "1.35rem", "1.1rem"],
        "theme.headingFontWeights": [650, 600, 600],
        "theme.paddingTop": "1.5rem",
        "theme.paddingBottom": "3rem",
        "theme.metricValueFontSize": "1.6rem",
        "theme.showWidgetBorder": True,
        "theme.chartCategoricalColors": [AFTER, BEFORE, R2, FAST, VELOCITY],
    }
)
"""Streamlit options of the theme."""
