"""How large a thread's context was when it was last used: what a call that goes on with it may cost."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gateway", "0007_price_terms")]

    operations = [
        migrations.AddField(
            model_name="storedobjectrow", name="tokens", field=models.BigIntegerField(default=0)
        ),
    ]
