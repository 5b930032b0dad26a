-- Moves the oldest entries of a backup stream back, as far as there is room.
--
-- KEYS  1 stream  2 backup stream  3 lock  4 meta
-- ARGV  1 how many entries at most  2 token of the caller  3 lease of the lock in ms
--       4 'producer': stores this backup stream if none is stored;
--         'consumer': moves nothing unless this backup stream is stored
--       5 the capacity that the producer asks for ('': none)
--       6 the default capacity of a stream
--       7 about how many bytes to move
-- Reply 1 the outcome: 0 moved all it could, 1 another process holds the lock,
--       2 the next entry is too large for a script, 3 the stream takes no
--       entries, 4 another backup stream is stored, or none, 5 more may move
--       at once
--       2 how many were moved  3 how many are left
--       4 lease of the other's lock in ms; the too large entry's id; the error
--       5 the capacity that applies
-- An entry moves under a new id, its fields unchanged; `~origin` after them has its first
-- id, whose first part is the time it was added. One script adds an entry to the stream
-- and then removes it from the backup stream, so it is always in exactly one of them.
local stream, backup, lock, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me, time, asked = ARGV[2], ARGV[3], ARGV[5]
local known = redis.call('HMGET', meta, 'backup:name', 'backup:capacity',
  'retention:max_length')
if ARGV[4] == 'producer' then
  if not known[1] then
    redis.call('HSET', meta, 'backup:name', backup)
  end
  if not known[2] and asked ~= '' then
    redis.call('HSET', meta, 'backup:capacity', asked)
    known[2] = asked
  end
elseif known[1] ~= backup then
  return {4, 0, 0, '', 0}
end
-- Invalid values count as none.
local function number(text)
  text = text and #text <= 15 and text:match('^%d+$') and tonumber(text)
  return text and text > 0 and text
end
local capacity = number(known[2]) or number(known[3]) or tonumber(ARGV[6])
local left = length(backup)
if left == 0 then
  return {0, 0, 0, '', capacity}
end
local owner, lease = redis.call('GET', lock), redis.call('PTTL', lock)
-- A lock that never lapses isn't the library's, and would last for ever.
if owner and owner ~= me and lease >= 0 then
  return {1, 0, left, lease, capacity}
end
if owner ~= me or lease * 2 < tonumber(time) then
  redis.call('SET', lock, me, 'PX', time)
end
local most = math.min(tonumber(ARGV[1]), left)
most = math.min(most, room(stream, capacity, most))
if most == 0 then
  return {0, 0, left, '', capacity}
end
-- Trims nothing: fails without permission to trim, before anything is copied.
redis.call('XTRIM', backup, 'MINID', '=', '0-0')
-- In doubling steps, since the sizes of entries are unknown.
local entries, size, from, step = {}, 0, '-', 1
while #entries < most and size < tonumber(ARGV[7]) do
  local count = math.min(step, most - #entries)
  for _, entry in ipairs(redis.call('XRANGE', backup, from, '+', 'COUNT', count)) do
    entries[#entries + 1] = entry
    for _, value in ipairs(entry[2]) do
      size = size + #value
    end
  end
  from, step = '(' .. entries[#entries][1], step * 2
end
local moved, outcome, detail = 0, 0, ''
for i = 1, #entries do
  local id, fields = entries[i][1], entries[i][2]
  local has_origin = false
  for at = 1, #fields, 2 do
    has_origin = has_origin or fields[at] == '~origin'
  end
  if not has_origin then
    fields[#fields + 1] = '~origin'
    fields[#fields + 1] = id
  end
  -- unpack() ends near 8,000 values.
  if #fields > 7900 then
    outcome, detail = 2, id
    break
  end
  local added = redis.pcall('XADD', stream, '*', unpack(fields))
  if type(added) == 'table' then
    outcome, detail = 3, added.err
    break
  end
  moved = i
end
if moved > 0 then
  -- Removes the oldest. If all go, XTRIM keeps the key with its last id.
  redis.call('XTRIM', backup, 'MAXLEN', '=', left - moved)
end
if outcome == 0 and moved < most then
  outcome = 5
end
return {outcome, moved, left - moved, detail, capacity}
