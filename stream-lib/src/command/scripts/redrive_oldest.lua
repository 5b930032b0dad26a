-- Puts the oldest dead letters back into the stream.
--
-- KEYS  1 stream  2 dead letters
-- ARGV  1 where to begin ('-', or '(' and an id)  2 id of the last that may go
--       3 how many at most  4 about how many bytes to move
-- Reply 1 where to continue ('' at the end)  2 how many were put back  3 how many
--       stay, since their body was too large to be kept
-- The bodies stay in the server. Everything is read before the first write. If Redis
-- refuses even the first entry, its error is the reply, and nothing has changed.
local following, most, left = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local copies, bare = {}, 0
while #copies + bare < most and left > 0 do
  -- One at a time, since their sizes are unknown.
  local letter = redis.call('XRANGE', KEYS[2], following, ARGV[2], 'COUNT', 1)[1]
  if not letter then
    following = ''
    break
  end
  following = '(' .. letter[1]
  local add, size = restored(letter[2])
  left = left - size
  if add then
    copies[#copies + 1] = {id = letter[1], add = add}
  else
    bare = bare + 1
  end
end
local moved, refused = put_back(copies)
if refused then
  if moved == 0 then
    return refused
  end
  following = '(' .. copies[moved].id
end
return {following, moved, bare}
