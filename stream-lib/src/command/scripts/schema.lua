-- Stores the schema of a message type with its stream.
--
-- KEYS  1 schemas
-- ARGV  1 fingerprint  2 the schema, in JSON  3 'producers' or 'consumers': the role
--       of its program  4 the program, which needs no escapes in JSON  5 how many
--       schemas to keep  6 how many ms a stored schema need not be stored again
-- Reply 1 it was written; 2 likewise, and the stream had only others; 0 it is stored,
--       and was seen lately
-- Each value is a JSON object that begins as in `head`. If there are too many, the ones
-- unseen for longest are removed.
local head = '^{"first_seen":(%d+),"last_seen":(%d+),"producers":(%a+),"consumers":(%a+),'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HGET', KEYS[1], ARGV[1])
local first, last, producers, consumers = string.match(known or '', head)
local role = ARGV[3] == 'producers' and producers or ARGV[3] == 'consumers' and consumers
if role == 'true' and now - tonumber(last) < tonumber(ARGV[6]) then
  return 0
end
local others = {}
if not known then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local _, seen = string.match(all[i + 1], head)
    others[#others + 1] = {tonumber(seen) or 0, all[i]}
  end
  table.sort(others, function(a, b) return a[1] < b[1] end)
end
local function flag(before, name)
  return (before == 'true' or ARGV[3] == name) and 'true' or 'false'
end
redis.call('HSET', KEYS[1], ARGV[1], '{"first_seen":' .. (first or string.format('%.0f', now))
  .. ',"last_seen":' .. string.format('%.0f', now)
  .. ',"producers":' .. flag(producers, 'producers')
  .. ',"consumers":' .. flag(consumers, 'consumers')
  .. ',"program":"' .. ARGV[4] .. '","schema":' .. ARGV[2] .. '}')
local gone = {}
for i = 1, #others + 1 - tonumber(ARGV[5]) do
  gone[i] = others[i][2]
end
if #gone > 0 then
  redis.call('HDEL', KEYS[1], unpack(gone))
end
return #others > 0 and 2 or 1
