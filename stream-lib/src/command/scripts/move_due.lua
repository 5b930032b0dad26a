-- Moves due times along with the server's clock, after that was set back.
--
-- KEYS  1 waiting set  2 meta
-- ARGV  1 group  2 how often due times were moved, as far as the caller knows
--       3 by how many ms the clock was set back  4 the due time to go on behind
--       ('' at the beginning)  5 how many to move
-- Reply 1 how often due times were moved  2 the due time to go on behind ('' at
--       the end)
-- Whoever notices first moves them, and nobody else: the count says so.
local field, known = 'clock:' .. ARGV[1], tonumber(ARGV[2])
local moved = tonumber(redis.call('HGET', KEYS[2], field) or 0)
if moved ~= known then
  return {moved, ''}
end
local from = ARGV[4] == '' and '-inf' or '(' .. ARGV[4]
local due = redis.call(
  'ZRANGE', KEYS[1], from, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[5], 'WITHSCORES')
local last = due[#due]
if #due < 2 * tonumber(ARGV[5]) then
  last = ''
else
  -- All that are due at the same time move together.
  local same = redis.call('ZRANGE', KEYS[1], last, last, 'BYSCORE', 'WITHSCORES')
  local kept = {}
  for i = 1, #due, 2 do
    if due[i + 1] ~= last then
      kept[#kept + 1] = due[i]
      kept[#kept + 1] = due[i + 1]
    end
  end
  for i = 1, #same do
    kept[#kept + 1] = same[i]
  end
  due = kept
end
for i = 1, #due, 2 do
  redis.call('ZADD', KEYS[1], tonumber(due[i + 1]) - tonumber(ARGV[3]), due[i])
end
if ARGV[4] == '' then
  moved = moved + 1
  redis.call('HSET', KEYS[2], field, moved)
end
return {moved, last}
