
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('simulations', '0006_failure_codes'),
        ('templates', '0002_search_on_postgresql'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(fields=['data_status', '-id'], name='simulations_exec_data'),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(fields=['failure_code', '-id'], name='simulations_exec_failure'),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(fields=['requested_by', '-id'], name='simulations_exec_asked_by'),
        ),
        migrations.AddIndex(
            model_name='execution',
            index=models.Index(fields=['created_at', 'id'], name='simulations_exec_created'),
        ),
        migrations.AddIndex(
            model_name='simulation',
            index=models.Index(fields=['created_at', 'id'], name='simulations_sim_created'),
        ),
        migrations.AddIndex(
            model_name='simulation',
            index=models.Index(fields=['updated_at', 'id'], name='simulations_sim_updated'),
        ),
        migrations.AddIndex(
            model_name='simulation',
            index=models.Index(fields=['created_by', '-id'], name='simulations_sim_of_maker'),
        ),
        migrations.AddIndex(
            model_name='simulation',
            index=models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['-id'], name='simulations_sim_deleted'),
        ),
        migrations.AddIndex(
            model_name='stage',
            index=models.Index(fields=['template', '-simulation'], name='simulations_stage_template'),
        ),
    ]
