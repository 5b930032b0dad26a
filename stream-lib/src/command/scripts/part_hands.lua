-- Shared by the scripts that act on entries that no living consumer holds.
--
-- KEYS  1 stream  2 members  3 meta
-- ARGV  1 group  2 how many ms without a sign a consumer of another library counts as
--       dead  3 how many signs of life follow, of members whose signs are at the stem,
--       each a name and '1' for a valid one, '0' for one that has lapsed
-- A member of this library lives while its sign is valid, and is dead once it has lapsed.
-- Members of older versions give their signs in meta, each valid for twice the lease that
-- it names. For any other consumer, only its idle time counts.
local group, patience = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local behind = 4 + 2 * tonumber(ARGV[3])
local signs, seen = {}, {}
for i = 4, behind - 1, 2 do
  signs[ARGV[i]] = ARGV[i + 1]
end
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group)) do
  local facts = {}
  for i = 1, #info, 2 do
    facts[info[i]] = info[i + 1]
  end
  seen[facts.name] = facts
end

local function sign_of(name)
  if not signs[name] then
    local till = redis.call('ZSCORE', KEYS[2], name)
    local beat = redis.call('HGET', KEYS[3], 'beat:' .. group .. ':' .. name)
    local at, lease = string.match(beat or '', '^(%d+) (%d+)$')
    local good = till and tonumber(till) > now
    good = good or at and now - tonumber(at) < 2 * tonumber(lease)
    signs[name] = good and '1' or (till or at) and '0' or 'none'
  end
  return signs[name]
end

-- Whether a consumer lives; `idle` is the time in ms since it was last given the entry.
local function lives(name, idle)
  if name == '~waiting' or name == '~takeover' then
    return false
  end
  local sign = sign_of(name)
  if sign ~= 'none' then
    return sign == '1'
  end
  return idle < patience or seen[name] and seen[name].idle < patience
end

