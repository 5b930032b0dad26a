-- Releases a lock that is still ours.
--
-- KEYS  1 lock
-- ARGV  1 who we are
-- Reply 1 released, 0 not ours
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
