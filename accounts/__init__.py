"""Users, roles, sign-in, API tokens, audit, idempotency keys."""
