-- Writes the outputs of deliveries and acknowledges them, each delivery in one
-- step.
--
-- KEYS  1 stream  2 waiting set  then per output stream: the stream, its backup
--       stream, its meta  then the keys of outputs that have an idempotency key
-- ARGV  1 group  2 consumer  3 how many deliveries  4 how many output streams
--       5 the capacity of a stream for which nobody has asked for any
--       6 window of the keys in ms
--       then per delivery: id, how many outputs
--       then per output, in the order of the deliveries: which output stream, how
--         many values, which key (0: none)
--       then all values: name, value, name, value, …
-- Reply per delivery 1 its outputs are written, and it is acknowledged; 0 it is not
--       held by the consumer; -1 the stream of an output has partitions, or
--       knows of another backup stream than KEYS say; or an error. But for a 1, nothing of it was written
-- A delivery has all of its outputs or none, and none without its
-- acknowledgement: all is tried that may be refused before the first write, and
-- what was written before a refusal is taken back. Nobody has seen it. While the
-- backup stream of an output holds anything, the output goes there: see route.lua.
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local count, targets, window = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[6]
local outputs = 0
for i = 1, count do
  outputs = outputs + ARGV[6 + 2 * i]
end
-- Where the next output is described, and where its values begin.
local at = 7 + 2 * count
local from = at + 3 * outputs

local function refusal(reply, key)
  if type(reply) == 'table' and reply.err then
    return redis.error_reply(reply.err .. ' (the key ' .. key .. ')')
  end
end

-- What makes no sense counts as none.
local function number(text)
  text = text and #text <= 15 and text:match('^%d+$') and tonumber(text)
  return text and text > 0 and text
end

-- Change nothing: say whether there is memory, and whether this server and this
-- user may write and acknowledge.
local refused
if outputs > 0 then
  refused = refusal(redis.pcall('ZADD', KEYS[2], 'XX', 0, ''), KEYS[2])
    or refusal(redis.pcall('XACK', stream, group, '0-1'), stream)
end

-- Of each output stream: why nothing can be written there, or for how many more
-- entries it has room (nil: no bound).
local bad, free = {}, {}
for i = 1, refused and 0 or targets do
  local known = redis.pcall('HMGET', KEYS[3 * i + 2], 'backup:name', 'backup:capacity',
    'retention:max_length', 'partitions')
  bad[i] = refusal(known, KEYS[3 * i + 2])
    or refusal(redis.pcall('XDEL', KEYS[3 * i], '0-1'), KEYS[3 * i])
  if not bad[i] and known[4] then
    bad[i] = -1
  end
  if not bad[i] and known[1] then
    bad[i] = known[1] ~= KEYS[3 * i + 1] and -1
      or refusal(redis.pcall('XDEL', KEYS[3 * i + 1], '0-1'), KEYS[3 * i + 1])
    if not bad[i] then
      free[i] = 0
      if length(KEYS[3 * i + 1]) == 0 then
        local capacity = number(known[2]) or number(known[3]) or tonumber(ARGV[5])
        free[i] = room(KEYS[3 * i], capacity, outputs)
      end
    end
  end
end

-- Why the output described at `place` can't be written; nil where it may be.
local function problem(place)
  if refused or bad[tonumber(ARGV[place])] then
    return refused or bad[tonumber(ARGV[place])]
  end
  -- unpack() ends near 8,000 values.
  if tonumber(ARGV[place + 1]) > 7900 then
    return redis.error_reply('TOOLARGE an output has more than 7900 names and values')
  end
  local key = ARGV[place + 2] ~= '0' and KEYS[2 + 3 * targets + ARGV[place + 2]]
  local first = first_of(key)
  if first then
    return refusal(first, key)
  end
  -- Changes nothing, since the key isn't there.
  return key and refusal(redis.pcall('SET', key, '', 'XX', 'PX', window), key)
end

-- Writes `most` outputs. Returns the first refusal, after which none is left.
local function write(most)
  local place, begin, written, marks, seen = at, from, {}, {}, {}
  for _ = 1, most do
    local i, to = tonumber(ARGV[place]), begin + ARGV[place + 1] - 1
    local mark = ARGV[place + 2] ~= '0' and 2 + 3 * targets + ARGV[place + 2]
    if not mark or not (seen[KEYS[mark]] or first_of(KEYS[mark])) then
      local in_backup = free[i] and free[i] <= 0
      local target = in_backup and 3 * i + 1 or 3 * i
      local added = redis.pcall('XADD', KEYS[target], '*', unpack(ARGV, begin, to))
      if type(added) == 'table' then
        for k = 1, #written, 2 do
          redis.call('XDEL', KEYS[written[k]], written[k + 1])
        end
        return refusal(added, KEYS[target])
      end
      written[#written + 1] = target
      written[#written + 1] = added
      if free[i] and not in_backup then
        free[i] = free[i] - 1
      end
      if mark then
        marks[mark], seen[KEYS[mark]] = in_backup and 'b' .. added or added, true
      end
    end
    place, begin = place + 3, to + 1
  end
  for mark, id in pairs(marks) do
    redis.call('SET', KEYS[mark], id, 'PX', window)
  end
end

local reply = {}
for i = 1, count do
  local id, most = ARGV[5 + 2 * i], tonumber(ARGV[6 + 2 * i])
  local pending = redis.call('XPENDING', stream, group, id, id, 1)[1]
  local outcome = 1
  if not pending or pending[2] ~= consumer then
    outcome = 0
  end
  local place, values = at, 0
  for _ = 1, most do
    outcome = outcome == 1 and problem(place) or outcome
    values = values + ARGV[place + 1]
    place = place + 3
  end
  if outcome == 1 then
    outcome = most > 0 and write(most) or 1
  end
  if outcome == 1 then
    redis.call('XACK', stream, group, id)
  end
  reply[i] = outcome
  at, from = place, from + values
end
return reply
