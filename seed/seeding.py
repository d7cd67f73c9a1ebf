"""From a dataset to a seeded platform, once, however often it is started and wherever it was stopped."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from seed import SAMPLE_DIR, dynamodb, kinesis, s3, sqs
from seed.copied_file import copy_whole, remove
from seed.dataset import Dataset
from seed.dates import DateOrder
from seed.delivery import Stopped
from seed.held import read_held
from seed.invoices import pack
from seed.progress import Progress, Silent
from seed.report import SeedReport, report_of
from seed.sample import RecordsDirectory
from seed.staging import Duplicates, StagedFile
from seed.survey import check_header, survey
from seed.target import SeedTarget
from stockroom.errors import StockroomError


def check(dataset: Path) -> None:
    """Raises StockroomError where `load` would refuse the dataset at once; needs no platform.

    Whether its dates and its rows can be read is seen only when it is loaded.
    """
    if dataset.is_dir():
        RecordsDirectory(dataset)
    else:
        check_header(dataset)


def load(
    dataset: Path | None,
    target: SeedTarget,
    work_dir: Path,
    progress: Progress | None = None,
    *,
    date_order: str | None = None,
    duplicates: str = "keep",
) -> SeedReport:
    """Loads a dataset into the platform and tells what became of each row.

    `dataset` is a UCI "Online Retail" CSV file, a directory that fixtures/generate.py wrote, or None for
    the committed sample. `date_order` ("mdy" or "dmy") and `duplicates` ("keep" or "drop") concern CSV
    files only. What is not taken from a CSV file is kept in `<work_dir>/left-out-<name>-<digest>.csv`.

    A dataset is known by its content: one that is in already is left alone, and one whose loading was
    interrupted is completed. Different datasets may follow each other on one platform; inventory rows that
    exist stay as they are.

    Raises StockroomError for a file that can't be read or is refused, options that contradict an earlier
    loading of the same file, and a platform that is not there or stops answering.
    """
    progress = progress or Silent()
    order = _date_order(date_order)
    handling = _duplicates(duplicates)
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StockroomError(f"{work_dir} cannot be made: {error.strerror or error}") from error
    start = monotonic()
    if dataset is None or dataset.is_dir():
        records = RecordsDirectory(dataset or SAMPLE_DIR)
        return _seeded_before(target, records.digest, None, "keep") or _seed(
            records, target, progress, "keep", seconds={"reading": monotonic() - start}
        )
    copied = copy_whole(dataset, work_dir / "copy", progress)
    try:
        if done := _seeded_before(target, copied.digest, order, handling):
            return done
        staged = StagedFile(copied, survey(copied.path, order, progress), work_dir, handling)
        with closing(staged):
            staged.stage(progress, read_held(target, copied.digest))
            return _seed(staged, target, progress, handling, seconds={"reading": monotonic() - start})
    finally:
        remove(copied.path.parent)


def _date_order(text: str | None) -> DateOrder | None:
    try:
        return DateOrder(text) if text else None
    except ValueError:
        raise StockroomError(f"--date-order is mdy or dmy, not {text}") from None


def _duplicates(text: str) -> Duplicates:
    if text == "keep":
        return "keep"
    if text == "drop":
        return "drop"
    raise StockroomError(f"--duplicates is keep or drop, not {text}")


def _seeded_before(
    target: SeedTarget, digest: str, order: DateOrder | None, duplicates: Duplicates
) -> SeedReport | None:
    """The report of the finished loading of this content, if there was one."""
    mark = s3.read_mark(target, digest, s3.FINISHED)
    if mark is None:
        return None
    report = SeedReport.from_json(mark["report"] | {"already_seeded": True})
    check_same_reading(report.dataset, report.date_order, order or report.date_order, report.duplicates, duplicates)
    return report


def check_same_reading(
    name: str, order_before: str | None, order: str | None, duplicates_before: str, duplicates: str
) -> None:
    """Raises StockroomError where the same content was seeded, or begun to be, read in another way."""
    before, now = (
        f"dates {order or 'as they stand'}, repeated rows: {handling}"
        for order, handling in ((order_before, duplicates_before), (order, duplicates))
    )
    if before != now:
        raise StockroomError(
            f"{name} was seeded before, read in another way ({before}; now {now})",
            hint="seed it the same way, or a fresh platform: invoke infra-down && invoke infra-up",
        )


def _seed(
    dataset: Dataset,
    target: SeedTarget,
    progress: Progress,
    duplicates: Duplicates,
    seconds: dict[str, float],
) -> SeedReport:
    order = dataset.reading.date_order
    interrupted = s3.read_mark(target, dataset.digest, s3.STARTED)
    if interrupted:
        check_same_reading(dataset.name, interrupted["date_order"], order, interrupted["duplicates"], duplicates)
    _note_beginning(target, dataset, duplicates, interrupted)
    interrupted_at = datetime.fromisoformat(interrupted["started_at"]) if interrupted else None

    stop, stock_is_in = Event(), Event()
    results: dict[str, int | None] = {}

    def run(step: str, work: Callable[[], int | None]) -> None:
        start = monotonic()
        results[step] = work()
        seconds[step] = monotonic() - start

    def send_orders() -> None:
        while not stock_is_in.wait(0.1):
            if stop.is_set():
                raise Stopped
        run(sqs.STEP, lambda: sqs.load(dataset, target, progress, stop))

    _ = target.dynamodb, target.kinesis, target.sqs  # clients may be shared by threads, not made by several at once
    _side_by_side(
        [
            partial(run, dynamodb.STEP, lambda: dynamodb.load(dataset, target, progress, stop, stock_is_in)),
            partial(run, kinesis.STEP, lambda: kinesis.load(dataset, target, progress, stop, interrupted_at)),
            partial(run, s3.STEP, lambda: s3.load(dataset, target, progress, stop)),
            send_orders,
        ],
        stop,
    )
    dataset.check_unchanged()
    report = report_of(
        dataset.name,
        dataset.digest,
        duplicates,
        dataset.reading,
        dataset.counts,
        stock_added=results[dynamodb.STEP] or 0,
        events_found=results[kinesis.STEP] or 0,
        seconds={step: round(value, 3) for step, value in seconds.items()},
    )
    s3.write_mark(
        target,
        dataset.digest,
        s3.FINISHED,
        {
            "finished_at": datetime.now(UTC).isoformat(),
            "event_prefix": dataset.event_prefix,
            "report": report.to_json(),
        },
    )
    return report


def _note_beginning(
    target: SeedTarget, dataset: Dataset, duplicates: Duplicates, interrupted: dict[str, Any] | None
) -> None:
    """Notes which invoices go out before the first of them does, so that another file can tell what it shares."""
    if dataset.event_prefix is None:
        invoices = pack(dataset.invoices())
        s3.write_object(target, s3.key_of(dataset.digest, s3.NOTED), invoices, "application/gzip")
    if not interrupted:
        mark = {"date_order": dataset.reading.date_order, "duplicates": duplicates}
        mark |= {"started_at": datetime.now(UTC).isoformat(), "event_prefix": dataset.event_prefix}
        s3.write_mark(target, dataset.digest, s3.STARTED, mark)


def _side_by_side(steps: Sequence[Callable[[], None]], stop: Event) -> None:
    """Runs all steps at once; the first error, or Ctrl-C, stops the others and is raised."""
    with ThreadPoolExecutor(len(steps)) as pool:
        futures = [pool.submit(step) for step in steps]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            if not all(future.done() and not future.exception() for future in futures):
                stop.set()
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error
