-- Removes a consumer from its group, if it holds nothing.
--
-- KEYS  1 stream  2 meta
-- ARGV  1 group  2 consumer
-- Reply 1 removed, 0 it still holds entries
-- XGROUP DELCONSUMER would discard what the consumer holds.
if redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])[1] then
  return 0
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
redis.call('HDEL', KEYS[2], 'beat:' .. ARGV[1] .. ':' .. ARGV[2])
return 1
