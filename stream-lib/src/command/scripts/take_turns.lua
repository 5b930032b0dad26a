-- Takes turns of a rate, ahead of their time (GCRA).
--
-- KEYS  1 rate  2 hold
-- ARGV  1 us from one turn to the next  2 how many may come at once  3 how many
--       turns  4 how far ahead they may be taken, in us
-- Reply 1 how many  2 us until the first may begin, negative if that has passed;
--       the others follow one interval apart  3 us to wait if there are none
--       4 the server's time in us  5 the hold of the group ('': none)
-- The key holds the time at which all turns so far would have begun, had they come
-- evenly. A turn that was taken is used or lost. No legal time lies beyond the burst
-- and what may be taken ahead: after a step of the clock, a time beyond that is
-- forgotten.
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local want, ahead = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local hold = redis.pcall('GET', KEYS[2])
local till = type(hold) == 'string' and tonumber(string.match(hold, '^(%d+) ') or 0) or 0
if till * 1000 > now then
  return {0, 0, till * 1000 - now, now, hold}
end
local even = tonumber(redis.call('GET', KEYS[1]) or 0)
local is_beyond = even > now + burst * interval + ahead + interval
if is_beyond then
  even = now + burst * interval
end
even = math.max(now, even)
-- The first turn begins a whole burst before its even time.
local room = now + ahead + burst * interval - even
local turns = math.max(0, math.min(want, math.floor(room / interval + 1e-6)))
local first = even + interval - burst * interval - now
local after = even + turns * interval
if turns > 0 or is_beyond then
  local lapse = math.ceil((after - now) / 1000) + 1000
  redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', string.format('%.0f', lapse))
end
if turns > 0 then
  return {turns, math.ceil(first), 0, now, ''}
end
return {0, 0, math.ceil(first - ahead), now, ''}
