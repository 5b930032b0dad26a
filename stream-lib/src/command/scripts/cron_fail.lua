-- Answers a request for a run of a job: it has failed.
--
-- KEYS  1 request
-- ARGV  1 its token  2 why
-- Reply 1, or 0 where the request no longer stands
-- The answer lapses when the request would have.
if redis.call('GET', KEYS[1]) ~= '?' .. ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], '!' .. ARGV[1] .. ' ' .. ARGV[2], 'XX', 'KEEPTTL')
return 1
