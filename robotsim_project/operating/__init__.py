"""How processes live: what they stand on and wait for, health, draining, controller, worker."""
