-- Stores a job, or another schedule of it.
--
-- KEYS  1 jobs
-- ARGV  1 name  2 expression and zone  3 revision  4 the time to use, in ms ('':
--       the server's)
-- Reply 1 'new', 'same' or 'changed'; 'stale' if the stored one has a higher
--         revision, 'paused', 'removed'
--       2 the last due time, and 3 the expression and zone that apply
--       4 the time, in ms
-- A new or changed schedule begins now. An old process doesn't undo the schedule of
-- a newer one, nor bring a job back that was removed, unless its revision is higher.
local name, spec, revision, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), time_of(ARGV[4])
local job, outcome = job_of(name), 'same'
if not job then
  job, outcome = {last = now, revision = revision, state = 'on', entry = '', spec = spec}, 'new'
elseif job.state == 'off' and job.revision >= revision then
  return {'removed', job.last, job.spec, now}
elseif job.revision > revision then
  return {'stale', job.last, job.spec, now}
elseif job.spec ~= spec or job.state == 'off' then
  outcome = 'changed'
  job.spec, job.revision = spec, revision
  job.state = job.state == 'off' and 'on' or job.state
  -- A last tick slightly ahead stays, so that no tick comes twice.
  if job.last < now or job.last > now + 60000 then
    job.last = now
  end
elseif job.revision < revision then
  job.revision = revision
else
  return {job.state == 'paused' and 'paused' or 'same', job.last, job.spec, now}
end
write(name, job)
return {job.state == 'paused' and 'paused' or outcome, job.last, job.spec, now}
