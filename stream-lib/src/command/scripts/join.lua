-- Makes a group, and the stream with it, and a consumer known in it.
--
-- KEYS  1 stream
-- ARGV  1 group  2 where the group begins ('' makes none)  3 consumer ('' makes
--       none)
-- Reply 1 the group was made, 0 it stood
-- For a server whose memory is full: it refuses the plain commands, and in a
-- script that may run then it doesn't.
local made = 0
if ARGV[2] ~= '' then
  local group = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
  if not group.err then
    made = 1
  elseif not string.find(group.err, 'BUSYGROUP') then
    return group
  end
end
if ARGV[3] ~= '' then
  redis.call('XGROUP', 'CREATECONSUMER', KEYS[1], ARGV[1], ARGV[3])
end
return made
