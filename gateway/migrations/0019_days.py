"""Sums of whole days, for totals. They begin now: those of days before are added up from the daily sums, as ever."""

from datetime import UTC, datetime

from django.db import migrations, models

COUNTS = (
    "requests", "errors", "refused", "cancelled", "unpriced",
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "units",
)  # fmt: skip


def begin(apps, schema_editor):
    sums = apps.get_model("gateway", "DayUsage").objects.using(schema_editor.connection.alias)
    sums.create(day=datetime.now(UTC).date(), currency="*")


class Migration(migrations.Migration):
    dependencies = [("gateway", "0018_hours")]

    operations = [
        migrations.CreateModel(
            name="DayUsage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("currency", models.CharField(default="", max_length=8)),
                *((name, models.BigIntegerField(default=0)) for name in COUNTS),
            ],
            options={"db_table": "gateway_day", "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="dayusage",
            constraint=models.UniqueConstraint(fields=("day", "currency"), name="gateway_day_once"),
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
