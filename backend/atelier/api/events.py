"""Server-sent events: one stream for all that a browser tab follows."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from atelier.api.deps import ServicesDep
from atelier.api.hub import Hub, Topics
from atelier.api.problems import problems
from atelier.errors import Invalid

router = APIRouter(tags=["events"])

LastEventId = Annotated[str | None, Header(description="Id of the last event received; what was missed since comes first.")]

EVENTS = """Events are `job` (the job as it stands, as `GET /training-runs/{id}` gives it), `metrics` (`{"job", "step", "values"}`)
and `preview` (`{"job", "step", "url"}`). Without `Last-Event-ID` the stream begins with the state of the jobs it is about."""


async def stream(hub: Hub, topics: Topics, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    # Whatever is no id of ours is as good as none: the stream then begins with the state of things.
    last = int(last_event_id) if last_event_id and re.fullmatch(r"\d{1,18}", last_event_id) else None
    async for message in hub.follow(topics, last):
        yield ServerSentEvent(data=message.data, event=message.type, id=None if message.id is None else str(message.id))


def _topics(
    topics: Annotated[str, Query(max_length=2000, description="What to follow, separated by commas.", examples=["jobs,job:7"])],
) -> Topics:
    names = set(topics.split(","))
    for name in names:
        if not re.fullmatch(r"jobs|job:\d{1,18}", name):
            raise Invalid.at("/topics", f"{name!r} is no topic; a topic is `jobs` or `job:` and the number of a job")
    return Topics("jobs" in names, frozenset(int(name.removeprefix("job:")) for name in names - {"jobs"}))


@router.get("/events", operation_id="follow_events", response_class=EventSourceResponse, description=EVENTS, responses=problems(422))
async def follow_events(
    services: ServicesDep, topics: Annotated[Topics, Depends(_topics)], last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Follow jobs."""
    async for event in stream(services.hub, topics, last_event_id):
        yield event
