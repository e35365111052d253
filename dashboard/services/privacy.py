"""Settings of the page server that keep everything on the machine."""

from types import MappingProxyType

__all__ = ["PRIVACY"]

PRIVACY = MappingProxyType(
    {
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "server.enableAgentApi": False,
        "server.enableStaticServing": False,
        "server.fileWatcherType": "none",
        "server.headless": True,
        "server.showEmailPrompt": False,
    }
)
"""Streamlit options: no usage statistics, no offers of help by web search, no watching of files, no agent interface."""
