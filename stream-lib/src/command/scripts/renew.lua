-- Renews the leases of entries that a consumer still holds.
--
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  then ids
-- Reply one number per id: 1 renewed, 3 deleted from the stream, 0 lost to
--       another consumer, or acknowledged
-- Entries that the consumer has lost are never taken back.
local mine, place, reply = {}, {}, {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  if pending and pending[2] == ARGV[2] then
    mine[#mine + 1] = id
    place[id] = i - 2
    reply[i - 2] = 3
  else
    reply[i - 2] = 0
  end
end
-- Newer servers create the consumer even if nothing is claimed.
if #mine > 0 then
  mine[#mine + 1] = 'JUSTID'
  for _, id in ipairs(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(mine))) do
    reply[place[id]] = 1
  end
end
return reply
