"""Leases of deletions: no column goes, the code of before goes on with what this leaves."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("simulations", "0007_indexes_of_lists"),
    ]

    operations = [
        migrations.AlterField(
            model_name="deletion",
            name="touched_at",
            field=models.DateTimeField(
                db_column="touched_at", default=django.utils.timezone.now, editable=False
            ),
        ),
        migrations.RenameField(
            model_name="deletion", old_name="touched_at", new_name="enqueued_at"
        ),
        migrations.AddField(
            model_name="deletion",
            name="attempts",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="deletion",
            name="lease_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="held until"
            ),
        ),
    ]
