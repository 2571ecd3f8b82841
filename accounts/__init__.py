"""People and programs: users, roles, sign-in, idempotency keys."""
