"""Leases of idempotency keys: the new column has a default, the code of before goes on with it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0002_tokens_and_generations"),
    ]

    operations = [
        migrations.AddField(
            model_name="idempotencykey",
            name="attempts",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
    ]
