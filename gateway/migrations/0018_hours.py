"""Sums of hours, and those of the last day from its calls: an hour at a time, so that none is a long question.

A worker of the release before that goes on writing while this one starts adds nothing to them: for a day the chart of
hours may lack its last calls. The daily sums have them all.
"""

import time
import uuid

from django.db import migrations, models
from django.db.models import Aggregate, BigIntegerField, Count, Q

HOURS = 24
HOUR_SECONDS = 3600


class Units(Aggregate):
    """An amount in whole 1e-10. SQLite keeps amounts as floats: each is rounded before it is added."""

    function = "SUM"
    template = "CAST(SUM(%(expressions)s * 10000000000) AS bigint)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler, connection, **context):
        template = "SUM(CAST(ROUND(%(expressions)s * 10000000000) AS INTEGER))"
        return super().as_sql(compiler, connection, template=template, **context)


def floor(hour):
    """Return the lowest id of an hour: ids are UUIDv7, which begin with their milliseconds."""
    return uuid.UUID(int=(hour * HOUR_SECONDS * 1000 << 80) | (7 << 76) | (2 << 62))


def count_the_last_day(apps, schema_editor):
    database = schema_editor.connection.alias
    calls = apps.get_model("gateway", "ExchangeRow").objects.using(database).order_by()
    sums = apps.get_model("gateway", "HourlyUsage").objects.using(database)
    failed = (Q(status__gte=400) & ~Q(status=499)) | Q(failure_kind__gt="", status__lt=400)
    current = int(time.time()) // HOUR_SECONDS
    for hour in range(current - HOURS, current + 1):
        rows = calls.filter(pk__gte=floor(hour), pk__lt=floor(hour + 1)).values("currency")
        for row in rows.annotate(calls=Count("pk"), errors=Count("pk", filter=failed), units=Units("cost")):
            sums.create(hour=hour, **{**row, "units": row["units"] or 0})


class Migration(migrations.Migration):
    dependencies = [("gateway", "0017_request_log")]

    operations = [
        migrations.CreateModel(
            name="HourlyUsage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.BigIntegerField()),
                ("currency", models.CharField(default="", max_length=8)),
                ("calls", models.BigIntegerField(default=0)),
                ("errors", models.BigIntegerField(default=0)),
                ("units", models.BigIntegerField(default=0)),
            ],
            options={"db_table": "gateway_hour", "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="hourlyusage",
            constraint=models.UniqueConstraint(fields=("hour", "currency"), name="gateway_hour_once"),
        ),
        migrations.RunPython(count_the_last_day, migrations.RunPython.noop),
    ]
