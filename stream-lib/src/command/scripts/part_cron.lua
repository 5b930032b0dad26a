-- Part of the scripts for recurring jobs, which are stored in the hash KEYS[1].
--
-- A job's value is, separated by `|`: the last due time, in ms; its revision; on, paused,
-- or off for a removed job; the entry of its last tick; expression and zone. The entry
-- has a `b` in front, and an `@` and its tick at the end, if it went to the backup
-- stream.
local function job_of(name)
  local value = redis.call('HGET', KEYS[1], name)
  local last, revision, state, entry, spec =
    string.match(value or '', '^(%d+)|(%d+)|(%a+)|([^|]*)|(.*)$')
  if not last then
    return nil
  end
  return {last = tonumber(last), revision = tonumber(revision), state = state, entry = entry, spec = spec}
end

local function write(name, job)
  redis.call('HSET', KEYS[1], name, string.format('%.0f|%.0f|%s|%s|%s',
    job.last, job.revision, job.state, job.entry, job.spec))
end

-- The server's time in ms, or the one that a test gives.
local function time_of(given)
  if given ~= '' then
    return tonumber(given)
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
