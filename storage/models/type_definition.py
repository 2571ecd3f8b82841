"""Definitions of message types, shared by all rosbags that embed the same."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TypeDefinition(models.Model):
    """A message type as rosbags define it, with what publishers of it must know.

    `digest` identifies type, text, and the distribution whose types complete it: rosbags share rows, which
    stay when these are deleted. `type_hash` is empty and `layout` null where the text cannot be used; the
    layout is that of `rosbag2.messages.layouts`, empty for types without a header.
    """

    digest = models.CharField(_("digest"), max_length=64, unique=True)
    name = models.TextField(_("type"))
    encoding = models.CharField(_("encoding"), max_length=16)
    text = models.TextField(_("definition"))
    type_hash = models.CharField(_("type hash"), max_length=80, blank=True, default="")
    layout = models.JSONField(_("layout"), null=True, blank=True)

    class Meta:
        verbose_name = _("message type")
        verbose_name_plural = _("message types")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
