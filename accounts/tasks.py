"""What accounts do in the background."""

from django_tasks import task

from accounts.services import passwords


@task()
def send_reset(email: str) -> bool:
    """Mail a password reset; in the background, so that the time of the answer tells nothing."""
    return passwords.send_reset(email)
