-- Adds messages of a spool, each once and in order, to the place that route.lua chooses.
--
-- KEYS  1 stream  2 backup stream  3 hash of the marks
--       then the keys of messages that have one
-- ARGV  1 capacity of the stream  2 of the backup stream (-1: no bound)
--       3 window of the keys in ms  4 how many messages  5 the spool
--       6 ms without use after which its mark lapses
--       7 whether a repeat writes its key again (1, else 0)
--       then for each message: how many values it has, which key (0: none),
--       and its number: 20 digits, so that they compare as text
--       then all values: name, value, name, value, …
-- Reply for each message the id of its entry, with a `b` in front if it is in
--       the backup stream, and a `d` before that if it is the first entry of a
--       key that was added before; or `=` if it was taken before; after an
--       error nothing more. Only `?` if the spool has no mark, which
--       register_spool.lua makes: nothing was added
-- The mark is the highest number taken from this spool. A message at or below it isn't
-- added again, and none is added after one that failed. Entries and mark are written
-- together.
local stream, backup, marks, window = KEYS[1], KEYS[2], KEYS[3], ARGV[3]
local most, count, spool = tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[5]
local before = redis.call('HGET', marks, spool)
before = before and string.match(before, '^%d*')
if not before then
  return {'?'}
end
local kept, free = length(backup), 0
if kept == 0 then
  free = room(stream, tonumber(ARGV[1]), count)
end
local time = redis.call('TIME')
local lapses = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[6]
-- Records the use of the mark, and shows before the first entry whether the mark can be
-- written after the last. Something is always written, so that a WAIT after this also
-- waits for messages taken before.
redis.call('HSET', marks, spool, string.format('%s %.0f', before, lapses))
local from, mark, reply, rewrites = 8 + 3 * count, before, {}, ARGV[7] == '1'
for i = 1, count do
  local at = 5 + 3 * i
  local to, number = from + ARGV[at] - 1, ARGV[at + 2]
  local key = ARGV[at + 1] ~= '0' and KEYS[3 + ARGV[at + 1]]
  local added = number <= mark and '=' or first_of(key, rewrites)
  if not added then
    if free > 0 then
      added = add(stream, '', key, window, from, to)
      free = free - 1
    elseif most >= 0 and kept >= most then
      added = redis.error_reply('FULL the backup stream `' .. backup .. '` holds ' .. kept ..
        ' entries, and may not hold more; it empties as consumers make room')
    else
      added = add(backup, 'b', key, window, from, to)
      kept = kept + 1
    end
  end
  reply[i] = added
  if type(added) == 'table' then
    break
  end
  if added ~= '=' then
    mark = number
  end
  from = to + 1
end
if mark ~= before then
  redis.call('HSET', marks, spool, string.format('%s %.0f', mark, lapses))
end
return reply
