"""Settings of the installation that units and their manifests depend on."""

from django.conf import settings

from simulations.backends.kubernetes.pods import Site


def site() -> Site:
    """Return what the installation adds to each unit."""
    return Site(
        pull_policy=settings.AGENT_IMAGE_PULL_POLICY,
        queue=settings.AGENT_QUEUE,
        disk_mib=settings.AGENT_DISK_MIB,
        upload_seconds=settings.UPLOAD_LIMIT_SECONDS,
    )


def server_address() -> str:
    """Return the base address of the API for units, which is also the name of the installation."""
    return f"{settings.SERVER_URL}{settings.API_STR}"
