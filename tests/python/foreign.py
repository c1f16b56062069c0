"""A contact-centre platform as somebody else would write it: pika and JSON, nothing of Picket's."""

import datetime
import json
import sys
import time
import uuid

import pika

PATIENCE = 30.0


class Platform:
    """One connection that publishes with confirms, and a queue of its own bound to everything Picket says."""

    def __init__(self, url, source, domain):
        self.source, self.domain = source, domain
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.feed = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(self.feed, "picket.out", domain + ".#")
        self.answers = self.channel.queue_declare("", exclusive=True).method.queue
        self.seen = []

    def close(self):
        self.connection.close()

    def send(self, kind, data, event_id=None, answered=False, exchange="picket.in"):
        """Publishes one event in structured mode; returns its id once the broker has confirmed it."""
        event_id = event_id or str(uuid.uuid4())
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": self.source,
            "type": f"picket.{kind}.v1",
            "time": now(),
            "data": data,
        }
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json",
            delivery_mode=2,
            message_id=event_id,
            reply_to=self.answers if answered else None,
            correlation_id=event_id,
        )
        self.channel.basic_publish(
            exchange, f"{self.domain}.{kind}", json.dumps(event).encode(), properties, mandatory=True
        )
        return event_id

    def send_binary(self, kind, data):
        """The same in binary mode: the attributes are headers, the body is the data alone."""
        event_id = str(uuid.uuid4())
        headers = {
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-source": self.source,
            "ce-type": f"picket.{kind}.v1",
            "ce-time": now(),
        }
        properties = pika.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=event_id, headers=headers
        )
        self.channel.basic_publish(
            "picket.in", f"{self.domain}.{kind}", json.dumps(data).encode(), properties, mandatory=True
        )
        return event_id

    def answer(self):
        """What became of the event sent with `answered`."""
        return json.loads(self._next(self.answers, "an answer")[2])

    def expect(self, kind, **wanted):
        """Reads the feed until an output of this type carries these values; returns it."""
        until = time.monotonic() + PATIENCE
        wanted_type = f"picket.{kind}.v1"
        while time.monotonic() < until:
            method, properties, body = self._next(self.feed, f"{kind} {wanted}")
            event = json.loads(body)
            self._hold_to_the_envelope(event, method, properties)
            self.seen.append(event)
            if event["type"] == wanted_type and all(event["data"].get(k) == v for k, v in wanted.items()):
                return event
        raise AssertionError(f"{kind} {wanted} did not come; came: {self.kinds()}")

    def kinds(self, contact=None):
        """The short types of what was read so far, in order."""
        return [
            e["type"].removeprefix("picket.").removesuffix(".v1")
            for e in self.seen
            if contact is None or e["data"].get("contact") == contact
        ]

    def hold_to_the_order(self, contact):
        """A contact's own numbers begin at 1 and have no gap."""
        numbers = [e["data"]["seq"] for e in self.seen if e["data"].get("contact") == contact]
        check(numbers == list(range(1, len(numbers) + 1)), f"the numbers of {contact} are {numbers}")

    def _next(self, queue, what):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
            if method is not None:
                return method, properties, body
            self.connection.process_data_events(time_limit=0.02)
        raise AssertionError(f"{what} did not come within {PATIENCE:.0f} s; came: {self.kinds()}")

    def _hold_to_the_envelope(self, event, method, properties):
        check(properties.content_type.startswith("application/cloudevents+json"), properties.content_type)
        check(properties.delivery_mode == 2, "an output is not persistent")
        check(properties.message_id == event["id"], "message_id is not the output's id")
        check(properties.type == event["type"], "the AMQP type is not the event's")
        check(properties.headers["ce-id"] == event["id"], "the header ce-id is not the output's id")
        check(properties.headers["ce-type"] == event["type"], "the header ce-type is not the event's")
        noun_and_verb = event["type"].removeprefix("picket.").removesuffix(".v1")
        check(method.routing_key.startswith(f"{self.domain}.{noun_and_verb}"), method.routing_key)
        for member in ("picketshard", "picketepoch", "picketseq", "picketcause", "specversion", "source", "time"):
            check(member in event, f"{member} is missing in {event['type']}")


def now(ahead_s=0.0):
    """RFC 3339, in UTC, with milliseconds."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check(holds, otherwise):
    """An assertion that says what it saw."""
    if not holds:
        raise AssertionError(otherwise)


def run(story):
    """Runs a story with a platform: URL, domain and source are the arguments."""
    url, domain, source = sys.argv[1:4]
    platform = Platform(url, source, domain)
    story(platform)
    platform.close()
    print("the story ended as it should")
