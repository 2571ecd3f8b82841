"""What accounts do in the background."""

from django_tasks import task

from accounts.services import passwords


@task()
def send_reset(email: str) -> bool:
    """Mail a link by which a password is set; False when there is no such active account."""
    return passwords.send_reset(email)
