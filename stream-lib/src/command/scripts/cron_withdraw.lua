-- Withdraws a request for a run of a job, unless a process has run it.
--
-- KEYS  1 request
-- ARGV  1 its token
-- Reply what stood there ('': nothing)
local stands = redis.call('GET', KEYS[1]) or ''
if stands == '?' .. ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return stands
