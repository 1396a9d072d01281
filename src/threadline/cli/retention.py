"""`threadline retention [--days N|--aws|--off]`: how long an instance keeps chats after their end."""

import argparse
from typing import Any

from threadline.cli import connection_options
from threadline.client.client import instance_of


def main(arguments: list[str]) -> int:
    """Set the retention if an option says so, and print it."""
    parser = connection_options.parser(
        "retention",
        "Show or set how long chats are kept after their end. Older chats are erased, unless a legal hold keeps them.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--days", metavar="N", type=_days, help="keep chats for N days after their end")
    which.add_argument("--aws", action="store_true", help="keep chats for 24 months, as Amazon Connect does")
    which.add_argument("--off", action="store_true", help="keep chats until they are erased by hand")
    options = parser.parse_args(arguments)

    def run() -> int:
        with connection_options.client(options) as client:
            here = {"InstanceId": instance_of(client, options.instance_id)}
            if options.days or options.aws or options.off:
                policy: dict[str, Any] = {"Policy": "OFF" if options.off else "AWS_24_MONTHS"}
                if options.days:
                    policy = {"Policy": "DAYS", "Days": options.days}
                client.call("threadline", "UpdateRetention", **here, **policy)
            found = client.call("threadline", "DescribeRetention", **here)
        kept = {
            "OFF": "until they are erased by hand",
            "DAYS": f"for {found.get('Days', 0):,} days after their end",
            "AWS_24_MONTHS": "for 24 months after their end",
        }
        print(f"Chats are kept {kept[found['Policy']]}.")
        if "LastSweepTimestamp" in found:
            swept = str(found["LastSweepTimestamp"])[:16].replace("T", " ")
            print(f"Swept last at {swept}; {found['ErasedChatCount']:,} chats were erased so far.")
        return 0

    return connection_options.reported(run)


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 36_500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days: give 1 to 36500.")
    return int(text)
