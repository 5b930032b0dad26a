-- Moves the oldest entries of a backup stream back, as far as there is room.
--
-- KEYS  1 stream  2 backup stream  3 lock
-- ARGV  1 capacity of the stream  2 how many entries at most
--       3 who asks  4 lease of the lock in ms
-- Reply 1 how it went: 0 moved what it could, 1 another holds the lock, 2 the
--       next entry is too large for a script, 3 the stream takes no entries
--       2 how many were moved  3 how many are left
--       4 lease of the other's lock in ms; the too large entry's id; the error
-- An entry moves under a new id, its fields unchanged; `~origin` behind them
-- has its first id, whose first part is the time it was added. It is in the
-- stream before it leaves the backup stream, and one script does both, so it
-- is never in none and never in both.
local stream, backup, lock = KEYS[1], KEYS[2], KEYS[3]
local left = length(backup)
if left == 0 then
  return {0, 0, 0, ''}
end
local owner, lease = redis.call('GET', lock), redis.call('PTTL', lock)
-- A lock that never lapses is none of ours, and would last for ever.
if owner and owner ~= ARGV[3] and lease >= 0 then
  return {1, 0, left, lease}
end
if owner ~= ARGV[3] or lease * 2 < tonumber(ARGV[4]) then
  redis.call('SET', lock, ARGV[3], 'PX', ARGV[4])
end
local most = math.min(tonumber(ARGV[2]), left)
most = math.min(most, room(stream, tonumber(ARGV[1]), most))
if most == 0 then
  return {0, 0, left, ''}
end
-- Trims nothing: fails where we may not trim, before anything is copied.
redis.call('XTRIM', backup, 'MINID', '=', '0-0')
local entries = redis.call('XRANGE', backup, '-', '+', 'COUNT', most + 1)
local moved, outcome, detail = 0, 0, ''
for i = 1, math.min(most, #entries) do
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
if moved == #entries then
  -- Keeps the key, and its last id with it.
  redis.call('XTRIM', backup, 'MAXLEN', '=', 0)
elseif moved > 0 then
  redis.call('XTRIM', backup, 'MINID', '=', entries[moved + 1][1])
end
return {outcome, moved, left - moved, detail}
