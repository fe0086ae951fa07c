"""LadokFlow: flows out of Ladok into WISEflow, and grades back."""

__version__ = "0.1.0.dev0"
