from django.db import migrations, models

import providers.models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0004_provider_clear'),
    ]

    operations = [
        migrations.AlterField(
            model_name='provider',
            name='kind',
            field=models.CharField(choices=providers.models.kinds, default='openai-compatible', max_length=32),
        ),
    ]
