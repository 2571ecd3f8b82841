"""Leases by one abstract model: no column goes, the code of before goes on with what this leaves."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("storage", "0006_repaired"),
    ]

    operations = [
        migrations.AlterField(
            model_name="export",
            name="begun",
            field=models.IntegerField(db_column="begun", db_default=0, default=0, editable=False),
        ),
        migrations.RenameField(model_name="export", old_name="begun", new_name="attempts"),
        migrations.AddField(
            model_name="rosbag",
            name="attempts",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AlterField(
            model_name="export",
            name="enqueued_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="requested at"
            ),
        ),
        migrations.AlterField(
            model_name="export",
            name="lease_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="held until"
            ),
        ),
    ]
