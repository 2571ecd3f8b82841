"""Background tasks of accounts."""

from django_tasks import task

from accounts.services import passwords


@task()
def send_reset(account: int | str | None) -> None:
    """Mail a password reset link to an account, given by its id, or by its address as older versions did.

    None is an address without an account.
    """
    key = passwords.find_account(account) if isinstance(account, str) else account
    if key is not None:
        passwords.send_reset(key)
