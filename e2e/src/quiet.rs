//! What a server holds at a moment when nobody else works on it: compared before and after a statement.

use crate::direct::{Direct, rows};
use crate::wire::Wire;

/// Makes a server quiet: nothing but what is sent to it changes it from here on.
pub const QUIET: &str = "
ALTER SYSTEM SET autovacuum = off;
ALTER SYSTEM SET checkpoint_timeout = '1d';
ALTER SYSTEM SET track_activities = on;
SELECT pg_reload_conf();
VACUUM FREEZE;
CHECKPOINT;
";

/// Of the whole server: transaction ids, the log, sequences, locks that outlive statements, files, counters' resets, what
/// others run, slots and origins, large objects, settings of the server.
const SERVER: &str = "
SELECT 'next transaction', pg_snapshot_xmax(pg_current_snapshot())::text
UNION ALL SELECT 'log position', pg_current_wal_insert_lsn()::text
UNION ALL SELECT 'sequence', (SELECT last_value::text || is_called FROM probed_numbers)
UNION ALL SELECT 'advisory locks', count(*)::text FROM pg_locks WHERE locktype = 'advisory'
UNION ALL SELECT 'objects', count(*)::text FROM pg_class
UNION ALL SELECT 'functions', count(*)::text FROM pg_proc
UNION ALL SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata
UNION ALL SELECT 'roles', count(*)::text FROM pg_roles
UNION ALL SELECT 'resets of databases', max(stats_reset)::text FROM pg_stat_database
UNION ALL SELECT 'resets of the writer', stats_reset::text FROM pg_stat_bgwriter
UNION ALL SELECT 'resets of the archiver', stats_reset::text FROM pg_stat_archiver
UNION ALL SELECT 'resets of the log', stats_reset::text FROM pg_stat_wal
UNION ALL SELECT 'resets of caches', max(stats_reset)::text FROM pg_stat_slru
UNION ALL SELECT 'slots', count(*)::text FROM pg_replication_slots
UNION ALL SELECT 'origins', count(*)::text FROM pg_replication_origin
UNION ALL SELECT 'prepared transactions', count(*)::text FROM pg_prepared_xacts
UNION ALL SELECT 'configuration', pg_conf_load_time()::text
UNION ALL SELECT 'files', string_agg(name, ',' ORDER BY name) FROM pg_ls_dir('.') AS name
UNION ALL SELECT 'snapshots', string_agg(name, ',' ORDER BY name) FROM pg_ls_dir('pg_snapshots') AS name
UNION ALL SELECT 'temporary files', count(*)::text FROM pg_ls_dir('base/pgsql_tmp', true, false)
UNION ALL SELECT 'the victim', count(*)::text || coalesce(min(state), '') FROM pg_stat_activity WHERE application_name = 'victim'
UNION ALL SELECT 'rows', (SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM probed p)
";

/// Of the session itself, asked through the gateway.
const SESSION: &str = "
SELECT 'settings', md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_catalog.pg_settings
UNION ALL SELECT 'channels', (SELECT string_agg(c, ',') FROM pg_catalog.pg_listening_channels() AS c)
UNION ALL SELECT 'prepared', (SELECT string_agg(name, ',' ORDER BY name) FROM pg_catalog.pg_prepared_statements WHERE name NOT LIKE '%own%')
UNION ALL SELECT 'cursors', (SELECT string_agg(name, ',' ORDER BY name) FROM pg_catalog.pg_cursors WHERE NOT is_holdable AND name <> '')
UNION ALL SELECT 'schemas', pg_catalog.current_schemas(true)::text
UNION ALL SELECT 'role', CURRENT_USER::text
";

/// What was found, one line a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(Vec<String>);

impl State {
    /// Of the server, and of one session at the gateway.
    pub fn of(server: &mut Direct, session: &mut Wire) -> anyhow::Result<Self> {
        let mut found = server.rows(SERVER)?;
        session.query(SESSION)?;
        let of_session = rows(&session.answer(b'Z')?)?;
        anyhow::ensure!(of_session.len() == 6, "the session does not tell its state");
        found.extend(of_session);
        let line = |values: &Vec<Option<String>>| format!("{values:?}");
        Ok(Self(found.iter().map(line).collect()))
    }

    /// What became another.
    pub fn changed(&self, after: &Self) -> Vec<String> {
        let pairs = self.0.iter().zip(&after.0);
        let changed = pairs.filter(|(before, after)| before != after);
        changed
            .map(|(before, after)| format!("{before} -> {after}"))
            .collect()
    }
}
