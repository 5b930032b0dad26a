-- Pauses, resumes or removes a job.
--
-- KEYS  1 jobs
-- ARGV  1 name  2 its state from now on: paused, on or off  3 the time to use, in
--       ms ('': the server's)
-- Reply 1 the job exists, 0 it doesn't
-- A removed job stays stored, so that processes that still know it don't bring it back. A
-- resumed job begins now: ticks that were due meanwhile are left out.
local name, state, now = ARGV[1], ARGV[2], time_of(ARGV[3])
local job = job_of(name)
if not job or job.state == 'off' and state == 'paused' then
  return 0
end
if state == 'on' and job.state ~= 'on' and (job.last < now or job.last > now + 60000) then
  job.last = now
end
job.state = state
write(name, job)
return 1
