-- A consumer's sign of life, and what the group should know of its members.
--
-- KEYS  1 stream  2 meta
-- ARGV  1 group  2 consumer  3 its lease in ms  4 ms without a sign of life
--       after which a consumer that holds nothing is removed ('' looks at none)
-- Reply 1 the server's time in ms  2 the longest lease of living members
--       3 the names of the consumers removed
-- Only consumers that hold nothing are removed, since removal would discard
-- what they hold.
local group, me = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local prefix = 'beat:' .. group .. ':'
redis.call('HSET', KEYS[2], prefix .. me, string.format('%.0f %s', now, ARGV[3]))

local beats, longest, stale = {}, tonumber(ARGV[3]), {}
local meta = redis.call('HGETALL', KEYS[2])
for i = 1, #meta, 2 do
  if string.sub(meta[i], 1, #prefix) == prefix then
    local at, lease = string.match(meta[i + 1], '^(%d+) (%d+)$')
    if at then
      local age = now - tonumber(at)
      beats[string.sub(meta[i], #prefix + 1)] = age
      -- Beats come three times a lease.
      if age < 2 * tonumber(lease) then
        longest = math.max(longest, tonumber(lease))
      end
    end
  end
end

local removed = {}
if ARGV[4] ~= '' then
  local patience = tonumber(ARGV[4])
  -- An error says that the stream or the group is gone: nobody to remove.
  for _, info in ipairs(redis.pcall('XINFO', 'CONSUMERS', KEYS[1], group)) do
    local facts = {}
    for i = 1, #info, 2 do
      facts[info[i]] = info[i + 1]
    end
    local name = facts.name
    local silent = math.min(beats[name] or facts.idle, facts.idle)
    if facts.pending == 0 and silent >= patience and name ~= me and name ~= '~waiting' then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, name)
      redis.call('HDEL', KEYS[2], prefix .. name)
      removed[#removed + 1] = name
    end
    beats[name] = nil
  end
  -- What is left are beats of consumers that Redis doesn't know.
  for name, age in pairs(beats) do
    if age >= patience then
      redis.call('HDEL', KEYS[2], prefix .. name)
    end
  end
end
return {now, longest, removed}
