"""Finds plugins, loads them one by one, collects what they bring, and notes what fails."""

from harness.plugins.collection import Plugins
from harness.plugins.loading import load_plugins
from harness.plugins.registry import Failure, Plugin

__all__ = ["Failure", "Plugin", "Plugins", "load_plugins"]
