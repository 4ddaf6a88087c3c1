"""What Bedrock and Vertex charge for staying in a region, as rows. Prices that are there stay as they are."""

import json
import re
from datetime import date
from decimal import ROUND_UP, Decimal
from pathlib import Path

from django.db import migrations
from django.db.models import F

SEED = Path(__file__).resolve().parent.parent / "usage" / "prices" / "seed.json"
PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
TERMS = ("currency", "max_output", "web_search", "batch_multiple", "fast_multiple", "region_multiple")
PLACES = ("bedrock/regional", "vertex/regional")
SURCHARGE = Decimal("1.1")
SINCE = date(2026, 11, 24)
SOURCE = "public price pages, autumn 2026: regional and multi-region endpoints of clouds cost 10 % more"


def families(prices):
    """Map `claude-opus-4-5*` to the shipped names it stands for, dated and not."""
    found = {}
    for price in prices:
        if price["model"].startswith("claude-"):
            found.setdefault(re.sub(r"-\d{8}$", "", price["model"]) + "*", []).append(price)
    return found


def is_as_shipped(row, price):
    """Tell whether the operator has not made the price his own."""
    shipped = [Decimal(price[name]) if name in price else None for name in PRICES]
    return row is not None and [getattr(row, name) for name in PRICES] == shipped


def fill(apps, schema_editor):
    rows = apps.get_model("gateway", "PriceRow").objects
    given = json.loads(SEED.read_text())
    for pattern, prices in families(given["prices"]).items():
        found = [rows.filter(model=price["model"], provider="").first() for price in prices]
        if not all(map(is_as_shipped, found, prices)):
            continue  # deleted, or a price of the operator's own: it holds everywhere, as it did
        values = {name: getattr(found[0], name) for name in TERMS}
        for name in PRICES:
            price = getattr(found[0], name)
            values[name] = None if price is None else (price * SURCHARGE).quantize(Decimal("1e-4"), ROUND_UP)
        for place in PLACES:
            if not rows.filter(model=pattern, provider=place).exists():
                rows.create(model=pattern, provider=place, priced_on=SINCE, source=SOURCE, **values)
    apps.get_model("gateway", "GatewayRevision").objects.filter(pk=1).update(value=F("value") + 1)


class Migration(migrations.Migration):
    dependencies = [("gateway", "0012_details")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
