"""What cuts across apps: fixtures that all tests share."""
