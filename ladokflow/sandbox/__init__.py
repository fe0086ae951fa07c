"""Four systems simulated over real HTTP, with state: Ladok at LiU, ÖrU and Borås, and WISEflow. For the demo and the tests."""
