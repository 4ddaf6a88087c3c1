"""What multiplies a price, what a search costs, and a model that came since. Prices that are there stay as they are."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.db import migrations, models
from django.db.models import F

SEED = Path(__file__).resolve().parent.parent / "usage" / "prices" / "seed.json"
PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
NEW = ("claude-fable-5-2",)
FAST = {"claude": 6, "gpt": 2, "o1": 2, "o3": 2, "o4": 2, "chat": 2, "codex": 2}
"""The vendors' usual multiple for calls that go first, by how a model's name begins."""


def fill(apps, schema_editor):
    row = apps.get_model("gateway", "PriceRow")
    for beginning, multiple in FAST.items():
        row.objects.filter(model__startswith=beginning).update(fast_multiple=multiple)
    given = json.loads(SEED.read_text())
    for price in given["prices"]:
        if price["model"] in NEW and not row.objects.filter(model=price["model"]).exists():
            row.objects.create(
                model=price["model"],
                currency=given["currency"],
                max_output=price.get("max_output"),
                priced_on=date.fromisoformat(given["date"]),
                source=given["source"],
                fast_multiple=Decimal(price["fast_multiple"]),
                **{name: Decimal(price[name]) for name in PRICES if name in price},
            )
    apps.get_model("gateway", "GatewayRevision").objects.filter(pk=1).update(value=F("value") + 1)


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0006_payments'),
    ]

    operations = [
        migrations.AddField(
            model_name='pricerow',
            name='batch_multiple',
            field=models.DecimalField(decimal_places=4, default=Decimal('0.5'), help_text='Of calls that may wait: batch, flex', max_digits=7),
        ),
        migrations.AddField(
            model_name='pricerow',
            name='fast_multiple',
            field=models.DecimalField(decimal_places=4, default=Decimal(1), help_text='Of calls that go first: fast mode, priority', max_digits=7),
        ),
        migrations.AddField(
            model_name='pricerow',
            name='region_multiple',
            field=models.DecimalField(decimal_places=4, default=Decimal('1.1'), help_text='Of calls that stay in the US', max_digits=7),
        ),
        migrations.AddField(
            model_name='pricerow',
            name='web_search',
            field=models.DecimalField(decimal_places=4, default=Decimal(10), help_text="A thousand searches of the vendor's web search", max_digits=14),
        ),
        migrations.AlterField(
            model_name="exchangerow",
            name="failure_message",
            field=models.CharField(default="", max_length=500),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
