-- Names of the system catalogue of a fresh cluster, one `LIST name` a line, with the reviewed effects laid over them.
\set QUIET on
\pset format unaligned
\pset tuples_only on
create temp table line (number serial, text text);
\copy line(text) from program 'grep -v ''^#'' reviewed.txt'
create temp table reviewed as
  select distinct name, split_part(text, ':', 1) as effect
  from line, regexp_split_to_table(btrim(split_part(text, ':', 2)), '\s+') as name;
create temp table sensitive_line (text text);
\copy sensitive_line from program 'grep -v ''^#'' sensitive.txt'
create temp table sensitive as select distinct regexp_split_to_table(btrim(text), '\s+') as name from sensitive_line;

create temp table function_effect as
  select proname::text as name,
         coalesce(reviewed.effect, case when bool_and(provolatile = 'i') then 'harmless' else 'unknown' end) as effect
  from pg_proc left join reviewed on reviewed.name = proname
  where pronamespace = 'pg_catalog'::regnamespace
    and 'internal'::regtype <> all (proargtypes::oid[])
    and prorettype <> all ('{internal,trigger,event_trigger,language_handler,fdw_handler,index_am_handler,table_am_handler,tsm_handler}'::regtype[])
  group by proname, reviewed.effect
  -- names that the grammar itself gives to calls
  union select name, 'harmless' from unnest('{bernoulli,system}'::text[]) as name;

select upper(effect) || '_FUNCTIONS ' || name from function_effect order by effect, name collate "C";

select 'OPERATORS ' || oprname
from pg_operator left join pg_proc on pg_proc.oid = oprcode left join function_effect on function_effect.name = proname
where oprnamespace = 'pg_catalog'::regnamespace
group by oprname having bool_and(coalesce(effect, 'unknown') = 'harmless') order by oprname collate "C";

select 'TYPES ' || typname from pg_type
where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm', 'p')
order by typname collate "C";

select case when relnamespace = 'pg_catalog'::regnamespace then 'CATALOG ' else 'INFORMATION ' end || relname from pg_class
where relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and relpersistence = 'p'
order by relnamespace, relname collate "C";

select 'SENSITIVE ' || name from sensitive order by name collate "C";
