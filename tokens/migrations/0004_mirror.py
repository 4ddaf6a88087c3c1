"""Give every login its row of limits, and every group its other half."""

from __future__ import annotations

from typing import Any

from django.db import migrations

ROLES = "role:"
LONGEST = 150


def mirror(apps: Any, schema_editor: Any) -> None:
    User, Staff = apps.get_model("auth", "User"), apps.get_model("auth", "Group")
    Person, Group = apps.get_model("tokens", "Person"), apps.get_model("tokens", "Group")
    missing = User.objects.filter(person=None).values_list("pk", flat=True)
    Person.objects.bulk_create([Person(user_id=pk) for pk in missing], batch_size=500)
    ours = {name for name in Group.objects.values_list("name", flat=True) if is_mirrored(name)}
    theirs = {name for name in Staff.objects.values_list("name", flat=True) if is_mirrored(name)}
    Staff.objects.bulk_create([Staff(name=name) for name in sorted(ours - theirs)])
    Group.objects.bulk_create([Group(name=name) for name in sorted(theirs - ours)])


def is_mirrored(name: str) -> bool:
    return len(name) <= LONGEST and not name.startswith(ROLES) and name != "*"


class Migration(migrations.Migration):
    dependencies = [("tokens", "0003_people")]
    operations = [migrations.RunPython(mirror, migrations.RunPython.noop)]
