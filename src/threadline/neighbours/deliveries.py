"""Deliveries: entries of streams to SNS, EventBridge and Kinesis by their own wire, to a URL, or to a file of lines.

Only endpoints of the settings are called. The entries of one request are sent one after the other, until one fails.
"""

import asyncio
import base64
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from threadline.clock import monotonic
from threadline.neighbours import wire
from threadline.neighbours.signature import Signer
from threadline.neighbours.wire import CallFailed, Rejected

THREADS = 8
"""Requests to one receiver that run at once; further ones wait for a thread."""
WAITING_MAX = 200
"""Requests to one receiver that run or wait. Further ones are put off, so that their entries take no memory."""
ENTRY_SECONDS = 8.0
"""Time limit of one entry."""
REQUEST_SECONDS = 40.0
"""Time limit of all entries of a request: less than half of the lease of its task."""
FILE = "file:"
NOT_ITS_ANSWER = "status 200 came with an answer that is not one"
"""Said of a service's answer without the id that shows what was taken: another one may stand at its address."""
Send = Callable[[Mapping[str, Any], float], None]
Left = dict[str, Any]


class Targets(NamedTuple):
    """The places that the settings deliver to. `urls` are by the ARN of a topic or its last part."""

    urls: Mapping[str, str] = {}
    sns_url: str = ""
    eventbridge_url: str = ""
    kinesis_url: str = ""
    contact_events: str = ""
    contact_records: str = ""


