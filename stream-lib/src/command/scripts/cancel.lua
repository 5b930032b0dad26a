-- Cancels scheduled messages.
--
-- KEYS  1 due times  2 bodies  3 unique keys  then for each id its idempotency key, or
--       the third again
-- ARGV  ids
-- Reply for each id 1 it was scheduled, and no longer is; 0 it wasn't
-- Everything is read before anything is removed. A cancelled message holds no key.
local due, bodies, unique = KEYS[1], KEYS[2], KEYS[3]
local reply, gone, names, held, seen = {}, {}, {}, {}, {}
for i, id in ipairs(ARGV) do
  local found = not seen[id] and redis.call('ZSCORE', due, id)
  reply[i] = found and 1 or 0
  if found then
    seen[id] = true
    gone[#gone + 1] = id
    local body = redis.call('HGET', bodies, id)
    local good, _, name = pcall(cmsgpack.unpack_one, body or '')
    if good and type(name) == 'string' and redis.call('HGET', unique, name) == id then
      names[#names + 1] = name
    end
    if KEYS[3 + i] ~= unique and redis.pcall('GET', KEYS[3 + i]) == 's' .. id then
      held[#held + 1] = 3 + i
    end
  end
end
if #gone > 0 then
  if #names > 0 then
    redis.call('HDEL', unique, unpack(names))
  end
  redis.call('HDEL', bodies, unpack(gone))
  redis.call('ZREM', due, unpack(gone))
  for i = 1, #held do
    redis.call('DEL', KEYS[held[i]])
  end
end
return reply
