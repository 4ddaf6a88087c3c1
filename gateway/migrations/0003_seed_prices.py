"""The prices shipped with the project, with their date. Rows are the operator's from then on."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.db import migrations

SEED = Path(__file__).resolve().parent.parent / "usage" / "prices" / "seed.json"
PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


def seed(apps, schema_editor):
    given = json.loads(SEED.read_text())
    row = apps.get_model("gateway", "PriceRow")
    row.objects.bulk_create(
        [
            row(
                model=price["model"],
                currency=given["currency"],
                max_output=price.get("max_output"),
                priced_on=date.fromisoformat(given["date"]),
                source=given["source"],
                **{name: Decimal(price[name]) for name in PRICES if name in price},
            )
            for price in given["prices"]
        ],
        ignore_conflicts=True,
    )
    apps.get_model("gateway", "GatewayRevision").objects.bulk_create(
        [apps.get_model("gateway", "GatewayRevision")(pk=1, value=1)], ignore_conflicts=True
    )


class Migration(migrations.Migration):

    dependencies = [("gateway", "0002_prices")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
