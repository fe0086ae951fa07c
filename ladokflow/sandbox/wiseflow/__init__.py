"""The sandbox's WISEflow: answers as the public API description (1.34.0) says, routes by area."""
