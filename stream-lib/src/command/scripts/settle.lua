-- Acknowledges entries, only those that a consumer still holds.
--
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  then ids
-- Reply one number per id: 1 acknowledged, 0 not held by the consumer
-- For completions after the lease: a plain XACK doesn't check the owner.
local reply = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  if pending and pending[2] == ARGV[2] then
    redis.call('XACK', KEYS[1], ARGV[1], id)
    reply[#reply + 1] = 1
  else
    reply[#reply + 1] = 0
  end
end
return reply
