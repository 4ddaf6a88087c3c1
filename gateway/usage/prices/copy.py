"""Keep the rows of prices for the data plane: a table in memory, swapped whole when a row has changed."""

from __future__ import annotations

from gateway.models import GatewayRevision, PriceRow
from gateway.usage.prices.table import Price, PriceTable


class Prices:
    """The one copy of a process.

    `table` may be read at any time; `apply_changes` is sync and asks the ORM.
    """

    def __init__(self) -> None:
        self.table = PriceTable(())
        self._revision = -1

    @property
    def revision(self) -> int:
        """The newest revision whose rows are in memory; -1 = none has been read."""
        return self._revision

    def load(self) -> None:
        # The counter first: rows written meanwhile will be read again.
        row = GatewayRevision.objects.filter(pk=1).first()
        self.table = PriceTable(price_of(price) for price in PriceRow.objects.all())
        self._revision = row.value if row is not None else 0

    apply_changes = load


def price_of(row: PriceRow) -> Price:
    return Price(
        model=row.model,
        provider=row.provider,
        input=row.input,
        output=row.output,
        cache_read=row.cache_read,
        cache_write_5m=row.cache_write_5m,
        cache_write_1h=row.cache_write_1h,
        currency=row.currency,
        max_output=row.max_output,
        web_search=row.web_search,
        batch_multiple=row.batch_multiple,
        fast_multiple=row.fast_multiple,
        region_multiple=row.region_multiple,
    )
