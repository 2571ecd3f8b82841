"""The `docker` blocks of the install guide name what is in docker-compose.yml and the Dockerfile."""

import re

import pytest
from django.urls import resolve

from robotsim_project.environment import BASE_DIR
from tests.deployment import guide
from tests.deployment.test_compose import SERVICES

COMMANDS = guide.commands("docker")
DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
STAGES = re.findall(r"^FROM .* AS (\S+)$", DOCKERFILE, re.MULTILINE)
OURS = ("robot-sim-backend", "robot-sim-agent")
VALUED = {"--name", "--network", "-p", "-e", "-t", "--target", "-f", "--build-arg"}


def chosen(*start: str) -> list[list[str]]:
    """The commands that begin so, as words; those of `outside` blocks and of the text as well."""
    every = [*COMMANDS, *guide.commands("outside"), *guide.spans()]
    found = [guide.words(each) for each in every if each.startswith("docker ")]
    return [words for words in found if words[1 : 1 + len(start)] == list(start)]


def values(words: list[str], name: str) -> list[str]:
    return [words[index + 1] for index, word in enumerate(words) if word == name]


def operands(words: list[str]) -> list[str]:
    """Return the arguments of `docker VERB` without options."""
    found, skip = [], False
    for word in words[2:]:
        if not skip and not word.startswith("-"):
            found.append(word)
        skip = not skip and word in VALUED
    return found


def service_of(image: str) -> str:
    """The service of docker-compose.yml that runs this image, in whichever of its versions."""
    name, _colon, tag = image.partition(":")
    for service, ours in SERVICES.items():
        theirs, _colon, version = ours["image"].partition(":")
        if theirs == name and (name in OURS or version.startswith(tag)):
            return "backend" if name in OURS else service
    raise AssertionError(f"no service runs {image}")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_of_a_known_kind(command: str) -> None:
    kinds = "build|run|exec|network create|compose (up|ps|exec|down|restart)"
    assert re.match(rf"(docker ({kinds})|curl) ", f"{command} "), command


@pytest.mark.parametrize("words", chosen("build"), ids=" ".join)
def test_builds_make_images_of_ours_from_stages_that_there_are(words: list[str]) -> None:
    (tag,) = values(words, "-t")
    assert tag.partition(":")[0] in OURS
    target = guide.option(words, "--target") or STAGES[-1]
    assert target in STAGES
    assert (
        f'org.opencontainers.image.title="{tag.partition(":")[0]}"'
        in DOCKERFILE.partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    )
    assert guide.words(" ".join(words))[-1] == "."


def test_the_argument_of_the_build_is_one() -> None:
    (span,) = [span for span in guide.spans() if span.startswith("--build-arg ")]
    assert re.search(rf"^ARG {span.split()[1].partition('=')[0]}=", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize("words", chosen("run"), ids=" ".join)
def test_containers_are_those_of_compose(words: list[str]) -> None:
    image, *command = operands(words)
    service = SERVICES[service_of(image)]
    assert values(words, "--name") == [service["container_name"]]
    published = [port.partition(":")[2] for port in service["ports"]]
    assert values(words, "-p") == published
    assert set(values(words, "--network")) <= {created for (created,) in networks()}
    if command:
        assert " ".join(command[:2]) in service["command"]
    for variable in values(words, "-e"):
        assert variable.partition("=")[0] in service["environment"], variable


def networks() -> list[list[str]]:
    return [operands(words)[1:] for words in chosen("network", "create")]


def test_the_server_of_5_2_finds_the_containers_beside_it() -> None:
    runs = {values(words, "--name")[0]: words for words in chosen("run")}
    environment = dict(each.split("=", 1) for each in values(runs["robot-backend"], "-e"))
    database = dict(each.split("=", 1) for each in values(runs["robot-postgres"], "-e"))
    keys = dict(each.split("=", 1) for each in values(runs["robot-minio"], "-e"))
    assert environment["DATABASE_URL"] == (
        f"postgresql+asyncpg://postgres:{database['POSTGRES_PASSWORD']}@robot-postgres:5432/"
        f"{database['POSTGRES_DB']}"
    )
    assert environment["REDIS_URL"].startswith("redis://robot-redis:6379/")
    assert environment["MINIO_ENDPOINT"] == "robot-minio:9000"
    assert environment["MINIO_ACCESS_KEY"] == keys["MINIO_ROOT_USER"]
    assert environment["MINIO_SECRET_KEY"] == keys["MINIO_ROOT_PASSWORD"]


def test_commands_go_to_containers_and_services_that_there_are() -> None:
    names = {each.get("container_name") for each in SERVICES.values()}
    for words in chosen("rm"):
        assert set(operands(words)) <= names
    for words in chosen("exec"):
        assert operands(words)[0] in names
    for words in [*chosen("compose", "exec"), *chosen("compose", "restart")]:
        assert words[3] in SERVICES
    for words in [*chosen("exec"), *chosen("compose", "exec")]:
        if "manage.py" in words:
            name = words[words.index("manage.py") + 1]
            assert list(BASE_DIR.glob(f"*/management/commands/{name}.py")), name


def test_addresses_are_addresses() -> None:
    asked = [
        guide.words(each)[1]
        for each in [*COMMANDS, *guide.commands("outside")]
        if "/health/" in each
    ]
    ours = [address for address in asked if ":8000" in address]
    assert ours
    for address in ours:
        assert resolve(address.partition(":8000")[2])


def test_what_env_may_replace_is_read_by_compose() -> None:
    text = (BASE_DIR / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"):
        assert name in guide.spans()
        assert f"${{{name}:-" in text
