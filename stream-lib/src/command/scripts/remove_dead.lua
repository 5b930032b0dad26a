-- Removes the oldest dead letters for good.
--
-- KEYS  1 dead letters
-- ARGV  1 id of the last that may go  2 how many at most
-- Reply how many were removed
-- The bodies stay in the server. One that came in behind the last stays.
local letters = redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', ARGV[2])
if #letters == 0 then
  return 0
end
local delete = {'XDEL', KEYS[1]}
for at, letter in ipairs(letters) do
  delete[at + 2] = letter[1]
end
return redis.call(unpack(delete))
