-- Moves due times with the server's clock, after that was set back.
--
-- KEYS  1 waiting set  2 meta
-- ARGV  1 group  2 how many times due times were moved, as far as the caller knows
--       3 by how many ms the clock was set back  4 the due time to continue with
--       ('' at the beginning)  5 how many to move
-- Reply 1 how many times due times were moved  2 the due time to continue with
--       ('' at the end)
-- Only the first process to notice moves them; the count shows whether one did.
local field, known = 'clock:' .. ARGV[1], tonumber(ARGV[2])
local moved = tonumber(redis.call('HGET', KEYS[2], field) or 0)
if moved ~= known then
  return {moved, ''}
end
local from = ARGV[4] == '' and '-inf' or ARGV[4]
local due = redis.call(
  'ZRANGE', KEYS[1], from, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[5], 'WITHSCORES')
-- First, since this write may be refused.
if ARGV[4] == '' then
  moved = moved + 1
  redis.call('HSET', KEYS[2], field, moved)
end
-- Moved due times lie below the last of them, where the next step begins.
for i = 1, #due, 2 do
  redis.call('ZADD', KEYS[1], tonumber(due[i + 1]) - tonumber(ARGV[3]), due[i])
end
return {moved, #due < 2 * tonumber(ARGV[5]) and '' or due[#due]}
