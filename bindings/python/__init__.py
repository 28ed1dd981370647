"""The notebook of Kith: people, meetings, promises. Begin with `Notebook.open`."""

from .kith_model import *  # noqa: F403
from .kith_notebook import *  # noqa: F403
