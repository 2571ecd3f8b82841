from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('templates', '0003_unsupported_topics'),
    ]

    operations = [
        migrations.AddField(
            model_name='template',
            name='max_gap_seconds',
            field=models.FloatField(blank=True, null=True, verbose_name='longest gap (s)'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.CheckConstraint(condition=models.Q(('max_gap_seconds__gt', 0)), name='templates_template_gap_positive'),
        ),
    ]
