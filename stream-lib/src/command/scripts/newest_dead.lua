-- The id of the newest dead letter.
--
-- KEYS  1 dead letters
-- Reply its id, '' if there is none
-- The body stays in the server: it may be large.
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return newest and newest[1] or ''
