-- Moves scheduled messages that are due to the stream, or to its backup stream.
--
-- KEYS  1 due times  2 bodies  3 unique keys  4 stream  5 backup stream  6 meta
-- ARGV  1 how many at most  2 about how many bytes
--       3 the default capacity of a stream
--       4 capacity of the backup stream (-1: no bound)
--       5 the time to use, in ms ('': the server's)
-- Reply 1 ms until the next one is due (-1: there is none)
--       2 how many were moved  3 how many of these to the backup stream
--       4 the error that ended the move ('': none)
--       5 the stored backup stream, if that is another one: nothing was done
--         ('': it isn't)
--       6 ids of messages with a broken body: they are never due, and stay
--       7 ids of messages without a body: they are gone
-- The oldest due time goes first. One script adds a message to the stream and then
-- removes it here. While the backup stream holds anything, all messages go there, as adds
-- would. `~origin` has the due time, so the age of a delivery shows how late it is.
local due, bodies, unique, stream, backup, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local now = tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- One more, to know what comes next before anything is removed.
local most = tonumber(ARGV[1])
local list = redis.call('ZRANGE', due, 0, most, 'WITHSCORES')
local function wait(at)
  local score = list[at + 1]
  if not score or score == 'inf' then
    return -1
  end
  return math.max(0, tonumber(score) - now)
end
if wait(1) ~= 0 then
  return {wait(1), 0, 0, '', '', {}, {}}
end
local known = redis.call('HMGET', meta, 'backup:name', 'backup:capacity', 'retention:max_length')
if known[1] and known[1] ~= backup then
  return {0, 0, 0, '', known[1], {}, {}}
end
-- Invalid values count as none.
local function number(text)
  text = text and #text <= 15 and text:match('^%d+$') and tonumber(text)
  return text and text > 0 and text
end
local kept, free = 0, most
if known[1] then
  kept = length(backup)
  free = kept == 0 and room(stream, number(known[2]) or number(known[3]) or tonumber(ARGV[3]), most) or 0
end
-- These change nothing: they fail if a removal below would.
redis.call('HDEL', bodies, '')
redis.call('HDEL', unique, '')
redis.call('ZREM', due, '')
local most_kept, bytes = tonumber(ARGV[4]), 0
local gone, names, broken, missing = {}, {}, {}, {}
local moved, to_backup, refused, at = 0, 0, '', 1
while at < 2 * most and wait(at) == 0 do
  local id, score = list[at], list[at + 1]
  local body = redis.call('HGET', bodies, id)
  bytes = bytes + (body and #body or 0)
  if moved > 0 and bytes > tonumber(ARGV[2]) then
    break
  end
  local good, name, values = false, nil, nil
  if body then
    good, name, values = pcall(cmsgpack.unpack, body)
    if type(name) == 'table' then
      name, values = nil, name
    end
    -- unpack() ends near 8,000 values.
    good = good and type(values) == 'table' and #values > 0 and #values % 2 == 0 and #values <= 7900
  end
  if good then
    local target = free > 0 and stream or backup
    if target == backup and most_kept >= 0 and kept >= most_kept then
      refused = 'FULL the backup stream `' .. backup .. '` holds ' .. kept ..
        ' entries, and may not hold more; it empties as consumers make room'
      break
    end
    values[#values + 1] = '~origin'
    values[#values + 1] = string.format('%.0f-0', score)
    values[#values + 1] = '~scheduled'
    values[#values + 1] = id
    local added
    if free > 0 then
      added = redis.pcall('XADD', stream, '*', unpack(values))
    else
      added = redis.pcall('XADD', backup, '*', unpack(values))
    end
    if type(added) == 'table' then
      refused = added.err
      break
    end
    moved = moved + 1
    if free > 0 then
      free = free - 1
    else
      kept, to_backup = kept + 1, to_backup + 1
    end
    gone[#gone + 1] = id
    if name and redis.call('HGET', unique, name) == id then
      names[#names + 1] = name
    end
  elseif body then
    broken[#broken + 1] = id
  else
    gone[#gone + 1] = id
    missing[#missing + 1] = id
  end
  at = at + 2
end
local following = wait(at)
-- Broken ones must not block others.
for i = 1, #broken do
  redis.call('ZADD', due, 'inf', broken[i])
end
if #gone > 0 then
  if #names > 0 then
    redis.call('HDEL', unique, unpack(names))
  end
  redis.call('HDEL', bodies, unpack(gone))
  redis.call('ZREM', due, unpack(gone))
end
return {following, moved, to_backup, refused, '', broken, missing}
