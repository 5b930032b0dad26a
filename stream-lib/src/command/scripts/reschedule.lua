-- Gives a scheduled message another due time.
--
-- KEYS  1 due times  2 its idempotency key, or the first again
-- ARGV  1 id  2 when it is due, in ms since 1970; with a `+` in front, in ms from
--       now on
-- Reply 1 whether it is scheduled (1, else 0)  2 in how many ms it is due
-- The idempotency key is held until then, and for its window after.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = tonumber(ARGV[2])
if string.sub(ARGV[2], 1, 1) == '+' then
  at = now + at
end
local was = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not was then
  return {0, 0}
end
local left = 0
if KEYS[2] ~= KEYS[1] and was ~= 'inf' and redis.pcall('GET', KEYS[2]) == 's' .. ARGV[1] then
  left = redis.call('PTTL', KEYS[2])
end
redis.call('ZADD', KEYS[1], 'XX', at, ARGV[1])
if left > 0 then
  local window = math.max(1, left - math.max(0, tonumber(was) - now))
  left = math.max(0, at - now) + window
  redis.call('SET', KEYS[2], 's' .. ARGV[1], 'PX', string.format('%.0f', left))
end
return {1, math.max(0, at - now)}
