-- Puts dead letters back into the stream.
--
-- KEYS  1 stream  2 dead letters
-- ARGV  1 about how many bytes to move  then ids of dead letters
-- Reply one item per id: the new id; 'gone' where there is no such dead letter;
--       'bare' where its body was too large to be kept; 'later' where it was
--       not reached
-- All is read before the first write. Where Redis takes not even the first entry,
-- its error is the reply, and nothing has changed.
local left = tonumber(ARGV[1])
local reply, copies, asked = {}, {}, {}
for i = 2, #ARGV do
  local id, outcome = ARGV[i], 'gone'
  if left <= 0 then
    outcome = 'later'
  elseif not asked[id] then
    asked[id] = true
    local letter = redis.call('XRANGE', KEYS[2], id, id)[1]
    if letter then
      local add, size = restored(letter[2])
      left = left - size
      outcome = add and 'later' or 'bare'
      if add then
        copies[#copies + 1] = {at = i - 1, id = id, add = add}
      end
    end
  end
  reply[i - 1] = outcome
end
local moved, refused = put_back(copies)
if refused and moved == 0 then
  return refused
end
for _, copy in ipairs(copies) do
  reply[copy.at] = copy.added or 'later'
end
return reply
