from django.db import migrations, models

import simulations.models.mec


class Migration(migrations.Migration):

    dependencies = [
        ('simulations', '0004_execution_outcome'),
    ]

    operations = [
        migrations.AlterField(
            model_name='mec',
            name='endpoint',
            field=models.CharField(blank=True, default='', help_text='Such as tcp/192.0.2.7:7447; empty: agents find each other.', max_length=300, validators=[simulations.models.mec.check_endpoint], verbose_name='endpoint'),
        ),
    ]
