"""The JSON renderer writes the same as that of REST framework."""

import json
from datetime import UTC, datetime

from rest_framework.renderers import JSONRenderer

from accounts.choices import Role
from common.rest.renderers import QuickJSON


def test_output_equals_that_of_rest_framework() -> None:
    answer = {
        "text": '한국어 \u2028 "quoted" </script>',
        "code": Role.ADMIN,
        "label": Role.ADMIN.label,
        "numbers": [1, -2.5, 1e-7, 2**60, True, None],
        "time": datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC),
        1: {"nested": ()},
    }
    assert json.loads(QuickJSON().render(answer)) == json.loads(JSONRenderer().render(answer))
    assert QuickJSON().render(None) == b""
    indented = QuickJSON().render(answer, "application/json; indent=2")
    assert indented.startswith(b'{\n  "text"')
