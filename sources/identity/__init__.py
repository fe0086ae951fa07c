"""Who is who: invitations, passwords, second factors, and people whom their university signs in."""
