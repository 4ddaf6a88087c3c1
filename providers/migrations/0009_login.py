"""Whose login a provider is called with."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("providers", "0008_model_ids")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="provider",
            name="login",
            field=models.CharField(
                choices=[
                    ("pool", "pool: our accounts and keys"),
                    ("caller", "caller: each caller's own, passed through"),
                ],
                default="pool",
                help_text="Whose login it is called with; callers send our token as x-la-token then",
                max_length=16,
            ),
        )
    ]
