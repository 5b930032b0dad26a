-- Gives a scheduled message another due time.
--
-- KEYS  1 due times
-- ARGV  1 id  2 when it is due, in ms since 1970; with a `+` in front, in so many
--       ms
-- Reply 1 whether it is scheduled (1, else 0)  2 in how many ms it is due
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = tonumber(ARGV[2])
if string.sub(ARGV[2], 1, 1) == '+' then
  at = now + at
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return {0, 0}
end
redis.call('ZADD', KEYS[1], 'XX', at, ARGV[1])
return {1, math.max(0, at - now)}
