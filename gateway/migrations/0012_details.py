"""What was tried for a call; indexes by which failed calls, and those of a person or a group, are found quickly."""

from django.db import migrations, models
from django.db.models import Index, Q


class Migration(migrations.Migration):
    dependencies = [("gateway", "0011_tries")]

    operations = [
        migrations.AddField(model_name="exchangerow", name="details", field=models.TextField(default="")),
        migrations.RemoveIndex(model_name="exchangerow", name="gateway_exchange_failed"),
        *(
            migrations.AddIndex(
                model_name="exchangerow",
                index=Index(fields=fields, name=f"gateway_exchange_{name}", condition=condition),
            )
            for name, fields, condition in (
                ("refused", ["-id"], Q(status__gte=400)),
                ("broken", ["-id"], Q(failure_kind__gt="", status__lt=400)),
                ("person", ["person", "-id"], Q(person__gt="")),
                ("group", ["group", "-id"], Q(group__gt="")),
            )
        ),
    ]
