"""Systems under test."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agent.protocol import SECRET_NAME, Link
from simulations.choices import Attachment, Discovery, Transport, ZenohMode

LOCATOR = re.compile(r"(tcp|udp|tls|quic|ws)/(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
MAX_PORT = 65535
ADDRESS = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
)
"""A host, perhaps with a port."""
MAX_ADDRESSES = 32
MAX_ADDRESS = 260
LINK_FIELDS = (
    "transport",
    "endpoint",
    "discovery",
    "domain_id",
    "addresses",
    "zenoh_mode",
    "attachment",
    "secret",
)
PLACEMENT_FIELDS = ("node_selector", "tolerations")


def check_endpoint(value: str) -> None:
    """Check that a value is a Zenoh locator, such as `tcp/192.0.2.7:7447`.

    Raises:
        ValidationError: it is not.
    """
    match = LOCATOR.fullmatch(value)
    if match is None or not 0 < int(match[3]) <= MAX_PORT:
        raise ValidationError(
            _("Write protocol, host and port, such as tcp/192.0.2.7:7447; or leave it empty."),
            code="endpoint_invalid",
        )


def check_addresses(value: Any) -> None:
    """Check that a value is a list of hosts, each perhaps with a port.

    Raises:
        ValidationError: it is not.
    """
    if not isinstance(value, list) or len(value) > MAX_ADDRESSES:
        raise ValidationError(
            _("Write at most %(most)d addresses.") % {"most": MAX_ADDRESSES},
            code="addresses_invalid",
        )
    for address in value:
        if not isinstance(address, str) or not ADDRESS.fullmatch(address):
            raise ValidationError(
                _(
                    "“%(address)s” is not an address: write a host, or host and port such as "
                    "192.0.2.7:11811."
                ),
                code="addresses_invalid",
                params={"address": str(address)[:MAX_ADDRESS]},
            )


def check_secret(value: str) -> None:
    """Check that a value is the name of a Secret, which is no path.

    Raises:
        ValidationError: it is not.
    """
    if not re.fullmatch(SECRET_NAME, value):
        raise ValidationError(
            _(
                "Write the name of a Secret, such as site-7: small letters, digits, - and ., no path."
            ),
            code="secret_invalid",
        )


class Mec(models.Model):
    """A system under test: a multi-access edge computing site, or any ROS 2 network."""

    slug = models.SlugField(_("slug"), max_length=100, unique=True)
    name = models.CharField(_("name"), max_length=200)
    transport = models.CharField(
        _("transport"), max_length=20, choices=Transport, default=Transport.NULL
    )
    endpoint = models.CharField(
        _("endpoint"),
        max_length=300,
        blank=True,
        default="",
        validators=[check_endpoint],
        help_text=_(
            "Of the Zenoh router, such as tcp/192.0.2.7:7447; empty: peers are discovered."
        ),
    )
    discovery = models.CharField(
        _("discovery"),
        max_length=20,
        choices=Discovery,
        default=Discovery.NONE,
        help_text=_(
            "How agents find others without an endpoint; multicast reaches the local network."
        ),
    )
    domain_id = models.PositiveSmallIntegerField(
        _("ROS domain id"), default=0, validators=[MaxValueValidator(232)]
    )
    addresses = models.JSONField(
        _("addresses"),
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        validators=[check_addresses],
        help_text=_(
            "Of ROS 2: hosts of static peers, or discovery servers as host:port; "
            "such as 192.0.2.7 or 192.0.2.7:11811."
        ),
    )
    zenoh_mode = models.CharField(
        _("Zenoh mode"),
        max_length=10,
        choices=ZenohMode,
        default=ZenohMode.CLIENT,
        db_default=ZenohMode.CLIENT,
        help_text=_("Of the agents towards the endpoint."),
    )
    attachment = models.CharField(
        _("version of rmw_zenoh"),
        max_length=10,
        choices=Attachment,
        default=Attachment.BINARY,
        db_default=Attachment.BINARY,
        help_text=_("In the system under test; before 0.2.4 messages had another attachment."),
    )
    secret = models.CharField(
        _("secret"),
        max_length=253,
        blank=True,
        default="",
        db_default="",
        validators=[check_secret],
        help_text=_(
            "Name of the Secret of the cluster, or of the folder under MEC_SECRETS_DIR, that holds "
            "ca.crt, tls.crt, tls.key, username and password; only the name is stored here."
        ),
    )
    node_selector = models.JSONField(
        _("node selector"),
        default=dict,
        blank=True,
        help_text=_('Labels of the nodes that its units run on, such as {"site": "north"}.'),
    )
    tolerations = models.JSONField(
        _("tolerations"),
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text=_(
            "Taints of nodes on which its units may run all the same, such as "
            '[{"key": "robots", "operator": "Exists", "effect": "NoSchedule"}].'
        ),
    )
    enabled = models.BooleanField(
        _("enabled"),
        default=True,
        help_text=_("Nothing is started or tested on a disabled one."),
    )
    last_test = models.JSONField[dict[str, Any] | None](
        _("last test"), null=True, default=None, editable=False
    )
    """A `ProbeResult` of the present link and placement; None after these were changed."""
    last_tested_at = models.DateTimeField(_("last tested at"), null=True, editable=False)
    last_tested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("last tested by"),
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("system under test")
        verbose_name_plural = _("systems under test")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(domain_id__lte=232), name="simulations_mec_domain_id"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def link(self) -> Link:
        """How agents reach it."""
        values = {name: getattr(self, name) for name in LINK_FIELDS}
        return Link(**values | {"addresses": tuple(self.addresses)})
