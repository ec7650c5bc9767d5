"""Runs programs that a model wrote, so that they reach nothing and decide nothing.

`bubble.py` makes the walls, `host.py` is our side of them, `inside/` what stands within, `properties.py` the proof that
they hold. A program sits in a process of its own, in namespaces of its own; the tests sit in another; what the program
returns crosses as plain data and is compared by the tests' process, whose report alone is believed.
"""

from distill.verify.sandbox.host import Limits, Sandbox, Unavailable
from distill.verify.sandbox.properties import prove

__all__ = ["Limits", "Sandbox", "Unavailable", "prove"]
