-- Creates a group, with its stream, and a consumer in it.
--
-- KEYS  1 stream
-- ARGV  1 group  2 where the group begins ('' creates none)  3 consumer ('' creates
--       none)
-- Reply 1 the group was created, 0 it existed
-- For a server whose memory is full: it refuses the plain commands, but accepts them in a
-- script that allows this.
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
