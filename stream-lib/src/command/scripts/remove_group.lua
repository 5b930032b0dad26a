#!lua flags=allow-oom
-- Destroys a group and removes its keys and fields, unless a member of it lives.
--
-- KEYS  1 stream  2 meta  3 waiting set  4 members  5 lock of entries that run
--       alone  6 hold  7 rate  8 facts
-- ARGV  1 group
-- Reply 'removed', 'none' if nothing existed, or 'alive <consumer>'
-- The check and the removal are one step: a member that comes later creates the group
-- again. Members of older versions give their signs of life in meta, each valid for twice
-- the lease that it names.
local group = ARGV[1]
local groups = {}
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #info, 2 do
      if info[i] == 'name' then
        groups[#groups + 1] = info[i + 1]
      end
    end
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local alive = redis.call('ZRANGE', KEYS[4], string.format('(%.0f', now), '+inf', 'BYSCORE',
  'LIMIT', 0, 1)
if alive[1] then
  return 'alive ' .. alive[1]
end
-- Whether a sign belongs to another group, whose name continues this one's.
local prefix = 'beat:' .. group .. ':'
local function of_another(field)
  for _, name in ipairs(groups) do
    local other = 'beat:' .. name .. ':'
    if #other > #prefix and string.sub(field, 1, #other) == other then
      return true
    end
  end
  return false
end
local fields = {}
local meta = redis.call('HGETALL', KEYS[2])
for i = 1, #meta, 2 do
  if meta[i] == 'retention:floor:' .. group or meta[i] == 'clock:' .. group then
    fields[#fields + 1] = meta[i]
  elseif string.sub(meta[i], 1, #prefix) == prefix and not of_another(meta[i]) then
    local at, lease = string.match(meta[i + 1], '^(%d+) (%d+)$')
    if at and now - tonumber(at) < 2 * tonumber(lease) then
      return 'alive ' .. string.sub(meta[i], #prefix + 1)
    end
    fields[#fields + 1] = meta[i]
  end
end
local removed = 0
for _, name in ipairs(groups) do
  if name == group then
    removed = redis.call('XGROUP', 'DESTROY', KEYS[1], group)
  end
end
removed = removed + redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
-- Everything to remove exists, so only the last removal can empty the hash.
for _, field in ipairs(fields) do
  removed = removed + redis.call('HDEL', KEYS[2], field)
end
return removed > 0 and 'removed' or 'none'
