from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Flag, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import FilledIndex, UniqueIndex
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0007_files')]

    operations = [
        ops.CreateModel(
            name='CronEntry',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('kind', Text(max_length=100)),
                ('expression', Text(max_length=100)),
                ('time_zone', Text(max_length=64)),
                ('next_at', UtcDatetime()),
                ('last_at', UtcDatetime(null=True)),
                ('created_at', UtcDatetime()),
            ],
            options={'table': 'cron_entry', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_cron_entry_id'), UniqueIndex(fields=['tenant_id', 'kind'], name='uq_cron_entry_kind'), FilledIndex(fields=['next_at', 'id'], name='ix_cron_entry_next_at', filled='next_at')]},
        ),
        ops.CreateModel(
            name='Job',
            fields=[
                ('id', Uuid(primary_key=True)),
                ('tenant_id', Uuid()),
                ('kind', Text(max_length=100)),
                ('payload', Json()),
                ('state', Text(max_length=40)),
                ('priority', Int()),
                ('run_at', UtcDatetime()),
                ('free_at', UtcDatetime(null=True)),
                ('attempts', Int()),
                ('max_attempts', Int()),
                ('unique_key', Text(null=True, max_length=200)),
                ('again', Flag()),
                ('lease', Uuid(null=True)),
                ('cancel_asked_at', UtcDatetime(null=True)),
                ('progress_done', Int(null=True)),
                ('progress_total', Int(null=True)),
                ('progress_message', Text(null=True, max_length=500)),
                ('result', Json(null=True)),
                ('error', Text(null=True, max_length=2000)),
                ('scheduled_for', UtcDatetime(null=True)),
                ('policy', Json()),
                ('actor_kind', Text(max_length=40)),
                ('actor_id', Uuid(null=True)),
                ('cause', Uuid()),
                ('created_at', UtcDatetime()),
                ('started_at', UtcDatetime(null=True)),
                ('finished_at', UtcDatetime(null=True)),
            ],
            options={'table': 'job', 'indexes': [Index(fields=['tenant_id', 'id'], name='ix_job_id'), Index(fields=['tenant_id', 'state', 'finished_at', 'id'], name='ix_job_state_finished_at'), UniqueIndex(fields=['tenant_id', 'kind', 'unique_key'], name='uq_job_unique_key', where='unique_key IS NOT NULL AND free_at IS NOT NULL'), UniqueIndex(fields=['tenant_id', 'kind', 'scheduled_for'], name='uq_job_scheduled_for', where='scheduled_for IS NOT NULL'), FilledIndex(fields=['priority', 'free_at', 'id'], name='ix_job_free_at', filled='free_at')]},
        ),
    ]
