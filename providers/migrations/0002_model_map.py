from django.db import migrations

HAIKU = "claude-haiku-4-5-20251001"
OPUS = "claude-opus-4-7"
SONNET = "claude-sonnet-4-5-20250929"

# What the reference answers OpenAI's model names with, as rows that can be edited. Dated forms of a name go with it.
SEED = (
    *((name, HAIKU) for name in ("gpt-4o-mini", "gpt-4-mini", "gpt-4o-mini-20*")),
    *((name, OPUS) for name in ("o1", "o1-pro", "o3", "o4", "gpt-5")),
    *(
        (name, SONNET)
        for name in (
            "gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-20*", "gpt-4.1", "gpt-4.1-20*", "gpt-5-mini", "gpt-5.1",
            "gpt-5*-codex*", "o1-mini", "o1-preview", "o3-mini", "o3-pro", "o4-mini",
        )
    ),
)
LAST = ("*", SONNET)
"""Asked only under UNKNOWN_MODEL=map."""


def seed(apps, schema_editor):
    rows = apps.get_model("providers", "ModelMap").objects
    for pattern, target in SEED:
        rows.get_or_create(pattern=pattern, defaults={"target": target, "position": 200 if "*" in pattern else 100})
    rows.get_or_create(pattern=LAST[0], defaults={"target": LAST[1], "position": 1000})


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
