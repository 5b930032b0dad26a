-- Claims entries of ~waiting that are due, the longest due first.
--
-- KEYS  1 stream  2 waiting set
-- ARGV  1 group  2 consumer  3 how many at most
-- Reply 1 ms until the next one is due (-1: none)  2 how many were found
--       deleted from the stream  3 the entries: {id, delivery count, fields}
-- Only what ~waiting still owns is claimed; each claim adds one delivery.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local deleted, entries = 0, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
  if pending and pending[2] == '~waiting' then
    local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id)[1]
    if claimed then
      entries[#entries + 1] = {id, pending[4] + 1, claimed[2]}
    else
      redis.call('XACK', KEYS[1], ARGV[1], id)
      deleted = deleted + 1
    end
  end
  redis.call('ZREM', KEYS[2], id)
end
local wait = -1
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if first[2] then
  wait = math.max(0, tonumber(first[2]) - now)
end
return {wait, deleted, entries}
