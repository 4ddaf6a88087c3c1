"""Roles as groups of Django's, with the permissions that they carry. Groups of these names that are there get them, too."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

APPS = ("auth", "gateway", "tokens", "accounts", "providers", "forgefed")
LOOKED_AT = {
    "accounts": ("account", "poolsetting", "cooldown"),
    "forgefed": ("delivery", "follower", "following", "received", "remotehost"),
    "gateway": ("batchrow", "dailyusage", "exchangerow", "payment", "pricerow", "storedobjectrow"),
    "providers": ("modelmap", "provider", "route"),
    "tokens": ("group", "person", "signin", "token"),
}
PEOPLE = (("auth", "user"),)
OPERATED = {"accounts": ("account",), "gateway": ("pricerow",), "providers": ("modelmap", "provider", "route")}
WRITES = ("add", "change", "delete")


def _named(words, models):
    return {(app, f"{word}_{name}") for app, names in models.items() for name in names for word in words}


def make_roles(apps, schema_editor):
    for name in APPS:
        create_permissions(installed.get_app_config(name), verbosity=0, using=schema_editor.connection.alias)
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    known = {
        (app, codename): pk
        for pk, app, codename in Permission.objects.values_list("pk", "content_type__app_label", "codename")
    }
    viewer = _named(("view",), LOOKED_AT) | {(app, f"view_{name}") for app, name in PEOPLE}
    operator = viewer | _named(WRITES, OPERATED)
    admin = {(app, codename) for app, codename in known if app in APPS}
    for role, needed in (("viewer", viewer), ("operator", operator), ("admin", admin), ("developer", set())):
        group, _ = Group.objects.get_or_create(name=f"role:{role}")
        group.permissions.set(known[each] for each in sorted(needed) if each in known)


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0013_regional_prices"),
        ("accounts", "0003_clouds"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("forgefed", "0003_federation"),
        ("providers", "0008_model_ids"),
        ("tokens", "0004_mirror"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
