#!lua flags=allow-oom
-- Stores settings of a stream, replacing those that were stored.
--
-- KEYS  1 meta
-- ARGV  field, value of each setting
-- Reply per setting: what was stored before ('': nothing)
local before = {}
for i = 1, #ARGV, 2 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i])
  before[#before + 1] = stored or ''
  if stored ~= ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return before
