"""Serializers of the checks before a start."""

from typing import Any

from rest_framework import serializers

from simulations.choices import CheckStatus, PreflightCheck


class SubjectSerializer(serializers.Serializer[Any]):
    """The thing to look at or to change."""

    kind = serializers.ChoiceField(choices=["simulation", "mec", "template", "rosbag"])
    id = serializers.IntegerField(source="pk")


class CheckSerializer(serializers.Serializer[Any]):
    """Result of one check; `text` says what to do, in the language of the request.

    `code` is the reason: that of a refused start, of the test of a mec, or of the check itself. `stage` is
    the position of the stage that it is about. `values` has the figures of the text: bytes, cores, messages
    a second.
    """

    check = serializers.ChoiceField(choices=PreflightCheck.choices)
    status = serializers.ChoiceField(choices=CheckStatus.choices)
    code = serializers.CharField()
    text = serializers.CharField()
    subject = SubjectSerializer(allow_null=True)
    stage = serializers.IntegerField(allow_null=True)
    values = serializers.DictField()


class PreflightSerializer(serializers.Serializer[Any]):
    """All checks of a simulation; `ok` unless one of them found an error."""

    ok = serializers.BooleanField()
    checks = CheckSerializer(many=True)
