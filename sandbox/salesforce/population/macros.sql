-- Everything random comes from roll(): a hash of the row's number, a word, and the seed. Same seed, same records.
create or replace temp macro roll(n, salt) as hash(n, salt, getvariable('seed'));
create or replace temp macro below(n, salt, most) as cast(roll(n, salt) % cast(most as ubigint) as bigint);
create or replace temp macro unit(n, salt) as cast(roll(n, salt) % 1000003 as double) / 1000003;
create or replace temp macro chance(n, salt, percent) as roll(n, salt) % 1000 < percent * 10;
create or replace temp macro pick(n, salt, choices) as choices[1 + cast(roll(n, salt) % cast(len(choices) as ubigint) as integer)];
create or replace temp macro maybe(n, salt, percent, value) as if(chance(n, salt, percent), value, null);
create or replace temp macro some_user(n, salt) as pick(n, salt, getvariable('users'));

-- Created over two years, evenly and in order of the row's number; nothing is younger than ten minutes.
create or replace temp macro created_at(n, total) as
    getvariable('now') - to_seconds(600 + cast(63072000 * (1 - (n + unit(n, 'born')) / total) as bigint));
-- Most rows rest soon after; some were touched this week; some by a nightly load that stamps many at one second.
create or replace temp macro later_than(moment, n, salt) as
    moment + to_seconds(cast(
        (epoch(getvariable('now')) - 600 - epoch(moment))
        * case when chance(n, salt || ' old', 75) then power(unit(n, salt), 6) else unit(n, salt) end as bigint));
create or replace temp macro this_week(n, salt) as
    getvariable('now') - to_seconds(600 + cast(604800 * unit(n, salt || ' week') as bigint));
create or replace temp macro modified_at(moment, n, salt) as greatest(moment, case
    when chance(n, salt || ' recent', 6) then this_week(n, salt)
    when chance(n, salt || ' nightly', 8) then date_trunc('day', later_than(moment, n, salt)) + interval 2 hour
    else later_than(moment, n, salt) end);
create or replace temp macro stamped_at(moment, n) as
    if(chance(n, 'system', 10), least(moment + to_seconds(below(n, 'system after', 21600)), getvariable('now') - interval 600 second), moment);

create or replace temp macro phone(n, salt) as
    printf('+1 (%03d) 555-%04d', 200 + below(n, salt, 700), below(n, salt || ' line', 10000));
create or replace temp macro slug(text) as trim(regexp_replace(lower(strip_accents(text)), '[^a-z0-9]+', '-', 'g'), '-');
create or replace temp macro odd(n, salt, percent, usual) as
    if(chance(n, salt || ' odd', percent), pick(n, salt, getvariable('odd_texts')), usual);
create or replace temp macro prose(n, salt) as
    pick(n, salt || ' a', getvariable('sentences')) || if(chance(n, salt || ' break', 30), chr(10), ' ')
    || pick(n, salt || ' b', getvariable('sentences'));
