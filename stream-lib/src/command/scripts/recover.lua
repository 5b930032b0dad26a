-- Fetches entries that were delivered to a consumer and never arrived.
--
-- KEYS  1 stream
-- ARGV  1 group  2 consumer  then ids
-- Reply the entries: {id, delivery count, fields}, without those that the consumer
--       doesn't hold, or that are deleted from the stream
-- The delivery count stays as it is: that delivery is completed here.
local entries = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  if pending and pending[2] == ARGV[2] then
    local claimed = redis.call(
      'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'RETRYCOUNT', pending[4])[1]
    if claimed then
      entries[#entries + 1] = {id, pending[4], claimed[2]}
    else
      redis.call('XACK', KEYS[1], ARGV[1], id)
    end
  end
end
return entries
