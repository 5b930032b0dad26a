-- Writes the outputs of deliveries and acknowledges them, each delivery in one
-- step.
--
-- KEYS  1 stream  2 waiting set  then per output stream: the stream, its backup
--       stream, its meta  then the keys of outputs that have an idempotency key
-- ARGV  1 group  2 consumer  3 how many deliveries  4 how many output streams
--       5 the default capacity of a stream
--       6 window of the keys in ms  7 how many outputs  8, 9 the lowest and the
--       highest id  10 the place of the first value
--       then runs of deliveries with like outputs: how many, how many outputs
--         each has; per output which output stream, how many values, 1 with a key
--         and 0 without; then the ids
--       then all values: name, value, name, value, …
-- Reply per delivery 1 its outputs are written, and it is acknowledged; 0 the
--       consumer doesn't hold it; -1 the stream of an output has partitions, or
--       another backup stream than KEYS say; or an error. Unless it is 1, none of
--       its outputs is written
-- A delivery has all of its outputs or none, and none without its acknowledgement:
-- everything that may be refused is tried before the first write, and earlier writes are
-- taken back after a refusal, before anyone can see them. In any case, deliveries with
-- written outputs are acknowledged in the end. While the backup stream of an output holds
-- anything, the output goes there: see route.lua.
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local count, targets, window = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[6]
local outputs = tonumber(ARGV[7])

local function refusal(reply, key)
  if type(reply) == 'table' and reply.err then
    return redis.error_reply(reply.err .. ' (the key ' .. key .. ')')
  end
end

-- Invalid values count as none.
local function number(text)
  text = text and #text <= 15 and text:match('^%d+$') and tonumber(text)
  return text and text > 0 and text
end

-- These change nothing: they show whether memory is left, and whether this server and
-- user may write and acknowledge.
local refused
if outputs > 0 then
  refused = refusal(redis.pcall('ZADD', KEYS[2], 'XX', 0, ''), KEYS[2])
    or refusal(redis.pcall('XACK', stream, group, '0-1'), stream)
end

-- Per output stream: the reason why nothing can be written there, or its room in entries
-- (nil: no bound).
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

-- The entries that the consumer holds between the lowest and the highest id, by one
-- command. It may hold others in between, so the list may end early; after its end, each
-- entry is looked up by itself.
local held, most = {}, 2 * count
local list = redis.call('XPENDING', stream, group, ARGV[8], ARGV[9], most, consumer)
for i = 1, #list do
  held[list[i][1]] = true
end
local is_cut = #list == most

-- Whether the consumer holds an entry; false once its outputs are written.
local function is_ours(id)
  local ours = held[id]
  if ours == nil and is_cut then
    local pending = redis.call('XPENDING', stream, group, id, id, 1)[1]
    ours = pending and pending[2] == consumer
  end
  return ours
end

-- The reason why an output of `values` names and values can't be written to an output
-- stream; nil if it can.
local function problem(target, values)
  if refused or bad[target] then
    return refused or bad[target]
  end
  -- unpack() ends near 8,000 values.
  if values > 7900 then
    return redis.error_reply('TOOLARGE an output has more than 7900 names and values')
  end
end

local reply, done = {}, {}
-- The writes for one delivery: for each output its key, and the id.
local written = {}

-- The reason why the keys of a delivery can't be written; nil if they can. The first of
-- them is KEYS[mark + 1].
local function unwritable(keyed, mark)
  for j = 1, #keyed do
    if keyed[j] then
      mark = mark + 1
      local first = first_of(KEYS[mark])
      -- The SET changes nothing, since the key doesn't exist.
      local bad = refusal(first, KEYS[mark]) or not first
        and refusal(redis.pcall('SET', KEYS[mark], '', 'XX', 'PX', window), KEYS[mark])
      if bad then
        return bad
      end
    end
  end
end

-- Writes the outputs of one delivery, whose values begin at `from`. Returns the first
-- refusal, after which none is left.
local function write(target, values, keyed, from, mark)
  local count, marks, seen = 0, nil, nil
  for j = 1, #target do
    local i, to, key = target[j], from + values[j], false
    if keyed[j] then
      mark = mark + 1
      key = KEYS[mark]
    end
    if not key or not (seen and seen[key] or first_of(key)) then
      local in_backup = free[i] and free[i] <= 0
      local place = in_backup and 3 * i + 1 or 3 * i
      local added = redis.pcall('XADD', KEYS[place], '*', unpack(ARGV, from, to - 1))
      if type(added) == 'table' then
        for k = 1, count, 2 do
          redis.call('XDEL', KEYS[written[k]], written[k + 1])
        end
        return refusal(added, KEYS[place])
      end
      written[count + 1], written[count + 2] = place, added
      count = count + 2
      if free[i] and not in_backup then
        free[i] = free[i] - 1
      end
      if key then
        marks, seen = marks or {}, seen or {}
        marks[mark], seen[key] = in_backup and 'b' .. added or added, true
      end
    end
    from = to
  end
  for mark, id in pairs(marks or {}) do
    redis.call('SET', KEYS[mark], id, 'PX', window)
  end
end

-- Goes through the runs.
local function write_all()
  -- The place of the next argument, of the next delivery's values, and the last key used.
  local at, from, mark, delivery = 11, tonumber(ARGV[10]), 2 + 3 * targets, 0
  while delivery < count do
    local run, each = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local target, values, keyed, size, keys, bad_run = {}, {}, {}, 0, 0, nil
    for j = 1, each do
      local place = at + 3 * j - 1
      target[j], values[j] = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
      keyed[j] = ARGV[place + 2] == '1'
      keys = keys + (keyed[j] and 1 or 0)
      size = size + values[j]
      bad_run = bad_run or problem(target[j], values[j])
    end
    at = at + 2 + 3 * each
    for k = at, at + run - 1 do
      local id, outcome = ARGV[k], 0
      if is_ours(id) then
        outcome = bad_run or keys > 0 and unwritable(keyed, mark)
          or write(target, values, keyed, from, mark) or 1
      end
      if outcome == 1 then
        held[id] = false
        done[#done + 1] = id
      end
      delivery = delivery + 1
      reply[delivery] = outcome
      from, mark = from + size, mark + keys
    end
    at = at + run
  end
end

local went, why = pcall(write_all)
if #done > 0 then
  redis.call('XACK', stream, group, unpack(done))
end
if not went then
  error(why)
end
return reply
