"""What schemathesis does not know by itself: how JSON lines are sent."""

import schemathesis


@schemathesis.serializer("application/jsonl", "application/x-ndjson")
def lines(_context, value):
    return {"data": value.encode("utf-8", "surrogatepass") if isinstance(value, str) else repr(value).encode()}
