"""When a row was written: what the live feed finds new calls by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gateway", "0014_roles")]

    operations = [
        migrations.AddField(
            model_name="exchangerow",
            name="written_at",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="exchangerow",
            index=models.Index(fields=["written_at"], name="gateway_exchange_new"),
        ),
    ]
