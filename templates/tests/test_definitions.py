"""Definitions of a template: refused with what to correct, before anything is started with them."""

import pytest

from templates.services.validation.definitions import MAX_TEXT, definition_errors

SEPARATOR = "=" * 80
STATUS = "std_msgs/Header header\nMode mode\nstring<=10 name # of the robot\nuint8[] data\n"
MODE = "uint8 IDLE = 0\nuint8 value\n"


def details(definitions: object) -> list[tuple[str, str, str]]:
    return [(error.pointer, error.code, error.detail) for error in definition_errors(definitions)]


def test_types_in_a_text_or_beside_it_are_accepted() -> None:
    assert details({}) == []
    inner = f"{STATUS}{SEPARATOR}\nMSG: own_msgs/Mode\n{MODE}"
    assert details({"own_msgs/msg/Status": inner}) == []
    assert details({"own_msgs/msg/Status": STATUS, "own_msgs/msg/Mode": MODE}) == []
    assert details({"own_msgs/msg/Status": inner.replace("\n", "\r\n")}) == []


def test_a_type_that_is_missing_is_named() -> None:
    [(pointer, code, detail)] = details({"own_msgs/msg/Status": STATUS})
    assert pointer == "/definitions/own_msgs~1msg~1Status"
    assert code == "DEFINITION_INVALID"
    assert "own_msgs/msg/Mode is used in it and not defined" in detail


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{MODE}uint8 $x\n", "Correct line 3: uint8 $x"),
        (f"{MODE}{SEPARATOR}\nMSG: own_msgs/A\nfloat32 a\nfloat32\n", "Correct line 6: float32"),
        ("Mode mode\n", "own_msgs/msg/Mode contains itself"),
        ("wstring text\n", "fields of the type wstring"),
        ("  \n", "in 1 to 65536 characters"),
        ("#" * (MAX_TEXT + 1), "in 1 to 65536 characters"),
        (7, "in 1 to 65536 characters"),
        ("uint8 a # \0\n", "no ROS 2 message definition"),
        ("uint8 a # \ud800\n", "no ROS 2 message definition"),
    ],
)
def test_a_text_that_is_no_definition_says_where(text: object, reason: str) -> None:
    [(pointer, _code, detail)] = details({"own_msgs/msg/Mode": text})
    assert pointer == "/definitions/own_msgs~1msg~1Mode"
    assert reason in detail


@pytest.mark.parametrize("name", ["Status", "own msgs/msg/Status", "", "a" * 256 + "/msg/B"])
def test_a_name_that_is_no_type_is_refused(name: str) -> None:
    [(_pointer, code, _detail)] = details({name: MODE})
    assert code == "TYPE_NAME_INVALID"


@pytest.mark.parametrize(
    "definitions",
    [[], "text", {f"own_msgs/msg/A{number}": MODE for number in range(101)}],
)
def test_anything_else_is_refused_as_a_group(definitions: object) -> None:
    [(pointer, code, _detail)] = details(definitions)
    assert (pointer, code) == ("/definitions", "DEFINITIONS_INVALID")


def test_long_texts_are_refused_together() -> None:
    definitions = {f"own_msgs/msg/A{number}": "#" * MAX_TEXT for number in range(5)}
    [(pointer, code, _detail)] = details(definitions)
    assert (pointer, code) == ("/definitions", "DEFINITION_INVALID")
