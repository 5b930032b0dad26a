-- Samples pending entries, locks and the sizes of entries.
--
-- KEYS  1 stream  2 the lock of the drain  3 that of the cleaner
-- ARGV  1 how many entries  2... groups
-- Reply 1 the largest of the newest entries, in bytes  2 per group: pending ids that have
--       no entry, of the oldest ones, and how many ~waiting holds  3 locks that never lapse
-- Writes nothing.
local function dict(list)
  local found = {}
  for i = 1, #list, 2 do
    found[list[i]] = list[i + 1]
  end
  return found
end
-- Entries are read one at a time, and no more once so many bytes have come: large ones
-- would take long.
local left = 1048576
local function size_of(entry)
  local size = 0
  for _, part in ipairs(entry[2]) do
    size = size + #part
  end
  left = left - size
  return size
end
local largest, groups, locks = 0, {}, 0
local till = '+'
for _ = 1, 20 do
  local newest = redis.pcall('XREVRANGE', KEYS[1], till, '-', 'COUNT', 1)
  if newest.err then
    return newest
  end
  if #newest == 0 or left <= 0 then
    break
  end
  largest = math.max(largest, size_of(newest[1]))
  till = '(' .. newest[1][1]
end
left = 1048576
for i = 2, #ARGV do
  local missing, waiting = 0, 0
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[i], '-', '+', ARGV[1])
  if not pending.err then
    for _, held in ipairs(pending) do
      if left <= 0 then
        break
      end
      local found = redis.call('XRANGE', KEYS[1], held[1], held[1], 'COUNT', 1)
      if #found == 0 then
        missing = missing + 1
      else
        size_of(found[1])
      end
    end
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[i])) do
      consumer = dict(consumer)
      if consumer['name'] == '~waiting' then
        waiting = consumer['pending']
      end
    end
  end
  groups[#groups + 1] = {missing, waiting}
end
for i = 2, 3 do
  if redis.call('PTTL', KEYS[i]) == -1 then
    locks = locks + 1
  end
end
return {largest, groups, locks}
