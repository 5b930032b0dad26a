-- Part of the scripts for jobs that recur, which stand in the hash KEYS[1].
--
-- A job's value is, with a `|` in between: when it was due last, in ms; its revision;
-- on, paused, or off for one that was removed; the entry of its last tick; and its terms,
-- which all processes follow. The entry has a `b` in front where it went to the backup
-- stream, and its tick behind an `@` then. The terms are expression and zone, what becomes
-- of missed ticks, and the group that must be done with the last one ('': none), which
-- alone may hold a `|`. Earlier versions have stored expression and zone only.
local function job_of(name)
  local value = redis.call('HGET', KEYS[1], name)
  local last, revision, state, entry, terms =
    string.match(value or '', '^(%d+)|(%d+)|(%a+)|([^|]*)|(.*)$')
  if not last then
    return nil
  end
  return {last = tonumber(last), revision = tonumber(revision), state = state, entry = entry, terms = terms}
end

local function write(name, job)
  redis.call('HSET', KEYS[1], name, string.format('%.0f|%.0f|%s|%s|%s',
    job.last, job.revision, job.state, job.entry, job.terms))
end

-- The server's time in ms, or the one that a test goes by.
local function time_of(given)
  if given ~= '' then
    return tonumber(given)
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
