-- Stores a job, or other terms of it.
--
-- KEYS  1 jobs
-- ARGV  1 name  2 its terms  3 revision  4 the time to use, in ms ('': the server's)
-- Reply 1 'new', 'same' or 'changed'; 'stale' if the stored one has a higher
--         revision, 'paused', 'removed'
--       2 the last due time, and 3 the terms that apply
--       4 the time, in ms
-- A new or changed schedule begins now; with other rules only, it continues from
-- its last tick. An old process doesn't undo the terms of a newer one, nor bring a job back that was
-- removed, unless its revision is higher.
local name, terms, revision, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), time_of(ARGV[4])
local job, outcome = job_of(name), 'same'
if not job then
  job, outcome = {last = now, revision = revision, state = 'on', entry = '', terms = terms}, 'new'
elseif job.state == 'off' and job.revision >= revision then
  return {'removed', job.last, job.terms, now}
elseif job.revision > revision then
  return {'stale', job.last, job.terms, now}
elseif job.terms ~= terms or job.state == 'off' then
  outcome = 'changed'
  local schedule = '^[^|]*'
  local begins = job.state == 'off' or job.terms:match(schedule) ~= terms:match(schedule)
  job.terms, job.revision = terms, revision
  job.state = job.state == 'off' and 'on' or job.state
  -- A last tick slightly ahead stays, so that no tick comes twice.
  if begins and (job.last < now or job.last > now + 60000) then
    job.last = now
  end
elseif job.revision < revision then
  job.revision = revision
else
  return {job.state == 'paused' and 'paused' or 'same', job.last, job.terms, now}
end
write(name, job)
return {job.state == 'paused' and 'paused' or outcome, job.last, job.terms, now}
