"""Orders and returns onto the queue; its consumer knows an order_id that it has seen."""

from collections.abc import Sequence
from threading import Event

from seed.dataset import Dataset
from seed.delivery import deliver, in_batches, side_by_side
from seed.progress import Progress
from seed.records import SQS_MESSAGE_BYTES, to_json
from seed.target import SeedTarget
from stockroom.errors import StockroomError

STEP = "sqs"
WORKERS = 4
_BATCH = 10  # messages, which together may be as large as one


def load(dataset: Dataset, target: SeedTarget, progress: Progress, stop: Event) -> None:
    """Sends every order, in the order of their times."""
    what = f"queue {target.queue_url.rpartition('/')[2]}"

    def send(bodies: Sequence[str]) -> Sequence[str]:
        answer = target.sqs.send_message_batch(
            QueueUrl=target.queue_url,
            Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
        )
        failed = answer.get("Failed", [])
        for failure in failed:
            if failure["SenderFault"]:
                raise StockroomError(
                    f"{what} refuses the message {bodies[int(failure['Id'])][:80]}…: "
                    f"{failure.get('Message') or failure['Code']}"
                )
        return [bodies[int(failure["Id"])] for failure in failed]

    def send_batch(bodies: Sequence[str]) -> None:
        deliver(bodies, send, what, stop)
        progress.advanced(STEP, len(bodies))

    progress.started(STEP, dataset.counts.messages, "records")
    side_by_side(in_batches(map(to_json, dataset.orders()), _BATCH, len, SQS_MESSAGE_BYTES), send_batch, WORKERS)
    progress.finished(STEP)
