"""LadokFlow: flows out of Ladok into WISEflow, and grades back."""

__version__ = "0.2.0.dev0"