class Deliveries:
    """Delivers the entries of streams, in threads."""

    def __init__(self, targets: Targets, signer: Signer) -> None:
        self._targets = targets
        self._signer = signer
        self._aws = wire.AwsCaller()
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._waiting: Counter[str] = Counter()
        self._file_lock = threading.Lock()

    async def deliver(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send the entries of a request; return which were sent, which are left, and why. It never raises.

        Each receiver has threads of its own, so that a slow one holds up no other.
        """
        receiver = self._receiver(request["of"], request["name"])
        sent: list[Left] = []
        deadline = monotonic() + REQUEST_SECONDS
        final = False
        error: str | None = None
        self._waiting[receiver] += 1
        try:
            if self._waiting[receiver] > WAITING_MAX:
                raise CallFailed(f"{WAITING_MAX} deliveries wait for this receiver")
            if receiver not in self._threads:
                self._threads[receiver] = ThreadPoolExecutor(THREADS, "delivery")
            threads = self._threads[receiver]
            async with asyncio.timeout(REQUEST_SECONDS + ENTRY_SECONDS):
                await asyncio.get_running_loop().run_in_executor(
                    threads, self._send_all, request, deadline, sent
                )
        except TimeoutError:
            error = "no answer in time"
        except CallFailed as failure:
            error, final = str(failure), isinstance(failure, Rejected)
        except Exception as failure:  # noqa: BLE001 - an entry that fails in any way is sent again
            error = f"{type(failure).__name__} when it was sent"
        finally:
            self._waiting[receiver] -= 1
        entries = request["entries"]
        count = len(sent)
        return {
            "delivered": request["delivered"],
            "contact_id": request["contact_id"],
            "sent": sent[:count],
            "left": [_place(entry) for entry in entries[count:]],
            "error": error,
            "final": final,
        }

    def close(self) -> None:
        """Let go of the threads; entries that are being sent are not waited for."""
        threads, self._threads = self._threads, {}
        for each in threads.values():
            each.shutdown(wait=False, cancel_futures=True)

    def _receiver(self, of: str, name: str) -> str:
        """The name of the receiver of a stream: a URL, or the service that has all topics."""
        return (self._url_of(name) or "sns") if of == "MESSAGES" else of

    def _url_of(self, arn: str) -> str | None:
        """The URL that a topic is mapped to."""
        return self._targets.urls.get(arn) or self._targets.urls.get(arn.rpartition(":")[2])

    def _send_all(self, request: Mapping[str, Any], deadline: float, sent: list[Left]) -> None:
        """Send entries until one fails or the time is over; `sent` grows with each."""
        send = {"MESSAGES": self._message, "EVENTS": self._event, "RECORDS": self._record}[request["of"]]
        for entry in request["entries"]:
            seconds = min(deadline - monotonic(), ENTRY_SECONDS)
            if seconds <= 0:
                return
            send(request["name"], entry, seconds)
            sent.append(_place(entry))

    def _message(self, arn: str, entry: Mapping[str, Any], seconds: float) -> None:
        """Publish an entry of a log to a topic, or post it as the topic would to its subscriber."""
        targets = self._targets
        url = self._url_of(arn)
        message = json.dumps(entry["body"], ensure_ascii=False)
        if url is not None:
            notification = self._signer.notification(
                entry["id"], arn, message, entry["attributes"], entry["at_ms"]
            )
            headers = {
                "Content-Type": "text/plain; charset=UTF-8",
                "x-amz-sns-message-type": "Notification",
                "x-amz-sns-message-id": entry["id"],
                "x-amz-sns-topic-arn": arn,
            }
            wire.deliver(url, headers, json.dumps(notification, ensure_ascii=False).encode(), seconds)
            return
        if not targets.sns_url:
            raise CallFailed(f"set AWS_ENDPOINT_URL_SNS, or THREADLINE_NEIGHBOURS={arn}=URL, to deliver it")
        members = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": arn, "Message": message}
        for number, (name, value) in enumerate(entry["attributes"].items(), 1):
            prefix = f"MessageAttributes.entry.{number}"
            members |= {
                f"{prefix}.Name": name,
                f"{prefix}.Value.DataType": "String",
                f"{prefix}.Value.StringValue": value,
            }
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = urlencode(members).encode()
        answer = self._aws.post("sns", targets.sns_url, _region(arn), headers, body, seconds)
        if b"<MessageId>" not in answer:
            raise CallFailed(f"{NOT_ITS_ANSWER} of Publish")

    def _event(self, name: str, entry: Mapping[str, Any], seconds: float) -> None:
        """Deliver a contact event to an event bus, a URL or a file."""
        target = self._targets.contact_events
        if not target.startswith("arn:"):
            self._plain("THREADLINE_CONTACT_EVENTS", target, entry, seconds)
            return
        body = entry["body"]
        put = {
            "Time": entry["at_ms"] / 1_000,
            "Source": body["source"],
            "Resources": body["resources"],
            "DetailType": body["detail-type"],
            "Detail": json.dumps(body["detail"], ensure_ascii=False),
            "EventBusName": target,
        }
        if not self._targets.eventbridge_url:
            raise CallFailed("set AWS_ENDPOINT_URL_EVENTBRIDGE to put contact events on a bus")
        answer = self._aws.post_json(
            "events",
            *(self._targets.eventbridge_url, _region(target), "AWSEvents.PutEvents", {"Entries": [put]}),
            seconds=seconds,
        )
        entries = answer.get("Entries")
        result = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}
        if answer.get("FailedEntryCount"):
            raise CallFailed(
                f"the bus refused the event: {str(result.get('ErrorCode', ''))[:100]}", again=True
            )
        if "EventId" not in result:
            raise CallFailed(f"{NOT_ITS_ANSWER} of PutEvents")

    def _record(self, name: str, entry: Mapping[str, Any], seconds: float) -> None:
        """Deliver a contact record to a stream of Kinesis, a URL or a file."""
        target = self._targets.contact_records
        if not target.startswith("arn:"):
            self._plain("THREADLINE_CONTACT_RECORDS", target, entry, seconds)
            return
        if not self._targets.kinesis_url:
            raise CallFailed("set AWS_ENDPOINT_URL_KINESIS to put contact records on a stream")
        data = json.dumps(entry["body"], ensure_ascii=False).encode()
        put = {
            "StreamName": target.rpartition("/")[2],
            "StreamARN": target,
            "Data": base64.b64encode(data).decode(),
            "PartitionKey": entry["group"],
        }
        answer = self._aws.post_json(
            "kinesis",
            *(self._targets.kinesis_url, _region(target), "Kinesis_20131202.PutRecord", put),
            seconds=seconds,
        )
        if "SequenceNumber" not in answer:
            raise CallFailed(f"{NOT_ITS_ANSWER} of PutRecord")

    def _plain(self, setting: str, target: str, entry: Mapping[str, Any], seconds: float) -> None:
        """Deliver an entry to a URL, or as a line of a file."""
        if not target:
            raise CallFailed(f"set {setting} to deliver it")
        body = json.dumps(entry["body"], ensure_ascii=False).encode()
        if target.startswith(FILE):
            with self._file_lock:
                append_line(Path(target.removeprefix(FILE)), body)
            return
        headers = {"Content-Type": "application/json", "X-Threadline-Call-Id": entry["id"]}
        wire.deliver(target, headers | self._signer.headers(body), body, seconds)


def append_line(path: Path, line: bytes) -> None:
    """Append a line durably. After a line that was cut off by a crash, begin a new one. Raises CallFailed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            view = memoryview(line + b"\n")
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CallFailed(f"the file cannot be written: {error.strerror}", again=True) from None


def _place(entry: Mapping[str, Any]) -> Left:
    """The part of an entry that says where it stands, without its content."""
    return {name: entry[name] for name in ("number", "delivered", "at_ms", "again")}


def _region(arn: str) -> str:
    return arn.split(":")[3] or "us-east-1"
