-- Adds messages: to the stream while it has room, else to its backup stream.
--
-- KEYS  1 stream  2 backup stream  then the keys of messages that have one
-- ARGV  1 capacity of the stream
--       2 how many values each message has, if none has a key; 0 if that differs
--       3 capacity of the backup stream (-1: no bound), window of the keys in
--         ms, how many messages, whether a repeat writes its key again (1, else
--         0): separated by spaces
--       then, after a 0, for each message: how many values, and which key (0:
--         none)
--       then all values: name, value, name, value, …
-- Reply for each message the id of its entry, with a `b` in front if it is in
--       the backup stream, and a `d` before that if it is the first entry of a
--       key that was added before; or an error. That of a single message may
--       come by itself
-- While the backup stream holds anything, everything goes there: the stream, followed by
-- the backup stream, has the order of the calls. A batch is placed as the same messages
-- one by one would be. part_plain.lua has handled most calls already.
local stream, backup = KEYS[1], KEYS[2]
local most, window, count, rewrites = string.match(ARGV[3], '(%S+) (%S+) (%S+) (%S+)')
most, count, rewrites = tonumber(most), tonumber(count), rewrites == '1'
local kept, free = length(backup), 0
if kept == 0 then
  free = room(stream, tonumber(ARGV[1]), count)
end
if each > 0 and free >= count then
  return add_plain(stream)
end
local from, reply = 4, {}
if each == 0 then
  from = from + 2 * count
end
for i = 1, count do
  local values, key = each, false
  if each == 0 then
    values, key = ARGV[2 + 2 * i], ARGV[3 + 2 * i]
    key = key ~= '0' and KEYS[2 + key]
  end
  local to = from + values - 1
  local added = first_of(key, rewrites)
  if not added then
    if free > 0 then
      added = add(stream, '', key, window, from, to)
      if type(added) == 'string' then
        free = free - 1
      end
    elseif most >= 0 and kept >= most then
      added = redis.error_reply('FULL the backup stream `' .. backup .. '` holds ' .. kept ..
        ' entries, and may not hold more; it empties as consumers make room')
    else
      added = add(backup, 'b', key, window, from, to)
      if type(added) == 'string' then
        kept = kept + 1
      end
    end
  end
  reply[i] = added
  from = to + 1
end
return reply
