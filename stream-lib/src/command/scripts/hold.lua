-- Holds a group until a time.
--
-- KEYS  1 hold
-- ARGV  1 until when: in ms since 1970, or with a + in front in ms from now on
--       2 why  3 'longest' leaves a hold that ends later
-- Reply 1 the server's time in ms  2 the hold that applies: until when, a space,
--       why ('' if it would be over)
-- The key lapses with the hold.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local till = tonumber(ARGV[1])
if string.sub(ARGV[1], 1, 1) == '+' then
  till = now + till
end
local stands = redis.call('GET', KEYS[1])
if ARGV[3] == 'longest' and stands and tonumber(string.match(stands, '^(%d+) ') or 0) >= till then
  return {now, stands}
end
stands = string.format('%.0f %s', till, ARGV[2])
-- A hold that is over lapses at once.
redis.call('SET', KEYS[1], stands, 'PXAT', string.format('%.0f', till))
return {now, till > now and stands or ''}
