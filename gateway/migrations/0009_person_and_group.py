"""Whose call it was: the person and the group of its token at the time. Rows that are there get the group's name of today."""

from django.db import migrations, models
from django.db.models import Case, CharField, Value, When

TEXT = {"default": "", "max_length": 255}
TOGETHER = 200


def name_groups(apps, schema_editor):
    """Write the names in as few passes over the rows as may be: there can be millions of them, and no index."""
    groups = apps.get_model("tokens", "Group").objects.values_list("pk", "name")
    names = [(f"group:{pk}", name) for pk, name in groups]
    for start in range(0, len(names), TOGETHER):
        some = names[start : start + TOGETHER]
        named = Case(*[When(group_ledger=ledger, then=Value(name)) for ledger, name in some], output_field=CharField())
        for model in ("DailyUsage", "ExchangeRow"):
            rows = apps.get_model("gateway", model).objects
            rows.filter(group_ledger__in=[ledger for ledger, _ in some]).update(group=named)


class Migration(migrations.Migration):
    dependencies = [("gateway", "0008_thread_tokens"), ("tokens", "0001_initial")]

    operations = [
        *(
            migrations.AddField(model_name=model, name=name, field=models.CharField(**TEXT))
            for model in ("dailyusage", "exchangerow")
            for name in ("person", "group")
        ),
        migrations.RunPython(name_groups, migrations.RunPython.noop),
    ]
