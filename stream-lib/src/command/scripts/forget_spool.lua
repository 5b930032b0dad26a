#!lua flags=allow-oom
-- Removes the mark of a spool that has nothing left to send.
--
-- KEYS  1 hash of the marks
-- ARGV  1 the spool  2 the highest number that its owner has given out
-- Reply 1 removed; 0 there is none, or another life of the spool has used it
local mark = redis.call('HGET', KEYS[1], ARGV[1])
if mark and string.match(mark, '^%d*') <= ARGV[2] then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
