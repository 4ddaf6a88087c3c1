"""What was tried a few times from one place: codes, passwords, sign-ins."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gateway", "0010_batches")]

    operations = [
        migrations.CreateModel(
            name="Try",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=160)),
                ("at", models.FloatField()),
            ],
            options={
                "db_table": "gateway_try",
                "indexes": [
                    models.Index(fields=["rule", "key", "id"], name="gateway_try_key"),
                    models.Index(fields=["rule", "at"], name="gateway_try_at"),
                ],
            },
        ),
    ]
