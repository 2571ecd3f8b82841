"""Background tasks of accounts."""

from django_tasks import task

from accounts.services import passwords


@task()
def send_reset(email: str) -> bool:
    """Mail a password reset link; False when there is no such active account."""
    return passwords.send_reset(email)
