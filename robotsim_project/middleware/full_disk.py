"""A full temporary folder under ASGI, where Django spools the body of a request before it calls a view."""

from common import outages
from robotsim_project.middleware.asgi_types import App, Message, Receive, Scope, Send


def full_disk(inner: App) -> App:
    """Wrap an application: answer 503 when the disk for the body is full, and pass on all other errors."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await inner(scope, receive, noted)
        except OSError as error:
            problem = None if has_begun else outages.problem_for(error)
            if problem is None:
                raise
            answer = problem.response()
            headers = [(name.encode(), value.encode()) for name, value in answer.items()]
            await send(
                {
                    "type": "http.response.start",
                    "status": answer.status_code,
                    "headers": [*headers, (b"connection", b"close")],
                }
            )
            await send({"type": "http.response.body", "body": answer.content})

    return application
