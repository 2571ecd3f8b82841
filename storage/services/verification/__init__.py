"""From stored files to a verdict, and to repaired copies."""
