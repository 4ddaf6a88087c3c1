"""The request log's rows, which admins alone may read; stored objects are listed by when they were made."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations, models


def let_admins_read(apps, schema_editor):
    create_permissions(installed.get_app_config("gateway"), verbosity=0, using=schema_editor.connection.alias)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    found = Permission.objects.filter(content_type__app_label="gateway", codename="view_requestlogrow")
    for group in Group.objects.filter(name="role:admin"):
        group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("gateway", "0016_alerts")]

    operations = [
        migrations.CreateModel(
            name="RequestLogRow",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("encrypted_text", models.TextField()),
            ],
            options={"verbose_name": "kept request", "db_table": "gateway_request_log"},
        ),
        migrations.AddIndex(
            model_name="storedobjectrow",
            index=models.Index(fields=["-made_at", "-id"], name="gateway_object_newest"),
        ),
        migrations.RunPython(let_admins_read, migrations.RunPython.noop),
    ]
