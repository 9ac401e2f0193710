"""`fusion optimize`: a search for the panels, judges and writers that no other beats on score and cost."""
