-- Asks the processes that have a job to run it once, out of turn.
--
-- KEYS  1 jobs  2 request
-- ARGV  1 name  2 token of the request  3 for how long it stands, in ms
-- Reply 'asked'; 'waits' where another request stands that no process has taken;
--       'gone' where there is no such job; 'removed'
-- A request lapses by itself, so that nothing runs long after it was asked for.
local job = job_of(ARGV[1])
if not job then
  return 'gone'
elseif job.state == 'off' then
  return 'removed'
end
local stands = redis.call('GET', KEYS[2])
if stands and string.sub(stands, 1, 1) == '?' then
  return 'waits'
end
redis.call('SET', KEYS[2], '?' .. ARGV[2], 'PX', ARGV[3])
return 'asked'
